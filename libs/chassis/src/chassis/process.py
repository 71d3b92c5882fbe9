"""A service as processes of its own: ``python -m credit_svc api``, ``worker``, ``migrate`` and ``renew``.

`api` serves the routes, `worker` does the work of its roles and tells its health, `migrate` brings the database to the
current shape and ends, `renew` begins a new life of a log that was restored. They know each other by their databases
alone.
"""

import asyncio
import base64
import binascii
import os
import signal
import socket
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import structlog
import uvloop
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from chassis.app import create_app, create_worker_app
from chassis.run import PortTaken, WrongKey, bound, connected, right_key, server, working
from chassis.runtime import Runtime, needed, seals
from chassis.service import Service
from chassis.settings import Settings
from chassis.telemetry import LOG, configure
from chassis.workers import ROLES, Role
from chassis.wrong_settings import named
from engine.database import NewerSchema, create_database, migrate
from engine.heap import leave_quickly
from engine.readiness import NotReady, answering, migrated
from engine.roles import NoRole
from engine.store import NotTheOwner, renew

COMMANDS = {
    "api": "serve the routes of the service on KEHU_HTTP__PORT",
    "worker": "do the work of KEHU_WORK__ROLES (all of them unless set); health on KEHU_HTTP__PORT",
    "migrate": "bring the database to the current shape, give the roles their rights, and end",
    "renew": "after its database was restored, or a standby promoted: begin a new life of the log, and end",
}


class CannotBegin(Exception):
    """The settings do not suffice; the sentence says what to set."""


def main(service: Service) -> None:
    """What ``python -m <x>_svc`` does. Ends with exit code 1 and one sentence where it cannot begin."""
    command = asked(service)
    try:
        settings = Settings()
        configure(settings.logs)
        structlog.contextvars.bind_contextvars(process=f"{service.name}-{command}")
        uvloop.run(run(command, service, settings))
    except (KeyboardInterrupt, asyncio.CancelledError):
        LOG.info("stopped before it began")
    except (ValidationError, SettingsError) as wrong:
        sys.exit(f"{service.name} {command} did not start: {named(wrong)}")
    except (CannotBegin, NewerSchema, NoRole, NotReady, NotTheOwner, PortTaken, WrongKey) as stopped:
        sys.exit(f"{service.name} {command} did not start: {stopped}")
    finally:
        leave_quickly()


def asked(service: Service) -> str:
    """The command of the command line; exits where there is none."""
    parser = ArgumentParser(
        prog=f"python -m {service.name}_svc",
        description=f"{service.title}.",
        epilog="\n".join(f"  {name:8} {what}" for name, what in COMMANDS.items())
        + "\n\nsettings: the environment, see docs/reference/settings.md",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    return str(parser.parse_args().command)


async def run(command: str, service: Service, settings: Settings) -> None:
    """Until SIGTERM or SIGINT, `migrate` until it is done. Raises what `main` tells in one sentence."""
    ends_with_the_signal()
    match command:
        case "api":
            await api(service, settings)
        case "worker":
            await worker(service, settings)
        case "migrate":
            await migration(service, settings)
        case _:
            await new_life(service, settings)


def ends_with_the_signal() -> None:
    """SIGTERM ends what waits to begin: as the first process of a container it would be ignored otherwise.

    While it serves, the server listens to the signal instead.
    """
    loop, main_task = asyncio.get_running_loop(), asyncio.current_task()
    assert main_task is not None

    def end(*_: object) -> None:
        loop.call_soon_threadsafe(main_task.cancel)

    signal.signal(signal.SIGTERM, end)


async def api(service: Service, settings: Settings) -> None:
    """Serve the routes of `service`."""
    with bound(settings.http.host, settings.http.port, "KEHU_HTTP__PORT") as door:
        async with begun(service, settings) as runtime:
            LOG.info("serving", prefix=service.prefix, port=_port(door))
            await server(create_app([runtime]), settings, [runtime]).serve(sockets=[door])
    LOG.info("stopped")


async def worker(service: Service, settings: Settings) -> None:
    """Do the work of the roles that are set, and tell its health."""
    roles, settings = chosen(settings.work.roles), apart(settings)
    with bound(settings.http.host, settings.http.port, "KEHU_HTTP__PORT") as door:
        async with begun(service, settings) as runtime, working([runtime], roles):
            LOG.info("working", roles=list(roles), member=settings.work.member, port=_port(door))
            await server(create_worker_app(runtime), settings, [runtime]).serve(sockets=[door])
    LOG.info("stopped")


async def migration(service: Service, settings: Settings) -> None:
    """Bring the database of `service` to the current shape; of several that do one works, the others wait."""
    url = places([service.name], settings)[service.name]
    made_here = settings.databases.server if service.name not in settings.databases.urls else None
    if made_here is not None:
        await answering(made_here.get_secret_value(), settings.databases.patience, LOG.info)
        await create_database(made_here.get_secret_value(), f"kehu_{service.name}")
    await answering(url, settings.databases.patience, LOG.info)
    await migrate(url)
    LOG.info("migrated", database=f"kehu_{service.name}")


async def new_life(service: Service, settings: Settings) -> None:
    """Whoever has read the log of `service` begins again: it may give out positions again. Raises NotTheOwner."""
    url = places([service.name], settings)[service.name]
    await answering(url, settings.databases.patience, LOG.info)
    life = await renew(url)
    LOG.info("a new life has begun", database=f"kehu_{service.name}", incarnation=str(life))


@asynccontextmanager
async def begun(service: Service, settings: Settings) -> AsyncIterator[Runtime]:
    """`service` over its databases, once they answer and have been migrated. Raises what `main` tells."""
    with_a_key(service, settings)
    urls, patience = places(needed([service]), settings), settings.databases.patience
    for name, url in urls.items():
        await migrated(url, patience, LOG.info, own=name == service.name)
    await right_key(settings, {service.name: urls[service.name]}, "KEHU_KEYS__ENCRYPTION")
    async with connected([service], settings, urls) as (runtime,):
        yield runtime


def places(names: Collection[str], settings: Settings) -> Mapping[str, str]:
    """Where the databases of these services are. Raises CannotBegin where one is not said."""
    given = settings.databases
    found = {name: url.get_secret_value() for name, url in given.urls.items() if name in names}
    lacking = sorted(set(names) - set(found))
    if lacking and given.server is None:
        example = ", ".join(f'"{name}": "postgresql://kehu:PASSWORD@db:5432/kehu_{name}"' for name in sorted(names))
        raise CannotBegin(
            f"it works with the databases of {', '.join(sorted(names))}, and nobody says where that of "
            f"{', '.join(lacking)} is: set KEHU_DATABASES__URLS='{{{example}}}', or KEHU_DATABASES__SERVER to the "
            "server all of them are on"
        )
    server = given.server or SecretStr("")
    return {name: found.get(name) or on(server.get_secret_value(), name) for name in sorted(names)}


def on(server_url: str, name: str) -> str:
    """The URL of a service's database on a server that holds those of all."""
    head, mark, query = server_url.partition("?")
    scheme, _, rest = head.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/kehu_{name}{mark}{query}"


def with_a_key(service: Service, settings: Settings) -> None:
    """Raises CannotBegin where data of persons could not be sealed, or the key is none."""
    key = settings.keys.encryption
    if key is None:
        if seals(service) and not settings.auth.development:
            raise CannotBegin(
                f"{service.name} seals what is said of persons and has no key for it: set KEHU_KEYS__ENCRYPTION to 32 "
                "bytes as base64 (openssl rand -base64 32), the same for all processes, and keep it: without it "
                "nothing said of persons can be read"
            )
        return
    try:
        length = len(base64.b64decode(key.get_secret_value(), validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if length not in (16, 24, 32):
        raise CannotBegin("KEHU_KEYS__ENCRYPTION is not a key: 32 bytes as base64, as openssl rand -base64 32 makes")


def chosen(roles: Collection[str] | None) -> tuple[Role, ...]:
    """The roles of a worker process. Raises CannotBegin for one there is not."""
    unknown = sorted(set(roles or ()) - set(ROLES))
    if unknown:
        raise CannotBegin(
            f"KEHU_WORK__ROLES: there is no role {', '.join(unknown)}; the roles are {', '.join(ROLES)}, as JSON: "
            f'KEHU_WORK__ROLES=\'["{ROLES[0]}", "{ROLES[1]}"]\''
        )
    return tuple(role for role in ROLES if roles is None or role in roles)


def apart(settings: Settings) -> Settings:
    """The settings with a name of this process's own in its groups, unless one is set.

    A container that is started again has its name again, and so takes over what it worked on before at once.
    """
    if "member" in settings.work.model_fields_set:
        return settings
    member = f"{socket.gethostname()}-{os.getpid()}"
    return settings.model_copy(update={"work": settings.work.model_copy(update={"member": member})})


def _port(door: socket.socket) -> int:
    return int(door.getsockname()[1])

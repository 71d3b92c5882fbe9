"""Serving: workers started beside the port, everything stopped in order, open streams included."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOL_SOCKET, socket
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from chassis.runtime import Runtime, needed, open_runtime, wrapping_key
from chassis.service import Service
from chassis.settings import Settings, Traces
from chassis.telemetry import configure
from chassis.workers import ROLES, Role, supervisor
from engine.database import Database, migrate
from engine.heap import look_seldom
from engine.keys import misfits
from engine.roles import READER, WRITER
from engine.wakeups import Wakeups


class PortTaken(OSError):
    """Something else listens there, or this user may not."""


class WrongKey(Exception):
    """The encryption key is another company's; the sentence says where it was found."""


@asynccontextmanager
async def opened(
    services: Sequence[Service], settings: Settings, urls: Mapping[str, str]
) -> AsyncIterator[list[Runtime]]:
    """Runtimes of `services`, whose databases are migrated first; `urls` by service name, those of topics read too."""
    for service in services:
        await migrate(urls[service.name])
    async with connected(services, settings, urls) as runtimes:
        yield runtimes


@asynccontextmanager
async def connected(
    services: Sequence[Service], settings: Settings, urls: Mapping[str, str]
) -> AsyncIterator[list[Runtime]]:
    """Runtimes of `services` over databases that are migrated."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(traced(settings.traces, services))
        own, databases = {service.name for service in services}, dict[str, Database]()
        for name in sorted(needed(services)):
            role, given = (WRITER if name in own else READER), settings.databases
            databases[name] = await Database.open(urls[name], given.pool, role, strict=given.strict_roles)
            stack.push_async_callback(databases[name].close)
        wakeups = Wakeups()
        runtimes = [await open_runtime(service, settings, databases, wakeups) for service in services]
        for runtime in runtimes:
            stack.push_async_callback(runtime.close)
        yield runtimes


async def right_key(settings: Settings, urls: Mapping[str, str], place: str) -> None:
    """Raises WrongKey where the key does not open what was sealed here: with it persons would be sealed under two.

    `urls` of the databases by service name; `place` is where the key was found.
    """
    key = wrapping_key(settings)
    for name, url in urls.items():
        if key is not None and await misfits(url, key):
            raise WrongKey(f"{place} is not the key persons were sealed with in {name}: bring back the one that is")


@asynccontextmanager
async def traced(given: Traces, services: Sequence[Service]) -> AsyncIterator[None]:
    """What is done in the block is told to a collector, where one is set."""
    if given.endpoint is None:
        yield
        return
    from chassis.traces import following  # noqa: PLC0415 - a fifth of a second that only those who follow need

    async with following(given, f"kehu-{services[0].name}" if len(services) == 1 else "kehu"):
        yield


@asynccontextmanager
async def working(runtimes: Sequence[Runtime], roles: Collection[Role] = ROLES) -> AsyncIterator[None]:
    """The workers of these roles run while the block does; those that fail are started again."""
    supervisors = [supervisor(runtime, roles) for runtime in runtimes]
    for it in supervisors:
        await it.start()
    try:
        yield
    finally:
        await asyncio.gather(
            *(it.stop(runtime.settings.work.grace) for it, runtime in zip(supervisors, runtimes, strict=True))
        )


class Stops(Protocol):
    """Something with streams that are open."""

    @property
    def stopping(self) -> asyncio.Event:
        """Set when they are to end."""
        ...


class Server(uvicorn.Server):
    """uvicorn that ends open event streams first when it is told to stop."""

    def __init__(self, config: uvicorn.Config, runtimes: Sequence[Stops]) -> None:
        super().__init__(config)
        self._runtimes = runtimes

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends the server and is done with: raised again, it would cut short what stops after the server."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        for runtime in self._runtimes:
            runtime.stopping.set()
        await super().shutdown(sockets)


def server(app: ASGIApp, settings: Settings, runtimes: Sequence[Stops]) -> Server:
    """A server for `app` on the port of `settings`; ``await server.serve()`` returns after SIGINT or SIGTERM."""
    configure(settings.logs)
    look_seldom()
    config = uvicorn.Config(
        app, settings.http.host, settings.http.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=int(settings.work.grace), lifespan="on",
        forwarded_allow_ips=list(settings.http.proxies),
    )  # fmt: skip
    return Server(config, runtimes)


def bound(host: str, port: int, setting: str) -> socket:
    """The port, taken before anything is opened; nobody comes in yet. Raises PortTaken, which names the `setting`."""
    door = socket(AF_INET6 if ":" in host else AF_INET)
    try:
        door.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        door.bind((host, port))
    except OSError as refused:
        door.close()
        why = str(refused.strerror or refused).partition(" (")[0].lower()
        raise PortTaken(f"{host}:{port}: {why}; choose another: {setting}={port + 1}") from None
    return door

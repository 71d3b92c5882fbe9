"""Everything on one machine: PostgreSQL, the four services, their workers and the console on one port."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from pydantic import SecretStr

from all_in_one.brokers import on_bus
from all_in_one.demo.begin import Demo, asking, living, recognised, shown
from all_in_one.demo.progress import DENSITY, PATH, Progress
from all_in_one.home import Home, databases
from all_in_one.keeping import kept_up
from all_in_one.services import SERVICES
from chassis.app import create_app
from chassis.run import PortTaken, opened, right_key, server, working
from chassis.settings import BusKind, Keys, Logs, Settings
from chassis.telemetry import configure
from chassis.workers import ROLES
from console import pages
from console.places import PLACES
from engine.embedded import External, Postgres, Server

STAGES = ("starting PostgreSQL", "opening the services", "ready")
KAFKA = "starting Kafka"
KAFKA_AT = "Kafka listens on "


HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""What a page elsewhere cannot make a browser call this machine: it would be handed the development token."""


def embedded_settings(home: Home, port: int, bus: BusKind | None = None) -> Settings:
    """The environment's settings, with development tokens and the folder's own key, listening on `port`."""
    settings = Settings()
    hosts = settings.http.hosts if "hosts" in settings.http.model_fields_set else HOSTS
    http = settings.http.model_copy(update={"port": port, "hosts": hosts})
    auth = settings.auth.model_copy(update={"development": True})
    keys = settings.keys if settings.keys.encryption else Keys(encryption=SecretStr(home.encryption_key()))
    met = settings.bus.model_copy(update={"kind": bus} if bus else {})
    logs = calm(settings.logs, home)
    return settings.model_copy(update={"http": http, "auth": auth, "keys": keys, "logs": logs, "bus": met})


def calm(logs: Logs, home: Home) -> Logs:
    """Warnings to the terminal, as text; everything to a file of the company's folder; what is set otherwise stays."""
    ours = {"format": "pretty", "level": "warning", "file": home.folder / "kehu.log"}
    return logs.model_copy(update={name: value for name, value in ours.items() if name not in logs.model_fields_set})


@dataclass(frozen=True, slots=True)
class Watch:
    """The demo company as it is wanted: so dense, and shown as it comes in."""

    density: float = DENSITY
    show: Callable[[Progress], None] = lambda _: None


@asynccontextmanager
async def application(
    home: Home, settings: Settings, say: Callable[[str], None], watch: Watch | None = None
) -> AsyncIterator[FastAPI]:
    """The whole of Kehu on the data in `home`, working until the block is left. The demo opens its own days."""
    watch = watch or Watch()
    say(STAGES[0])
    postgres = await server_of(home, settings)
    try:
        made = await databases(postgres, tuple(s.name for s in SERVICES if s.name not in settings.databases.urls))
        urls = {**made, **{name: url.get_secret_value() for name, url in settings.databases.urls.items()}}
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(kept_up([postgres] if isinstance(postgres, Server) else []))
            if settings.bus.kind == "kafka":
                say(KAFKA)
            settings = await stack.enter_async_context(on_bus(settings, home.folder / "kafka"))
            if settings.bus.kind == "kafka":
                say(f"{KAFKA_AT}{settings.kafka.bootstrap}")
            say(STAGES[1])
            runtimes = await stack.enter_async_context(opened(SERVICES, settings, urls))
            await right_key(settings, urls, key_place(home))
            marker = await recognised(runtimes[0].database, settings, watch.density if home.is_demo else None)
            roles = [role for role in ROLES if role != "daybreak" or marker is None or not marker.lives]
            await stack.enter_async_context(working(runtimes, roles))
            app = create_app(runtimes)
            client = await stack.enter_async_context(asking(app, settings))
            demo = Demo(client, ZoneInfo(settings.company.time_zone), marker)
            await stack.enter_async_context(living(demo, watch.show))
            furnish(app, demo, settings)
            yield app
    finally:
        await postgres.stop()


def furnish(app: FastAPI, demo: Demo, settings: Settings) -> None:
    """Add the page to `app`; call it last, it takes every path that is still free."""
    shown(demo, app)
    token = "dev-admin" if settings.auth.development else None
    pages.mount(app, PLACES, token, progress=PATH)


def key_place(home: Home) -> str:
    """Where the key of persons was found."""
    return str(home.key_place) if Settings().keys.encryption is None else "KEHU_KEYS__ENCRYPTION"


async def server_of(home: Home, settings: Settings, sessions: int | None = None) -> Postgres:
    """The PostgreSQL named in the settings, else the embedded one on `home`, for so many sessions."""
    named = settings.databases.server
    return External(named.get_secret_value()) if named else await home.start_database(sessions)


async def up(
    home: Home, port: int, say: Callable[[str], None], watch: Watch | None = None, bus: BusKind | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; then end open streams, workers and database in this order.

    Raises engine.embedded_home.CannotStart, engine.local_kafka.NoKafka or PortTaken with what to do.
    """
    settings = embedded_settings(home, port, bus)
    configure(settings.logs)
    with listening(settings.http.host, port) as door:
        async with application(home, settings, say, watch) as app:
            say(STAGES[2])
            await server(app, settings, app.state.runtimes).serve(sockets=[door])


def listening(host: str, port: int, command: str = "make run") -> socket.socket:
    """The port, taken before anything is started; who comes early waits. Raises PortTaken."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as refused:
        why = str(refused.strerror).partition(" (")[0].lower()
        raise PortTaken(f"{host}:{port}: {why}; choose another: {command} PORT={port + 1}") from None

"""The distributed way of running, on one machine: an api and a worker process a service, a gateway before them."""

import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from all_in_one.brokers import on_bus
from all_in_one.demo.begin import Demo, asking, living, recognised
from all_in_one.demo.marker import Marker
from all_in_one.home import Home, databases
from all_in_one.keeping import kept_up
from all_in_one.processes import Process, answering, ending, launched
from all_in_one.runner import (
    KAFKA,
    KAFKA_AT,
    STAGES,
    Watch,
    embedded_settings,
    furnish,
    key_place,
    listening,
    server_of,
)
from chassis.process import ends_with_the_signal
from chassis.run import right_key, server
from chassis.settings import BusKind, Settings
from chassis.telemetry import configure
from console.gateway import gateway
from console.places import PLACES
from engine.database import Database, migrate
from engine.embedded import Server

SESSIONS = 400
"""Of the embedded PostgreSQL: eight processes, each with pools into the databases it works with."""
OPENS_DAYS = "customer-worker"
"""The process that opens the business days, or leaves that to the demo company."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a start tells: its stages, the processes once they are up, and what happens to them later."""

    stage: Callable[[str], None]
    up: Callable[[Sequence[Process]], None]
    news: Callable[[str], None]


@dataclass(slots=True)
class Layout:
    """Which processes there are, on which ports, with which environment."""

    home: Home
    settings: Settings
    urls: Mapping[str, str]
    port: int
    _taken: set[int] = field(default_factory=set)

    def processes(self, role: str, names: Sequence[str], **more: str) -> list[Process]:
        """Those of this role for these services."""
        return [self._process(role, name, more) for name in names]

    def _process(self, role: str, name: str, more: Mapping[str, str]) -> Process:
        log = self.home.folder / "logs" / f"{name}-{role}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**self._common(), "KEHU_LOGS__FILE": str(log), **more}
        return Process(f"{name}-{role}", f"{name}_svc", role, self._free(), log, environment)

    def _common(self) -> dict[str, str]:
        s = self.settings
        key = s.keys.encryption.get_secret_value() if s.keys.encryption else ""
        return {
            "KEHU_HTTP__HOST": "127.0.0.1",
            "KEHU_HTTP__HOSTS": '["127.0.0.1"]',
            "KEHU_HTTP__ORIGINS": "[]",
            "KEHU_AUTH__DEVELOPMENT": str(s.auth.development).lower(),
            "KEHU_DATABASES__URLS": json.dumps(dict(self.urls)),
            "KEHU_KEYS__ENCRYPTION": key,
            "KEHU_BUS__KIND": s.bus.kind,
            "KEHU_KAFKA__BOOTSTRAP": s.kafka.bootstrap,
            "KEHU_WORK__MEMBER": s.work.member,
            "KEHU_LOGS__FORMAT": s.logs.format,
            "KEHU_LOGS__LEVEL": s.logs.level,
        }

    def _free(self) -> int:
        """The next port above ours, or one that is free."""
        wanted = next(p for p in range(self.port + 1, self.port + 100) if p not in self._taken)
        self._taken.add(wanted)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])


async def run(home: Home, port: int, told: Told, watch: Watch, bus: BusKind) -> None:
    """Serve until SIGINT or SIGTERM; then stop the gateway, all processes at once, Kafka, PostgreSQL.

    Raises engine.embedded_home.CannotStart, engine.local_kafka.NoKafka, NoStart or PortTaken with what to do.
    """
    ends_with_the_signal()
    settings = embedded_settings(home, port, bus)
    configure(settings.logs)
    with listening(settings.http.host, port, "make distributed") as door:
        async with application(home, settings, told, watch) as app:
            told.stage(STAGES[-1])
            await server(app, settings, [app.state.gateway]).serve(sockets=[door])


@asynccontextmanager
async def application(home: Home, settings: Settings, told: Told, watch: Watch) -> AsyncIterator[FastAPI]:
    """The gateway before all processes, which work until the block is left."""
    told.stage(STAGES[0])
    postgres = await server_of(home, settings, SESSIONS)
    try:
        made = await databases(postgres, tuple(p.name for p in PLACES if p.name not in settings.databases.urls))
        urls = {**made, **{name: url.get_secret_value() for name, url in settings.databases.urls.items()}}
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(kept_up([postgres] if isinstance(postgres, Server) else []))
            if settings.bus.kind == "kafka":
                told.stage(KAFKA)
            settings = await stack.enter_async_context(on_bus(settings, home.folder / "kafka"))
            if settings.bus.kind == "kafka":
                told.stage(KAFKA_AT + settings.kafka.bootstrap)
            layout = Layout(home, settings, urls, settings.http.port)
            yield await stack.enter_async_context(services(layout, told, watch))
    finally:
        await postgres.stop()


@asynccontextmanager
async def services(layout: Layout, told: Told, watch: Watch) -> AsyncIterator[FastAPI]:
    """The processes of all services, the demo company where that is wanted, and the gateway."""
    settings, names = layout.settings, [place.name for place in PLACES]
    told.stage(f"starting {2 * len(names)} processes")
    apis, workers = layout.processes("api", names), layout.processes("worker", names)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ending([*apis, *workers]))
        calendar = next(w for w in workers if w.name == OPENS_DAYS)
        await launched([p for p in (*apis, *workers) if p is not calendar])
        marker = await prepared(layout, watch)  # they load meanwhile, and wait for it
        lives = marker is not None and marker.lives
        calendar.environment["KEHU_COMPANY__OPENS_DAYS"] = str(settings.company.opens_days and not lives).lower()
        await launched([calendar])
        await answering([*apis, *workers])
        await stack.enter_async_context(kept_up([*apis, *workers], told.news))
        told.up([*apis, *workers])
        at, working = ({n: p.url for n, p in zip(names, some, strict=True)} for some in (apis, workers))
        app = await stack.enter_async_context(gateway(settings, at, working))
        client = await stack.enter_async_context(asking(app, settings))
        demo = Demo(client, ZoneInfo(settings.company.time_zone), marker)
        await stack.enter_async_context(living(demo, watch.show))
        furnish(app, demo, settings)
        yield app


async def prepared(layout: Layout, watch: Watch) -> Marker | None:
    """All databases are migrated, the key is the one their persons were sealed with; which demo company lives in them.

    Raises NewerSchema, WrongKey.
    """
    for url in layout.urls.values():
        await migrate(url)
    await right_key(layout.settings, layout.urls, key_place(layout.home))
    database = await Database.open(layout.urls["customer"], 2)
    try:
        return await recognised(database, layout.settings, watch.density if layout.home.is_demo else None)
    finally:
        await database.close()

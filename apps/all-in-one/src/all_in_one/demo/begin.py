"""Before the services: the demo company is recognised, lives as a worker, and says how far it is at /console/demo.

All of it over HTTP, as an ERP would: the services may be of this process or of others.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from all_in_one.demo.erp import ERP, OFFICE, Erp
from all_in_one.demo.life import Life
from all_in_one.demo.marker import Marker
from all_in_one.demo.progress import PATH, DemoStatus, Progress
from chassis.front import EVERYBODY
from chassis.gate import QUIET
from chassis.settings import Settings
from engine import clock
from engine.database import Database
from engine.inbox import Inbox, Pauses
from engine.lifecycle import Supervisor
from engine.serde import Serde
from engine.store import PostgresStore

SEED = 1
LOOK = 0.05
"""Seconds between looks at who is behind."""
START_ANEW = "make run DATA=demo2"


@dataclass(slots=True)
class Demo:
    """The demo company of these services; `marker` None: the company is somebody's own."""

    client: httpx.AsyncClient
    zone: ZoneInfo
    marker: Marker | None
    progress: Progress = field(default_factory=Progress)
    supervisor: Supervisor | None = None

    @property
    def lives(self) -> bool:
        """As of its marker."""
        return self.marker is not None and self.marker.lives

    async def calendar(self) -> tuple[date | None, bool]:
        """The open business day, and whether the company went live."""
        answer = await self.client.get("/api/customers/days", headers=OFFICE)
        told = answer.raise_for_status().json()
        return (date.fromisoformat(told["today"]) if told["opened"] else None), told["went_live"]

    async def settled(self) -> None:
        """Wait until every reader of every service has dealt with what is stored."""
        while behind((await self.client.get("/health/ready")).json()):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(LOOK)

    def status(self) -> DemoStatus:
        """As shown at /console/demo."""
        p, marker = self.progress, self.marker
        if marker is None:
            return DemoStatus(demo=False, state="none", done=0, total=0, seconds_left=None)
        broken = self._problem()
        return DemoStatus(
            demo=True, state="stopped" if broken else p.state, done=p.done, total=p.total, seconds_left=p.seconds_left,
            seed=marker.seed, until=marker.until, through=p.through, refused=p.refused, problem=broken,
        )  # fmt: skip

    def _problem(self) -> str | None:
        if not self.lives:
            return f"made by another edition of Kehu: it can be looked at. A new one: {START_ANEW}"
        worker = self.supervisor.status()[Life.name] if self.supervisor else None
        return worker.error if worker and worker.state == "waiting" else None


def behind(health: Any) -> bool:
    """Whether somebody is, by what /health/ready says; who does not answer counts."""
    return any(
        service["store"] != "up" or any(lag["events"] for lag in service["consumers"].values())
        for service in health["services"].values()
    )


@asynccontextmanager
async def asking(app: ASGIApp, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`, of this very process."""
    here = next(f"http://{host}" for host in (*settings.http.hosts, "127.0.0.1") if host != EVERYBODY)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=_Quiet(app)), base_url=here, headers=ERP, timeout=60
    ) as client:
        yield client


async def recognised(database: Database, settings: Settings, density: float | None) -> Marker | None:
    """The demo company that lives in this data; a new one of this density where nothing has happened yet.

    `density` None: none is wanted. `database` is customer-svc's; it tells before anybody answers requests.
    """
    first = await Inbox(database, Pauses(0, 0)).receipts(0, None, 1)
    if first:
        return Marker.of(first[0].source)
    store = PostgresStore(database, Serde(), settings.company.id)
    if density is not None and not await store.head():
        return Marker(SEED, clock.today(settings.company.time_zone), density)
    return None


def shown(demo: Demo, app: FastAPI) -> None:
    """Have `app` say how far `demo` is; before anything is added that takes every path."""
    app.add_api_route(PATH, demo.status, response_model=DemoStatus, include_in_schema=False)


@asynccontextmanager
async def living(demo: Demo, show: Callable[[Progress], None]) -> AsyncIterator[None]:
    """`demo` lives until the block is left."""
    if demo.marker is None or not demo.lives:
        yield
        return
    erp = Erp(demo.client, demo.marker.source, demo.zone)
    demo.supervisor = Supervisor([Life(demo.marker, erp, demo.calendar, demo.settled, demo.progress, show)])
    await demo.supervisor.start()
    try:
        yield
    finally:
        await demo.supervisor.stop(2)


@dataclass(frozen=True, slots=True)
class _Quiet:
    """`app`, asked by this very process."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[QUIET] = True
        await self.app(scope, receive, send)

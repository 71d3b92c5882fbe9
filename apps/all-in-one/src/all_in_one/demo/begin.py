"""Beside the services: the demo company is recognised, lives as a worker, and says how far it is at /console/demo."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from all_in_one.demo.erp import ERP, Erp
from all_in_one.demo.life import Life
from all_in_one.demo.marker import EDITION, Marker
from all_in_one.demo.progress import PATH, DemoStatus, Progress
from chassis.front import EVERYBODY
from chassis.gate import QUIET
from chassis.runtime import Runtime
from engine import business_day, clock
from engine.lifecycle import Supervisor

SEED = 1
LOOK = 0.02
"""Seconds between looks at who is behind."""
START_ANEW = "make run DATA=demo2"


@dataclass(slots=True)
class Demo:
    """The demo company of this process; `marker` None: the company is somebody's own."""

    runtimes: Sequence[Runtime]
    marker: Marker | None
    progress: Progress = field(default_factory=Progress)
    supervisor: Supervisor | None = None

    @property
    def lives(self) -> bool:
        """Whether it goes on: one of another edition would contradict its own past."""
        return self.marker is not None and self.marker.edition == EDITION

    async def calendar(self) -> tuple[date | None, bool]:
        """The open business day, and whether the company went live."""
        customer = self.runtimes[0]
        return await business_day.state(customer.database.pool, customer.settings.company.id)

    async def settled(self) -> None:
        """Wait until every reader of every service has dealt with what is stored."""
        for runtime in self.runtimes:
            behind = True
            while behind:
                behind = any(lag.events for lag in (await runtime.lags()).values())
                await asyncio.sleep(LOOK if behind else 0)

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


async def recognised(runtimes: Sequence[Runtime], density: float | None) -> Demo:
    """The demo company that lives in this data; a new one of this density where nothing has happened yet.

    `density` None: none is wanted. The first of `runtimes` is customer-svc's.
    """
    customer = runtimes[0]
    first = await customer.inbox.receipts(0, None, 1)
    if first:
        return Demo(runtimes, Marker.of(first[0].source))
    if density is not None and not await customer.store.head():
        return Demo(runtimes, Marker(SEED, clock.today(customer.settings.company.time_zone), density))
    return Demo(runtimes, None)


@asynccontextmanager
async def living(demo: Demo, app: FastAPI, show: Callable[[Progress], None]) -> AsyncIterator[None]:
    """`demo` lives on `app` until the block is left, and `app` says how far it is."""
    app.add_api_route(PATH, demo.status, response_model=DemoStatus, include_in_schema=False)
    if demo.marker is None or not demo.lives:
        yield
        return
    settings, transport = demo.runtimes[0].settings, httpx.ASGITransport(app=_Quiet(app))
    here = next(f"http://{host}" for host in (*settings.http.hosts, "127.0.0.1") if host != EVERYBODY)
    async with httpx.AsyncClient(transport=transport, base_url=here, headers=ERP) as client:
        erp = Erp(client, demo.marker.source, ZoneInfo(settings.company.time_zone))
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

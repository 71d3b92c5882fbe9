"""Rebuilds asked for over HTTP: run beside the requests, their progress kept for whoever asks."""

import asyncio
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.telemetry import LOG, place
from engine import clock
from engine.database import Database
from engine.ports import Bus
from engine.projection import View
from engine.rebuild import rebuild
from engine.serde import Serde
from engine.shadow import Progress


class Rebuild(BaseModel):
    """How far a rebuild is. `left`: seconds. `same`: the new table holds what the old one did (None: unknown)."""

    state: Literal["running", "done", "failed"] = "running"
    events: int = 0
    total: int | None = None
    left: float | None = None
    parked: int | None = None
    same: bool | None = None
    gone: int | None = None
    new: int | None = None
    error: str | None = None
    started_at: datetime
    ended_at: datetime | None = None


class Rebuilds:
    """The rebuilds of one service that this process was asked for."""

    def __init__(self, database: Database, bus: Bus, serde: Serde) -> None:
        self._database, self._bus, self._serde = database, bus, serde
        self._shown: dict[str, Rebuild] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def get(self, name: str) -> Rebuild | None:
        """The last one of view `name`, as far as it is now."""
        shown = self._shown.get(name)
        return shown.model_copy() if shown else None

    def start(self, view: View) -> None:
        """Begin to build `view` anew, unless this process is at it already."""
        running = self.get(view.name)
        if running is not None and running.state == "running":
            return
        self._shown[view.name] = shown = Rebuild(started_at=clock.now())
        task = asyncio.create_task(self._run(view, shown), name=f"rebuild:{view.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Break off what is under way: the live views stay as they are, a later rebuild cleans up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, view: View, shown: Rebuild) -> None:
        def report(progress: Progress) -> None:
            shown.events, shown.total, shown.left = progress.done, progress.total, round(progress.left, 1)

        try:
            outcome = await rebuild(view, self._database, self._bus, self._serde, progress=report)
        except Exception as error:
            LOG.error("rebuild failed", view=view.name, error=type(error).__name__, at=place(error))
            shown.state, shown.error = "failed", type(error).__name__
        else:
            shown.state = "done"
            if outcome is not None:
                shown.events, shown.parked, shown.same = outcome.events, outcome.parked, outcome.same
                shown.gone, shown.new = outcome.difference or (None, None)
        shown.ended_at = clock.now()

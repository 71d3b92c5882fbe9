"""The life of the demo company: its history is loaded, it goes live, from then on every day brings documents."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from all_in_one.demo.company.document import Document
from all_in_one.demo.company.history import documents
from all_in_one.demo.erp import Erp
from all_in_one.demo.marker import Marker
from all_in_one.demo.progress import Progress
from engine import clock
from engine.lifecycle import unless_stopped

LOOK = 0.25
"""Seconds between looks at the business day."""
AHEAD = timedelta(days=45)
"""Documents are made so far in advance: making them costs a second, however few are wanted."""
DAY = timedelta(days=1)
FIRST = 100
"""Documents that come before everything else."""


@dataclass(slots=True)
class Life:
    """Worker. Killed at any moment it goes on where it was: what was answered before is not sent again.

    `calendar` tells the open business day (None: none was opened yet), and whether the company went live.
    """

    marker: Marker
    erp: Erp
    calendar: Callable[[], Awaitable[tuple[date | None, bool]]]
    progress: Progress
    show: Callable[[Progress], None]
    _coming: Sequence[Document] = ()
    _made_through: date = date.min
    _taken: set[str] = field(default_factory=set)

    name = "demo"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        self._taken = await self.erp.taken()
        _, live = await self.calendar()
        if not live:
            await self._load()
        await self._make(self.marker.until - DAY)
        while not stop.is_set():
            await self._look()
            await unless_stopped(stop, asyncio.sleep(LOOK))

    async def _load(self) -> None:
        """The history up to the eve of the last day, which is lived already."""
        firm, eve = self.marker.firm(), self.marker.until - DAY
        self.progress.begin("loading", 0)
        self.show(self.progress)
        history = await asyncio.to_thread(documents, firm, eve)
        self.progress.begin("loading", len(history))
        missing = [d for d in history if d.id not in self._taken]
        self._counted(len(history) - len(missing))
        first, rest = missing[:FIRST], missing[FIRST:]
        await self._bring(first, initial_load=True)  # before the day: they are what the company is recognised by
        await self._open(self.marker.until)
        await self._bring(rest, initial_load=True)
        (await self.erp.post("/api/customers/days/live", "live", {"loaded_documents": len(history)})).raise_for_status()
        self.progress.through = eve
        self.progress.loaded, self.progress.took = len(history), self.progress.seconds

    async def _bring(self, some: Sequence[Document], *, initial_load: bool) -> None:
        outcome = await self.erp.send(some, self._counted, initial_load=initial_load)
        self.progress.refused += outcome.refused
        self._taken.update(d.id for d in some)

    def _counted(self, documents: int) -> None:
        self.progress.add(documents)
        self.show(self.progress)

    async def _open(self, day: date) -> None:
        (await self.erp.post("/api/customers/days/open", f"day/{day}", {"day": str(day)})).raise_for_status()

    async def _look(self) -> None:
        """Open the next day where the clock has got there, and bring what is new up to the open day."""
        day, _ = await self.calendar()
        day = day or self.marker.until
        if self._through >= day and day < clock.today(str(self.erp.zone)):
            day += DAY
            await self._open(day)
        if self._through < day or self.progress.state != "live":
            await self._live(day)

    @property
    def _through(self) -> date:
        return self.progress.through or date.min

    async def _live(self, day: date) -> None:
        """Send what the ERP knows by the evening of `day` and has not sent."""
        if day > self._made_through:
            await self._make(day)
        due = [d for d in self._coming if d.known <= day and d.id not in self._taken]
        self._coming = [d for d in self._coming if d.known > day]
        self.progress.begin("moving", len(due))
        self.show(self.progress)
        for some in _in_steps(due):
            await self._bring(some, initial_load=False)
        self.progress.through, self.progress.state = day, "live"
        self.show(self.progress)

    async def _make(self, day: date) -> None:
        """The documents that are still to be sent up to some weeks after `day`."""
        self._made_through = day + AHEAD
        made = await asyncio.to_thread(documents, self.marker.firm(), self._made_through)
        self._coming = [d for d in made if d.id not in self._taken and (d.known > self._through)]


def _in_steps(due: Sequence[Document]) -> list[list[Document]]:
    """Day by day: what is paid today is not known to a decision of yesterday."""
    steps: dict[date, list[Document]] = {}
    for document in due:
        steps.setdefault(document.known, []).append(document)
    return list(steps.values())

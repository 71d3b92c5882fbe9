"""The life of the demo company: its history is loaded, it goes live, from then on every day brings documents."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from all_in_one.demo.company.complaints import Act, acts
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.history import documents, latest_bill
from all_in_one.demo.erp import Erp
from all_in_one.demo.marker import Marker
from all_in_one.demo.progress import Progress
from engine import clock
from engine.lifecycle import unless_stopped
from events import erp

LOOK = 0.2
"""Seconds between looks at the business day."""
AHEAD = timedelta(days=45)
"""So far in advance documents are made: making them takes a second, however few are wanted."""
DAY = timedelta(days=1)
RECORD = frozenset({erp.Customer.type, erp.CustomerRecord.type})
"""Comes before everything else: complaints are about customers, and the company is recognised by its first document."""


@dataclass(slots=True)
class Life:
    """Worker. Killed at any moment it goes on where it was: what was answered before is not sent again.

    `calendar` tells the open business day (None: none was opened yet), and whether the company went live; `settled`
    waits until everybody has heard of what was sent.
    """

    marker: Marker
    erp: Erp
    calendar: Callable[[], Awaitable[tuple[date | None, bool]]]
    settled: Callable[[], Awaitable[None]]
    progress: Progress
    show: Callable[[Progress], None]
    _coming: Sequence[Document] = ()
    _acts: Sequence[Act] = ()
    _made_through: date = date.min
    _taken: set[str] = field(default_factory=set)
    _kept: dict[str, date] = field(default_factory=dict)
    _delays: dict[str, timedelta] = field(default_factory=dict)

    name = "demo"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        self._taken = await self.erp.taken()
        _, live = await self.calendar()
        if live:
            self.progress.begin("moving", 0)
        else:
            await self._load()
        await self._make(self.marker.until)
        while not stop.is_set():
            await self._look()
            await unless_stopped(stop, asyncio.sleep(LOOK))

    # --- history --------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        """All up to the eve of the last day, which is lived already; complaints on the days on which they happened."""
        self.progress.begin("loading", 0)
        self.show(self.progress)
        eve = self.marker.until - DAY
        missing, said = await asyncio.to_thread(self._made, eve)
        self.progress.begin("loading", len(self._taken) + len(missing) + len(said))
        self._counted(len(self._taken))
        await self._import([d for d in missing if d.type in RECORD])
        await self._enter(said, opening=True)
        await self.erp.open(self.marker.until)
        await self._import([d for d in missing if d.type not in RECORD])
        await self.erp.go_live(len(self._taken))
        self.progress.through = eve
        self.progress.loaded, self.progress.took = len(self._taken), self.progress.seconds

    async def _enter(self, said: Sequence[Act], *, opening: bool) -> None:
        """Enter steps of complaints; `opening`: each on its day, which is opened for it."""
        done, day = await self.erp.steps(), date.min
        for act in said:
            if opening and act.day > day:
                day = act.day
                await self.erp.open(day)
            if act.number > done.get(act.complaint, 0) and not await self.erp.enter(act):
                self.progress.refused += 1
            self._counted(1)

    async def _import(self, some: Sequence[Document]) -> None:
        self.progress.refused += await self.erp.load(some, self._counted)
        self._taken.update(d.id for d in some)

    def _counted(self, documents: int) -> None:
        self.progress.add(documents)
        self.show(self.progress)

    # --- life -----------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Open the next day where the clock has got there, and bring what is new up to the open day."""
        day, _ = await self.calendar()
        day = day or self.marker.until
        through = self.progress.through or date.min
        if through >= day and day < clock.today(str(self.erp.zone)):
            day += DAY
            await self.erp.open(day)
        if through < day:
            await self._live(day)

    async def _live(self, day: date) -> None:
        """Send what the ERP knows by the evening of `day` and has not sent; what is held waits."""
        await self.settled()
        if day > self._made_through:
            await self._make(day)
        due = self._due(await self.erp.held(), day)
        said = [act for act in self._acts if act.day <= day]
        self.progress.begin("moving", len(due) + len(said))
        self.show(self.progress)
        for some in _in_steps(due):
            self.progress.refused += await self.erp.send(some, self._counted)
            self._taken.update(d.id for d in some)
            await self.settled()
        await self._enter(said, opening=False)
        self._coming = [d for d in self._coming if d.id not in self._taken]
        self._acts = [act for act in self._acts if act.day > day]
        self.progress.through, self.progress.state = day, "live"
        self.show(self.progress)

    def _due(self, held: frozenset[str], day: date) -> Sequence[Document]:
        """What is to be sent. Of an order that is held nothing is; released, it goes on as much later as it waited."""
        due: list[Document] = []
        for document in self._coming:
            order = document.needs
            if order in self._kept and order not in held:
                self._delays[order] = day - self._kept.pop(order)
            late = document.later(self._delays.get(order or "", timedelta()))
            if late.known > day:
                continue
            if order in held:
                self._kept.setdefault(order, document.known)
            else:
                due.append(late)
        return sorted(due, key=lambda d: d.order)

    async def _make(self, day: date) -> None:
        """What is still to come up to some weeks after `day`."""
        self._made_through = day + AHEAD
        self._coming, said = await asyncio.to_thread(self._made, self._made_through)
        done = await self.erp.steps()
        self._acts = [act for act in said if act.number > done.get(act.complaint, 0)]

    def _made(self, through: date) -> tuple[Sequence[Document], Sequence[Act]]:
        """The documents up to `through` that were not sent, and all steps of complaints."""
        firm = self.marker.firm()
        return documents(firm, through, self._taken), acts(firm, through, latest_bill(firm))


def _in_steps(due: Sequence[Document]) -> list[list[Document]]:
    """Day by day: what is paid today is not known to a decision of yesterday."""
    steps: dict[date, list[Document]] = {}
    for document in due:
        steps.setdefault(document.known, []).append(document)
    return list(steps.values())

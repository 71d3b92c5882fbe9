"""Fills a table of a view from the owners' logs, up to given positions; nothing else sees it meanwhile."""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import orjson

from engine import clock
from engine.ahead import one_ahead
from engine.consumer import At
from engine.decoding import Decoder, Letter
from engine.folding import Session, folder
from engine.parking import Parked, fold_all
from engine.ports import Bus, Delivery, RawEvent
from engine.projection import Ledger, View
from engine.serde import Serde
from engine.views import Build, complete, group_of

PAGE = 5_000
IN_MEMORY = 200_000
"""Rows held in memory before they are written out."""
_RESTORE = """
insert into dead_letters
    (grp, customer, topic, part, pos, event, type, kind, error, place, attempts, parked_at, tried_at)
select grp, customer, topic, part, pos, event, type, kind, error, place, attempts, parked_at, tried_at
from jsonb_populate_recordset(null::dead_letters, $1::jsonb) order by parked_at, pos
on conflict (grp, topic, pos) do nothing"""


@dataclass(frozen=True, slots=True)
class Goals:
    """Up to where to fold, and what the live view had dealt with at one moment.

    `live`: its positions. `letters`: those open, in the order they were parked, with their customers. `discarded`:
    letters a person took away.
    """

    upto: Mapping[At, int]
    live: Mapping[At, int]
    letters: Mapping[tuple[str, int], str]
    discarded: Collection[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is: events read and to be read, events a second, seconds left."""

    done: int
    total: int
    rate: float
    left: float


Report = Callable[[Progress], None]


@runtime_checkable
class Scanning(Protocol):
    """A bus that can read all parts of a topic in one go."""

    async def scan(self, topic: str, types: Sequence[str], after: int, upto: int, limit: int) -> Sequence[RawEvent]: ...

    async def count(self, topic: str, types: Sequence[str], after: int, upto: int) -> int: ...


class Shadow:
    """The table of `build` and what is folded but not yet in it. `reached`: up to where each part is folded.

    `filled`: the table has rows and its key already. What the live view has parked is set aside until all it had folded
    is folded: one that reads topic after topic would meet it too early, and park what was folded of the other topics.
    """

    def __init__(self, view: View, build: Build, bus: Bus, serde: Serde, report: Report | None) -> None:
        self.reached: dict[At, int] = {}
        self.held: set[str] = set()
        self.parked: list[Parked] = []
        self.events = 0
        self.filled = False
        self._view, self._build, self._bus = view, build, bus
        self._goals = Goals({}, {}, {}, ())
        self._aside: dict[tuple[str, int], Letter] = {}
        self._report, self._began = report, clock.now()
        self._decoder = Decoder(serde, view.handles)
        self._work = folder(view)
        self._in_a_row = 0
        self._passed = 0
        self._letters: Sequence[dict[str, Any]] = ()
        self._total = 0

    def resume(self, letters: Sequence[dict[str, Any]]) -> None:
        """Go on with a table that was fed before: `letters` were parked when it last was."""
        self._letters = letters
        self.held = {x["customer"] for x in letters}

    @property
    def kept(self) -> list[tuple[str, int]]:
        """Topic and position of the letters it was resumed with."""
        return [(x["topic"], x["pos"]) for x in self._letters]

    async def restore(self, session: Session) -> None:
        """Write down the letters it was resumed with, where they are not."""
        await session.execute(_RESTORE, orjson.dumps(self._letters).decode())

    async def fill(self, session: Session, goals: Goals) -> None:
        """Fold all up to `goals`, writing out what grows too large. Raises Halted as the projector does."""
        self._goals = goals
        replayed = [x for at, x in self._aside.items() if at not in goals.letters]
        self._aside = {at: x for at, x in self._aside.items() if at in goals.letters}
        if again := [x for x in replayed if _at(x) not in goals.discarded]:
            await self._fold(session, again)
        for topic in self._view.topics:
            mine = {part: goal for (t, part), goal in goals.upto.items() if t == topic}
            open_parts = {p: g for p, g in mine.items() if g > self.reached.get((topic, p), 0)}
            if open_parts:
                async with aclosing(one_ahead(self._pages(topic, open_parts))) as pages:
                    async for letters in pages:
                        await self._fold(session, self._not_aside(letters))
            self.reached |= {(topic, p): max(g, self.reached.get((topic, p), 0)) for p, g in mine.items()}

    async def retry(self, session: Session) -> None:
        """Fold what was set aside, in the order it was parked; what fails again is parked again."""
        order = {at: n for n, at in enumerate(self._goals.letters)}
        waiting: defaultdict[str, list[Letter]] = defaultdict(list)
        for at in sorted(self._aside, key=lambda at: order.get(at, len(order))):
            waiting[self._aside[at].customer].append(self._aside[at])
        self._aside = {}
        for letters in waiting.values():
            self._in_a_row = 0  # all of these failed before: many in a row are no sign of a new fault
            await self._fold(session, letters)

    async def finish(self, session: Session) -> None:
        """Write out all that is folded, and give the table its key and indexes."""
        await self._write(session)

    def _not_aside(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Those the live view had folded, or would have."""
        goals = self._goals
        if not goals.letters:
            return letters
        parked = set(goals.letters.values())
        kept = []
        for letter in letters:
            delivery = letter.delivery
            behind = delivery.position > goals.live.get(delivery[:2], 0)
            if _at(letter) in goals.letters or (behind and letter.customer in parked):
                self._aside[_at(letter)] = letter
            else:
                kept.append(letter)
        return kept

    async def _fold(self, session: Session, letters: Sequence[Letter]) -> None:
        if self.filled:
            events = [x.event for x in letters if x.event is not None]
            await self._work.load(session, self._build.table, events, shared=False)
        done = fold_all(group_of(self._view), self._work, letters, self.held, self._in_a_row)
        self._in_a_row = done.in_a_row
        self.parked += done.parked
        self.events += len(done.events)
        if self.filled or self._work.size() >= IN_MEMORY:
            await self._write(session)
        elif isinstance(self._view, Ledger):
            await self._work.write(session, self._build.table, empty=True)

    async def _write(self, session: Session) -> None:
        await self._work.write(session, self._build.table, empty=not self.filled)
        if not self.filled:
            await complete(session, self._view, self._build)
            self.filled = True

    async def _pages(self, topic: str, goals: Mapping[int, int]) -> AsyncGenerator[Sequence[Letter], None]:
        """What is new of `topic` for parts that have a goal ahead of them. Raises Halted at a newer version."""
        starts = {part: self.reached.get((topic, part), 0) for part in goals}
        life = await self._bus.incarnation(topic)
        async with aclosing(one_ahead(self._raws(topic, min(starts.values()), goals))) as pages:
            async for raws in pages:
                letters, halted = await self._decoder.decode(
                    [
                        Delivery(topic, r.part, r.position, life, r.position, 0, r)
                        for r in raws
                        if starts.get(r.part, r.position) < r.position <= goals[r.part]
                        and (topic, r.position) not in self._goals.discarded
                    ]
                )
                if halted:
                    raise halted
                yield letters
                self._tell(len(raws))

    async def _raws(self, topic: str, after: int, goals: Mapping[int, int]) -> AsyncGenerator[Sequence[RawEvent], None]:
        bus, upto = self._bus, max(goals.values())
        if not isinstance(bus, Scanning):
            async for page in self._fed(topic, goals):
                yield page
            return
        types = [e.type for e in self._view.handles if e.context() == topic]
        if self._report:
            self._total += await bus.count(topic, types, after, upto)
        while after < upto and (page := await bus.scan(topic, types, after, upto, PAGE)):
            yield page
            after = page[-1].position

    async def _fed(self, topic: str, goals: Mapping[int, int]) -> AsyncIterator[Sequence[RawEvent]]:
        for part, goal in goals.items():
            after = self.reached.get((topic, part), 0)
            while after < goal and (page := await self._bus.feed(topic, part, after, PAGE)):
                yield [d.raw for d in page]
                after = page[-1].position

    def _tell(self, events: int) -> None:
        self._passed += events
        if self._report:
            rate = self._passed / max((clock.now() - self._began).total_seconds(), 1e-6)
            total = max(self._total, self._passed)
            self._report(Progress(self._passed, total, rate, (total - self._passed) / rate if rate else 0.0))


def _at(letter: Letter) -> tuple[str, int]:
    return letter.delivery.topic, letter.delivery.position

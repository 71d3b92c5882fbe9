"""Keeps a table what a fold makes of the log: folds a batch in memory, writes it with the positions, parks the rest."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import asyncpg

from engine.consumer import Batch, Consumer
from engine.database import Database
from engine.decoding import Decoder, Letter, narrowed
from engine.folding import Folder, Session, touch
from engine.heap import look_seldom
from engine.parking import fold_all, hold, park
from engine.ports import Bus
from engine.serde import Serde
from engine.tracing import TRACES
from engine.wakeups import Wakeups
from events.base import Event

TOUCHED = "touched"
"""Wake-up of the evaluator."""
_UNFIT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    TypeError,
)


@dataclass(slots=True)
class Tally:
    """What a consumer has done since it started."""

    folded: int = 0
    skipped: int = 0
    parked: int = 0


@dataclass(frozen=True, slots=True)
class Means:
    """What every consumer of a service works with. `member` is this process's name in all groups."""

    database: Database
    bus: Bus
    serde: Serde
    member: str = "main"
    wakeups: Wakeups | None = None
    limit: int = 2000


class _Alone(Exception):
    """Something must be parked: do the batch again while nobody else of the group works."""


class Keeper(ABC):
    """A consumer whose work is a table. `name` is its group, and its wake-up whenever the table moved."""

    def __init__(self, group: str, handles: Sequence[type[Event]], means: Means, *, touches: bool = False) -> None:
        self.name, self.tally = group, Tally()
        self._handles, self._means, self._touches = handles, means, touches
        self._wakeups = means.wakeups or Wakeups()
        self._in_a_row, self._table = 0, ""

    @abstractmethod
    def folder(self) -> Folder:
        """A fresh one for each batch."""

    @abstractmethod
    async def table(self) -> str:
        """Where the rows lie now."""

    @abstractmethod
    async def stale(self, topic: str) -> None:
        """`topic` has another incarnation than the positions."""

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the table fed until `stop`. Raises Halted."""
        look_seldom()
        topics = sorted({e.context() for e in self._handles})
        bus, home = narrowed(self._means.bus, self._handles), self._means.database.pool
        means, decoder = self._means, Decoder(self._means.serde, self._handles, shared=True)
        await Consumer(self.name, topics, bus, home, means.member, decoder, self, means.limit).run(stop)

    async def settle(self) -> None:
        """Find out which table to feed."""
        self._table = await self.table()

    async def take(self, batch: Batch) -> None:
        """Fold the batch, in halves where something in it does not fit the table."""
        try:
            await self._committed(batch)
        except _UNFIT as error:
            if len(batch.letters) == 1:
                batch.letters[0].error = error
                return await self._committed(batch)
            for half in batch.split():
                await self.take(half)

    def passed(self, letters: Sequence[Letter]) -> None:
        """Nothing of these is folded."""
        self.tally.skipped += len(letters) + sum([x.delivery.passed for x in letters])
        self._wakeups.notify(self.name)

    async def again(self, session: Session, letters: Sequence[Letter]) -> None:
        """Fold parked letters in the transaction of `session`. Raises what the fold, or the table, has against it."""
        table, work = await self.table(), self.folder()
        events = [x.event for x in letters if x.event is not None]
        await work.load(session, table, events, shared=True)
        for letter in letters:
            if letter.error is not None:
                raise letter.error
            if letter.event is not None:
                work.add(letter.event)
        await work.write(session, table, empty=False)
        if self._touches and events:
            await touch(session, events)

    async def _committed(self, batch: Batch) -> None:
        try:
            await self._commit(batch, alone=False)
        except _Alone:
            await self._commit(batch, alone=True)
        self._wakeups.notify(self.name)
        if self._touches:
            self._wakeups.notify(TOUCHED)

    async def _commit(self, batch: Batch, *, alone: bool) -> None:
        work, letters, began = self.folder(), batch.letters, monotonic()
        async with self._means.database.pool.acquire() as session, session.transaction():
            held = await hold(session, self.name, exclusive=alone)
            events = [x.event for x in letters if x.event is not None and not (held and x.customer in held)]
            await work.load(session, self._table, events, shared=not batch.whole)
            done = fold_all(self.name, work, letters, held, self._in_a_row)
            if not alone and any(p.error for p in done.parked):
                raise _Alone
            await park(session, self.name, done.parked)
            await work.write(session, self._table, empty=False)
            if self._touches and done.events:
                await touch(session, done.events)
            moved = await batch.commit(session)
        batch.committed(moved)
        if TRACES.tracer is not None:
            parents, about = [event.traceparent for event in done.events], {"kehu.events": len(done.events)}
            TRACES.tell(f"fold {self.name}", parents, monotonic() - began, about, "consumer")
        self._in_a_row = done.in_a_row
        self.tally.folded += len(done.events)
        self.tally.parked += len(done.parked)
        passed = sum([x.delivery.passed for x in letters])
        self.tally.skipped += passed + len(letters) - len(done.events) - len(done.parked)

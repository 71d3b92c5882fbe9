"""Where an owner's log ends: asked once for all who read it in this process, so that idle readers cost nothing."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import cast
from uuid import UUID
from weakref import WeakKeyDictionary, ref

import asyncpg

from engine.faults import TRANSIENT
from engine.ports import RawEvent
from engine.store import COLUMNS, as_raw
from engine.stretches import Stretches
from engine.wakeups import Wakeups

POLL = 0.1
"""Seconds between two looks at a log that nobody in this process writes."""
_NEWEST = """
select split_part(type, '.', 1), max(pos), (select incarnation from store) from events where pos > $1 group by 1"""
_HEAD = "select coalesce(max(pos), 0) from events"
_READ = f"select {COLUMNS} from events where pos > $1 and pos <= $2 order by pos"  # noqa: S608 - constants only
_NOW = "select (select incarnation from store), coalesce((select pos from events order by pos desc limit 1), 0)"
_LIFE = "select incarnation from store"


_TAILS: WeakKeyDictionary[Wakeups, dict[int, "Tail"]] = WeakKeyDictionary()


def tail_of(pool: asyncpg.Pool, wakeups: Wakeups | None, poll: float) -> "Tail":
    """The tail of the log behind `pool`: services that share `wakeups` share it, so that one looks for all."""
    if wakeups is None:
        return Tail(pool, None, poll)
    shared = _TAILS.setdefault(wakeups, {})
    found = shared.get(id(pool))
    if found is None or found.poll > poll:
        found = shared[id(pool)] = Tail(pool, wakeups, poll)
    return found


class Tail:
    """The end of one owner's log. Looks only while someone listens.

    A look that fails is repeated; the readers' own queries tell why.
    """

    def __init__(self, pool: asyncpg.Pool, wakeups: Wakeups | None = None, poll: float = POLL) -> None:
        self.pool = pool
        self.stretches = Stretches(self._read)
        self.seen = 0
        self._life: UUID | None = None
        self._floor = 0
        self._newest: dict[str, int] = {}
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.poll = poll
        self._wakeups = None if wakeups is None else ref(wakeups)
        self._watch: asyncio.Task[None] | None = None

    def newest(self, topic: str) -> int:
        """No event of `topic` above this position has been seen; there may be none at it either."""
        return self._newest.get(topic, self._floor)

    def listen(self, topic: str, news: asyncio.Event) -> None:
        """Set `news` whenever `topic` grows. Needs a running loop."""
        self._listeners[topic].add(news)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watching(), name="tail")

    async def deaf(self, topic: str, news: asyncio.Event) -> None:
        """Stop telling `news`; the last one who leaves ends the looking."""
        self._listeners[topic].discard(news)
        if self._watch is not None and not any(self._listeners.values()):
            watch, self._watch = self._watch, None
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def look(self) -> None:
        """Find out how far the log goes now and tell those who listen to what has grown."""
        if not self.seen:
            self.seen = self._floor = cast(int, await self.pool.fetchval(_HEAD))
            return self._tell(list(self._listeners) if self.seen else ())
        rows = cast(Sequence[tuple[str, int, UUID]], await self.pool.fetch(_NEWEST, self.seen))
        grown = {topic: position for topic, position, _ in rows}
        if grown:
            self._lives(rows[0][2])
            self._newest |= grown
            self.seen = max(grown.values())
            self._tell(list(grown))
        return None

    async def incarnation(self) -> UUID:
        """Which life of the store this log is."""
        life = cast(UUID, await self.pool.fetchval(_LIFE))
        self._lives(life)
        return life

    async def now(self) -> tuple[UUID, int]:
        """Which life the log is in, and its last position."""
        life, head = cast(tuple[UUID, int], await self.pool.fetchrow(_NOW))
        self._lives(life)
        return life, head

    def _lives(self, life: UUID) -> None:
        """What was read in another life is not what the log holds now."""
        if life != self._life:
            self.stretches.forget()
            self._life = life

    async def _read(self, after: int, upto: int) -> tuple[UUID, Sequence[RawEvent]]:
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(_READ, after, upto)
            return await connection.fetchval(_LIFE), as_raw(rows)

    def _tell(self, topics: Sequence[str]) -> None:
        for topic in topics:
            for news in self._listeners[topic]:
                news.set()

    async def _watching(self) -> None:
        while True:
            wakeups = (self._wakeups and self._wakeups()) or Wakeups()
            counts = [(t, wakeups.count(t)) for t, who in self._listeners.items() if who]
            with contextlib.suppress(*TRANSIENT, asyncpg.InterfaceError):
                await self.look()
            await self._pause(wakeups, counts)

    async def _pause(self, wakeups: Wakeups, counts: Sequence[tuple[str, int]]) -> None:
        waits = [asyncio.ensure_future(wakeups.wait(t, self.poll, c)) for t, c in counts]
        try:
            await asyncio.wait(
                waits or [asyncio.ensure_future(asyncio.sleep(self.poll))], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for w in waits:
                w.cancel()

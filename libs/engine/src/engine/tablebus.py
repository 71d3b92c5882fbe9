"""The bus without a broker: topics are the owners' event tables, read where they lie.

A topic is one context of an owner's log (``credit`` = types that start with ``credit.``) in 12 parts. What a group has
read, and who of it reads what, is kept in the consuming service's own database.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import asyncpg

from engine.membership import LEASE, Held, Membership
from engine.ports import PARTS, Delivery, Place, RawEvent, Subscription
from engine.tail import POLL, Tail, tail_of
from engine.wakeups import Wakeups

_COLUMNS = "pos, part, stream, ver, id, type, schema_ver, customer, company, {data}, {meta}, effective_at, recorded_at"
_FULL = _COLUMNS.format(data="data", meta="meta")
_WANTED = _COLUMNS.format(
    data="case when type = any($5) then data else '{}' end", meta="case when type = any($5) then meta else '{}' end"
)
_CONTEXT = "type >= '{topic}.' and type < '{topic}/'"
_READ = """
select {columns} from events where pos > $1 and pos <= $2 and {context} and part = any($3::smallint[])
order by pos limit $4"""
_READ_ALL = """
select {columns} from events where pos > $1 and pos <= $2 and {context} and $3::smallint[] is not null
order by pos limit $4"""
_SCAN = f"""
select {_FULL} from events where pos > $1 and pos <= $2 and type = any($3) order by pos limit $4"""  # noqa: S608
_COUNT = "select count(*) from events where pos > $1 and pos <= $2 and type = any($3)"
_BEFORE = "select coalesce(max(pos), 0) from events where part = $1 and pos <= $2 and {context}"
_PARTS_HEAD = "select part, max(pos) from events where {context} group by part"
_BEHIND = """
select count(*), min(recorded_at) from (
    select e.recorded_at from unnest($1::smallint[], $2::bigint[]) at(part, pos)
    join events e on e.part = at.part and e.pos > at.pos where {context} limit $3) waiting"""
_INCARNATION = "select incarnation from store"
_FAR = 2**62


@dataclass(slots=True)
class _Cursor:
    """How far a part was read: nothing unread up to `scanned`; the last event seen was at `last`."""

    scanned: int
    last: int


class TableBus:
    """`owners` names the database each topic lies in; `home` is the consuming service's, for leases and positions.

    Topics that share an owner share its pool. Reads owners only. `wakeups` spares the polling of logs that this process
    writes; `lease` is how long a member that fell silent keeps its parts.
    """

    def __init__(
        self,
        owners: Mapping[str, asyncpg.Pool],
        home: asyncpg.Pool,
        *,
        wakeups: Wakeups | None = None,
        lease: timedelta = LEASE,
        poll: float = POLL,
    ) -> None:
        self._home, self._lease = home, lease
        self.wanted: list[str] | None = None
        self._tails = {topic: tail_of(pool, wakeups, poll) for topic, pool in owners.items()}

    def narrowed(self, types: Iterable[str]) -> "TableBus":
        """The same bus for a reader of `types` only: other events come in their place, with empty data and meta."""
        bus = copy(self)
        bus.wanted = sorted(types)
        return bus

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Join `group`; its members share the parts of `topics`. Raises KeyError for a topic nobody owns."""
        membership = Membership(self._home, group, topics, member, self._lease)
        await membership.join({t: await self.incarnation(t) for t in topics})
        return TableSubscription(self, topics, membership)

    async def feed(self, topic: str, part: int, after: int, limit: int) -> Sequence[Delivery]:
        """The part's events above `after` from the owner's log; the first one's `previous` is looked up in it, too."""
        query = _BEFORE.format(context=_context(topic))
        last = cast(int, await self.tail(topic).pool.fetchval(query, part, after))
        life, rows = await self.rows(topic, (part,), after, _FAR, limit)
        return delivered(topic, life, rows, {part: _Cursor(after, last)})

    async def scan(self, topic: str, types: Sequence[str], after: int, upto: int, limit: int) -> Sequence[RawEvent]:
        """Events of these types in all parts above `after` and not above `upto`, in the order of the owner's log."""
        rows = await self.tail(topic).pool.fetch(_SCAN, after, upto, list(types), limit)
        return [*map(RawEvent._make, rows)]

    async def count(self, topic: str, types: Sequence[str], after: int, upto: int) -> int:
        """How many events `scan` would give."""
        return cast(int, await self.tail(topic).pool.fetchval(_COUNT, after, upto, list(types)))

    async def incarnation(self, topic: str) -> UUID:
        """Which life of the owner's store this topic comes from; another one after a restore."""
        return cast(UUID, await self.tail(topic).pool.fetchval(_INCARNATION))

    async def head(self, topic: str) -> Mapping[int, int]:
        """The highest position of each part that has any."""
        rows = await self.tail(topic).pool.fetch(_PARTS_HEAD.format(context=_context(topic)))
        return dict(cast(Sequence[tuple[int, int]], rows))

    async def behind(self, topic: str, last: Mapping[int, int], most: int) -> tuple[int, datetime | None]:
        """How many events of `topic` lie above `last` (by part), up to `most`, and when the oldest was recorded."""
        query = _BEHIND.format(context=_context(topic))
        row = await self.tail(topic).pool.fetchrow(query, list(last), list(last.values()), most)
        assert row is not None
        return row[0], row[1]

    def tail(self, topic: str) -> Tail:
        """The end of the log `topic` lies in."""
        return self._tails[topic]

    async def rows(
        self, topic: str, parts: Sequence[int], after: int, upto: int, limit: int
    ) -> tuple[UUID, Sequence[asyncpg.Record]]:
        """The columns of RawEvent in order of position, and the life of the store that answered."""
        template = _READ_ALL if len(parts) == PARTS else _READ
        columns = _FULL if self.wanted is None else _WANTED
        query = template.format(columns=columns, context=_context(topic))
        wanted = () if self.wanted is None else (self.wanted,)
        async with self.tail(topic).pool.acquire() as connection:
            rows = await connection.fetch(query, after, upto, list(parts), limit, *wanted)
            life = await connection.fetchval(_INCARNATION)
        return life, rows


class TableSubscription:
    """Membership of one reader; not for use by several tasks at a time."""

    def __init__(self, bus: TableBus, topics: Sequence[str], membership: Membership) -> None:
        self._bus, self._topics, self._membership = bus, list(topics), membership
        self._cursors: dict[tuple[str, int], _Cursor] = {}
        self._adopted: Mapping[tuple[str, int], Held] = {}
        self._news = asyncio.Event()
        for topic in topics:
            bus.tail(topic).listen(topic, self._news)
        self._keeping = asyncio.create_task(membership.keep(self._news), name="lease")

    async def fetch(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """The next records of the parts held, at most `limit`, waiting at most `timeout` seconds for the first."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            self._news.clear()
            await self._membership.settle()
            self._adopt()
            found = await self._read(limit)
            left = deadline - asyncio.get_running_loop().time()
            if found or left <= 0:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)

    async def assigned(self) -> Mapping[tuple[str, int], int]:
        """The (topic, part) pairs held, each with its epoch, as of the last look at the leases."""
        return {at: held.epoch for at, held in self._adopted.items()}

    async def seek(self, place: Place) -> None:
        """Go on reading this part at `place`; also looks at the leases anew before the next read."""
        if (place.topic, place.part) in self._cursors:
            self._cursors[place.topic, place.part] = _cursor(place)
        self._membership.doubt()

    async def close(self) -> None:
        """Leave the group; the parts go to the others."""
        for topic in self._topics:
            await self._bus.tail(topic).deaf(topic, self._news)
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        await self._membership.leave()

    def _adopt(self) -> None:
        """Take over what is held now; a part keeps its cursor only while its epoch stays the same."""
        held, before = self._membership.held, self._adopted
        if held is before:
            return
        same = {at for at, h in held.items() if at in before and before[at].epoch == h.epoch}
        self._cursors = {at: self._cursors[at] if at in same else _cursor(h.place) for at, h in held.items()}
        self._adopted = held

    async def _read(self, limit: int) -> Sequence[Delivery]:
        found: list[Delivery] = []
        for topic in self._topics:
            if len(found) < limit:
                found += await self._read_topic(topic, limit - len(found))
        self._topics.append(self._topics.pop(0))
        return found

    async def _read_topic(self, topic: str, limit: int) -> Sequence[Delivery]:
        """Of the parts least far read, up to where the next ones are or the log ends."""
        tail = self._bus.tail(topic)
        cursors = {part: c for (t, part), c in self._cursors.items() if t == topic}
        while cursors:
            start = min(c.scanned for c in cursors.values())
            if start >= tail.newest(topic):
                return ()
            upto = min((c.scanned for c in cursors.values() if c.scanned > start), default=tail.seen)
            behind = {p: c for p, c in cursors.items() if c.scanned == start}
            life, rows = await self._bus.rows(topic, list(behind), start, upto, limit)
            reached = rows[-1][0] if len(rows) == limit else max(upto, start)
            for c in behind.values():
                c.scanned = reached
            if rows:
                return delivered(topic, life, rows, behind)
        return ()


def delivered(
    topic: str, life: UUID, rows: Sequence[asyncpg.Record], cursors: Mapping[int, _Cursor]
) -> Sequence[Delivery]:
    """`rows` as records of `topic`; moves each part's cursor to its last one, which is the next one's `previous`."""
    found = []
    new = tuple.__new__  # half the time of calling the classes
    for row in rows:
        position, part = row[0], row[1]
        cursor = cursors[part]
        found.append(new(Delivery, (topic, part, position, life, position, cursor.last, new(RawEvent, row))))
        cursor.last = position
    return found


def _cursor(place: Place) -> _Cursor:
    """By the position alone: the next offset may be of another bus, and beyond events not yet dealt with."""
    return _Cursor(place.last_position, place.last_position)


def _context(topic: str) -> str:
    return _CONTEXT.format(topic=topic)

"""The bus without a broker: topics are the owners' event tables, read where they lie.

A topic is one context of an owner's log (``credit`` = types that start with ``credit.``) in 12 parts. What a group has
read, and who of it reads what, is kept in the consuming service's own database.
"""

import asyncio
import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import cast
from uuid import UUID

import asyncpg

from engine.membership import LEASE, Held, Membership
from engine.ports import PARTS, Behind, Delivery, Place, RawEvent, Subscription
from engine.store import COLUMNS, OLDEST_APPENDED, as_raw
from engine.tail import POLL, Tail, tail_of
from engine.wakeups import Wakeups

_CONTEXT = "type >= '{topic}.' and type < '{topic}/'"
_FEED = f"select {COLUMNS} from events where pos > $1 and part = $2 and {{context}} order by pos limit $3"  # noqa: S608
_SCAN = f"""
select {COLUMNS} from events where pos > $1 and pos <= $2 and type = any($3) order by pos limit $4"""  # noqa: S608
_COUNT = "select count(*) from events where pos > $1 and pos <= $2 and type = any($3)"
_BEFORE = "select coalesce(max(pos), 0) from events where part = $1 and pos <= $2 and {context}"
_PARTS_HEAD = "select part, max(pos) from events where {context} group by part"
_BEHIND = f"""
select count(*), min(recorded_at), {OLDEST_APPENDED} from (
    select e.id, e.recorded_at from unnest($1::smallint[], $2::bigint[]) at(part, pos)
    join events e on e.part = at.part and e.pos > at.pos where {{context}} limit $3) waiting"""  # noqa: S608 - constants only
_LACKS = """
select exists (select from unnest($1::smallint[], $2::bigint[]) at(part, pos)
    join events e on e.part = at.part and e.pos > at.pos and e.pos <= $3 where {context})"""
_INCARNATION = "select incarnation from store"


@dataclass(slots=True)
class Cursor:
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
        self.wanted: frozenset[str] | None = None
        self._tails = {topic: tail_of(pool, wakeups, poll) for topic, pool in owners.items()}

    def narrowed(self, types: Iterable[str]) -> "TableBus":
        """The same bus for a reader of `types` only: of what it reads of others, the last one of each part comes."""
        bus = copy(self)
        bus.wanted = frozenset(types)
        return bus

    @property
    def topics(self) -> Sequence[str]:
        """All that somebody owns."""
        return list(self._tails)

    async def now(self, topic: str) -> tuple[UUID, int]:
        """Which life the owner's log of `topic` is in, and the last position in it."""
        return await self.tail(topic).now()

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Join `group`; its members share the parts of `topics`. Raises KeyError for a topic nobody owns."""
        membership = Membership(self._home, group, topics, member, self._lease)
        await membership.join({t: await self.incarnation(t) for t in topics})
        return TableSubscription(self, topics, membership)

    async def feed(self, topic: str, part: int, after: int, limit: int) -> Sequence[Delivery]:
        """The part's events above `after` from the owner's log; the first one's `previous` is looked up in it, too."""
        query = _BEFORE.format(context=_context(topic))
        last = cast(int, await self.tail(topic).pool.fetchval(query, part, after))
        async with self.tail(topic).pool.acquire() as connection:
            raws = as_raw(await connection.fetch(_FEED.format(context=_context(topic)), after, part, limit))
            life = await connection.fetchval(_INCARNATION)
        return delivered(topic, life, raws, raws, {part: Cursor(after, last)})

    async def scan(self, topic: str, types: Sequence[str], after: int, upto: int, limit: int) -> Sequence[RawEvent]:
        """Events of these types in all parts above `after` and not above `upto`, in the order of the owner's log."""
        return as_raw(await self.tail(topic).pool.fetch(_SCAN, after, upto, list(types), limit))

    async def count(self, topic: str, types: Sequence[str], after: int, upto: int) -> int:
        """How many events `scan` would give."""
        return cast(int, await self.tail(topic).pool.fetchval(_COUNT, after, upto, list(types)))

    async def incarnation(self, topic: str) -> UUID:
        """Which life of the owner's store this topic comes from; another one after a restore."""
        return await self.tail(topic).incarnation()

    async def head(self, topic: str) -> Mapping[int, int]:
        """The highest position of each part that has any."""
        rows = await self.tail(topic).pool.fetch(_PARTS_HEAD.format(context=_context(topic)))
        return dict(cast(Sequence[tuple[int, int]], rows))

    async def lacks(self, topic: str, last: Mapping[int, int], upto: int) -> bool:
        """Whether the owner's log holds something of `topic` above `last` (by part) and not above `upto`."""
        query = _LACKS.format(context=_context(topic))
        return bool(await self.tail(topic).pool.fetchval(query, list(last), list(last.values()), upto))

    async def behind(self, topic: str, last: Mapping[int, int], most: int) -> Behind:
        """What of `topic` lies above `last` (by part); counted up to `most`."""
        query = _BEHIND.format(context=_context(topic))
        row = await self.tail(topic).pool.fetchrow(query, list(last), list(last.values()), most)
        assert row is not None
        return Behind(*row)

    def tail(self, topic: str) -> Tail:
        """The end of the log `topic` lies in."""
        return self._tails[topic]


class TableSubscription:
    """Membership of one reader; not for use by several tasks at a time."""

    def __init__(self, bus: TableBus, topics: Sequence[str], membership: Membership) -> None:
        self._bus, self._topics, self._membership = bus, list(topics), membership
        self._cursors: dict[tuple[str, int], Cursor] = {}
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
            self._cursors[place.topic, place.part] = cursor_at(place)
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
        self._cursors = {at: self._cursors[at] if at in same else cursor_at(h.place) for at, h in held.items()}
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
            found = handed(topic, *await tail.stretches.read(topic, start, upto), behind, self._bus.wanted, limit)
            if found:
                return found
        return ()


def handed(
    topic: str,
    life: UUID,
    raws: Sequence[RawEvent],
    reached: int,
    behind: Mapping[int, Cursor],
    wanted: frozenset[str] | None,
    limit: int,
) -> Sequence[Delivery]:
    """Of a stretch of the log up to `reached`: what is for the parts `behind`, whose cursors it moves, `limit` at most.

    Nothing where the stretch holds nothing in these parts.
    """
    mine = raws if len(behind) == PARTS else [raw for raw in raws if raw[1] in behind]
    taken = (mine if wanted is None else [raw for raw in mine if raw[5] in wanted])[:limit]
    if len(taken) == limit:
        reached = taken[-1].position
        mine = mine[: bisect_right(mine, reached, key=itemgetter(0))]
    for cursor in behind.values():
        cursor.scanned = reached
    return delivered(topic, life, mine, taken, behind) if mine else ()


def delivered(
    topic: str, life: UUID, raws: Sequence[RawEvent], taken: Sequence[RawEvent], cursors: Mapping[int, Cursor]
) -> Sequence[Delivery]:
    """Those of `raws` that are `taken` as records of `topic`; moves each part's cursor, the next one's `previous`.

    Where others follow the last one taken of a part, the last of these comes, too: so far its reader is.
    """
    found: list[Delivery] = []
    new = tuple.__new__  # half the time of calling the class
    for raw in taken:
        position, part = raw[0], raw[1]
        cursor = cursors[part]
        found.append(new(Delivery, (topic, part, position, life, position, cursor.last, raw, 0)))
        cursor.last = position
    if len(taken) < len(raws):
        for raw in _last_of_each(raws, len(cursors)):
            if raw.position > (cursor := cursors[raw.part]).last:
                found.append(Delivery(topic, raw.part, raw.position, life, raw.position, cursor.last, raw))
                cursor.last = raw.position
        found[-1] = found[-1]._replace(passed=len(raws) - len(found))
    return found


def _last_of_each(raws: Sequence[RawEvent], parts: int) -> Sequence[RawEvent]:
    """The last event of each of so many parts."""
    last: dict[int, RawEvent] = {}
    for raw in reversed(raws):
        last.setdefault(raw[1], raw)
        if len(last) == parts:
            break
    return [*reversed(last.values())]


def cursor_at(place: Place) -> Cursor:
    """By the position alone: the next offset may be of another bus, and beyond events not yet dealt with."""
    return Cursor(place.last_position, place.last_position)


def _context(topic: str) -> str:
    return _CONTEXT.format(topic=topic)

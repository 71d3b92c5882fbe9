"""Stored topics without a broker: messages in a table of the service that reads or writes them."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import asyncpg
import orjson

from engine import ids
from engine.faults import Lost
from engine.membership import LEASE, Membership
from engine.ports import PARTS
from engine.topics import Header, Message, Record
from engine.wakeups import Wakeups

POLL = 0.2
"""Seconds between two looks for what other processes publish."""
WAKE = "messages"
SWEPT_AT_ONCE = 10_000

# The end of a part is locked until the commit: offsets become visible in their order, so a reader never passes one.
_PUBLISH = """
with wanted as (
    select part, n from unnest($2::smallint[], $3::bigint[]) w(part, n)
), ends as (
    insert into topic_ends as t (topic, part, next_offset) select $1, part, n from wanted order by part
    on conflict (topic, part) do update set next_offset = t.next_offset + excluded.next_offset
    returning part, next_offset
)
insert into messages (topic, part, "offset", key, headers, value)
select $1, m.part, e.next_offset - w.n + m.step, m.key, m.headers::json, m.value
from unnest($4::smallint[], $5::bigint[], $6::bytea[], $7::text[], $8::bytea[]) m(part, step, key, headers, value)
join ends e using (part) join wanted w using (part)"""
# The first of every part, then the second of every part, ...: a long part does not keep the others waiting.
_FETCH = """
select m.topic, m.part, m."offset", m.key, m.value, m.headers, m.published_at
from unnest($1::text[], $2::smallint[], $3::bigint[]) at(topic, part, next)
cross join lateral (
    select * from messages f where f.topic = at.topic and f.part = at.part and f."offset" >= at.next
    order by f."offset" limit $4) m
order by row_number() over (partition by m.topic, m.part order by m."offset"), m.topic, m.part limit $4"""
_COMMIT = """
update consumers c set next_offset = n.next, moved_at = clock_timestamp()
from unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[]) n(topic, part, epoch, next)
where c.grp = $1 and c.topic = n.topic and c.part = n.part and c.epoch = n.epoch"""
_SWEEP = """
delete from messages where (topic, part, "offset") in (
    select m.topic, m.part, m."offset" from messages m where m.published_at < clock_timestamp() - $1::interval
    and ($3::text[] is null or m.topic = any($3))
    and not exists (select from consumers c
        where c.topic = m.topic and c.part = m.part and c.next_offset <= m."offset")
    order by m.published_at limit $2)"""


class TableTopics:
    """Topics in the database behind `home`. `wakeups` spares the polling for what this process publishes."""

    def __init__(
        self, home: asyncpg.Pool, *, wakeups: Wakeups | None = None, lease: timedelta = LEASE, poll: float = POLL
    ) -> None:
        self.home, self.wakeups, self.poll = home, wakeups or Wakeups(), poll
        self._lease = lease

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Add the messages in their order, all or none."""
        if not messages:
            return
        counts, rows = Counter[int](), list[tuple[int, int]]()
        for message in messages:
            part = part_of(message)
            rows.append((part, counts[part]))
            counts[part] += 1
        await self.home.execute(
            _PUBLISH,
            topic,
            list(counts),
            list(counts.values()),
            [part for part, _ in rows],
            [step for _, step in rows],
            [m.key for m in messages],
            [_written(m.headers) for m in messages],
            [m.value for m in messages],
        )
        self.wakeups.notify(WAKE)

    async def read(self, group: str, topics: Sequence[str], member: str) -> "TableReading":
        """Join `group`; its members share the parts of `topics`."""
        membership = Membership(self.home, group, topics, member, self._lease)
        await membership.join({t: ids.named("topic", t) for t in topics})
        return TableReading(self, group, membership)

    async def sweep(self, keep: timedelta, topics: Sequence[str] | None = None) -> int:
        """Remove messages of `topics` (None: of all) older than `keep` that no group has still to read; how many."""
        removed = 0
        while True:
            status = await self.home.execute(_SWEEP, keep, SWEPT_AT_ONCE, topics)
            count = int(status.rpartition(" ")[2])
            removed += count
            if count < SWEPT_AT_ONCE:
                return removed

    async def close(self) -> None:
        """Nothing is held."""


class TableReading:
    """Membership of one reader; not for use by several tasks at a time."""

    def __init__(self, topics: TableTopics, group: str, membership: Membership) -> None:
        self._topics, self._group, self._membership = topics, group, membership
        self._next: dict[tuple[str, int], int] = {}
        self._epochs: dict[tuple[str, int], int] = {}
        self._changed = asyncio.Event()
        self._keeping = asyncio.create_task(membership.keep(self._changed), name="lease")

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:
        """The next records of the parts held, at most `limit`, waiting at most `timeout` seconds for the first."""
        loop, wakeups = asyncio.get_running_loop(), self._topics.wakeups
        deadline = loop.time() + timeout
        while True:
            count = wakeups.count(WAKE)
            await self._membership.settle()
            self._adopt()
            found = await self._read(limit)
            left = deadline - loop.time()
            if found or left <= 0:
                return found
            await wakeups.wait(WAKE, min(left, self._topics.poll), count)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Move these parts of the group on, if they are still ours. Raises Lost."""
        ats = sorted(offsets)
        epochs = [self._epochs.get(at, -1) for at in ats]
        parts = [t for t, _ in ats], [p for _, p in ats], epochs, [offsets[at] for at in ats]
        async with self._topics.home.acquire() as connection, connection.transaction():
            status = await connection.execute(_COMMIT, self._group, *parts)
            if int(status.rpartition(" ")[2]) != len(ats):
                self._membership.doubt()
                raise Lost(f"{self._group}: a part is another member's now")

    async def assigned(self) -> Sequence[tuple[str, int]]:
        """The (topic, part) pairs held, as of the last look at the leases."""
        return list(self._epochs)

    async def close(self) -> None:
        """Leave the group; the parts go to the others."""
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        await self._membership.leave()

    def _adopt(self) -> None:
        """Begin parts that are newly held where the group committed."""
        held = self._membership.held
        self._next = {
            at: self._next[at] if self._epochs.get(at) == h.epoch else h.place.next_offset for at, h in held.items()
        }
        self._epochs = {at: h.epoch for at, h in held.items()}

    async def _read(self, limit: int) -> Sequence[Record]:
        if not self._next:
            return ()
        topics, parts = zip(*self._next, strict=True)
        rows = await self._topics.home.fetch(_FETCH, list(topics), list(parts), list(self._next.values()), limit)
        found = [Record(r[0], r[1], r[2], r[3], r[4], _read(r[5]), r[6]) for r in rows]
        self._next |= {(r.topic, r.part): r.offset + 1 for r in found}
        return found


def part_of(message: Message) -> int:
    """Where Kafka's default partitioner puts a message with a key; one without goes anywhere."""
    return (ids.murmur2(message.value if message.key is None else message.key) & 0x7FFFFFFF) % PARTS


def _written(headers: Iterable[Header]) -> str:
    """Every byte as the character of its number, so that any value comes back as it was."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers]).decode()


def _read(headers: str) -> tuple[Header, ...]:
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(headers))

"""Publishes a service's log to Kafka: from a cursor, in order, each event at least once.

Which event a record is stands in the record, so that a relay may resend as much as it likes. One works at a time; where
two believe they do, the cursor moves for one of them only, and what both sent is known by its position.
"""

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import asyncpg

from engine import ids
from engine.faults import Lost
from engine.kafka.access import Unreachable
from engine.kafka.admin import Layout
from engine.kafka.records import written
from engine.kafka.sending import Entry, Sender
from engine.lifecycle import unless_stopped
from engine.ports import PARTS, RawEvent
from engine.serde import read_meta
from engine.store import APPENDED, COLUMNS, PostgresStore, as_raw
from engine.tracing import TRACES, Attributes

log = logging.getLogger("kehu.relay")

AT_ONCE = 2_000
LEASE = timedelta(seconds=10)
"""How long a relay that fell silent keeps the log."""
LOOK = 0.02
"""Seconds between two looks at a log that another process writes."""
WAIT = 1.0

_TAKE = """
update relay set owner = $1, epoch = epoch + 1, expires_at = clock_timestamp() + $2
where owner is null or owner = $1 or expires_at < clock_timestamp()
returning epoch, pos, (select incarnation from store) as life"""
_MOVE = """
update relay set pos = $2, sent = sent + $3, expires_at = clock_timestamp() + $4, moved_at = clock_timestamp()
where epoch = $1 and pos <= $2 and (select incarnation from store) = $5 returning epoch"""
_GIVE = "update relay set owner = null where owner = $1 and epoch = $2"
_NEXT = f"select {COLUMNS} from events where pos > $1 order by pos limit $2"  # noqa: S608 - constants only
_BEFORE = """
select t.topic, p.part, coalesce((select pos from events where part = p.part and pos <= $1
    and type >= t.topic || '.' and type < t.topic || '/' order by pos desc limit 1), 0)
from unnest($2::text[]) t(topic) cross join generate_series(0, $3::int - 1) p(part)"""
_STATUS = f"""
select r.pos, r.sent, r.moved_at, r.owner is not null and r.expires_at > clock_timestamp(),
    (select coalesce(max(pos), 0) from events), (select {APPENDED} from events where pos > r.pos order by pos limit 1)
from relay r"""  # noqa: S608 - constants only
_RESEND = "update relay set pos = least($1, (select coalesce(max(pos), 0) from events)), epoch = epoch + 1"

At = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Relayed:
    """How far a relay is. `since`: when the oldest event that waits was appended; `works`: somebody has the lease."""

    position: int
    sent: int
    moved_at: datetime
    works: bool
    head: int
    since: datetime | None

    @property
    def events(self) -> int:
        """How many positions lie between the cursor and the end of the log."""
        return max(self.head - self.position, 0)


class Relay:
    """Worker that publishes the log of `store`, which holds `contexts`, as events of `service`."""

    name = "relay"

    def __init__(self, store: PostgresStore, service: str, contexts: Sequence[str], layout: Layout) -> None:
        self._store, self._service, self._contexts = store, service, list(contexts)
        self.layout, self._access = layout, layout.access
        self._pool = store.database.pool
        self._session = ids.new()
        self._sender = Sender(layout.access, f"kehu-{service}-relay")
        self.sent: Counter[str] = Counter()
        """Events this process has sent, by topic; those that were sent again count again."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what could not be sent, or the cursor not moved for, is sent again. Raises Halted."""
        await self.layout.present(map(self._access.topic, self._contexts))
        try:
            while not stop.is_set():
                taken = await self._pool.fetchrow(_TAKE, self._session, LEASE)
                if taken is None:
                    await unless_stopped(stop, asyncio.sleep(WAIT))
                    continue
                with contextlib.suppress(Lost):
                    await self._publish(taken["epoch"], taken["pos"], taken["life"], stop)
                await self._pool.execute(_GIVE, self._session, taken["epoch"])
        except Unreachable:
            self.layout.doubt()
            raise
        finally:
            await self._sender.close()

    async def _publish(self, epoch: int, position: int, life: UUID, stop: asyncio.Event) -> None:
        """As long as the cursor is ours. Raises Lost."""
        before = await self._before(position)
        loop, renewed = asyncio.get_running_loop(), 0.0
        while not stop.is_set():
            counts = {context: self._store.wakeups.count(context) for context in self._contexts}
            raws = await self._next(position, life)
            if raws:
                began, entries = loop.time(), self._entries(raws, before, life)
                await self._sender.send(entries)
                self._told(raws, entries, loop.time() - began)
                position = raws[-1].position
            if raws or loop.time() - renewed > LEASE.total_seconds() / 3:
                await self._move(epoch, position, len(raws), life)
                renewed = loop.time()
            if len(raws) < AT_ONCE:
                await self._wait(stop, counts)

    async def _next(self, position: int, life: UUID) -> list[RawEvent]:
        """What follows in the log. Raises Lost where that is another life's by now: it would go out as of this one."""
        raws = as_raw(await self._pool.fetch(_NEXT, position, AT_ONCE))
        if raws and await self._store.incarnation() != life:
            raise Lost(f"{self._service}: the log lives another life")
        return raws

    async def _before(self, position: int) -> dict[At, int]:
        """The last position at or below `position` of every part."""
        rows = await self._pool.fetch(_BEFORE, position, self._contexts, PARTS)
        return {(topic, part): at for topic, part, at in cast(Sequence[tuple[str, int, int]], rows)}

    def _entries(self, raws: Sequence[RawEvent], before: dict[At, int], life: UUID) -> dict[At, list[Entry]]:
        """Records by the topic and part they go to; moves `before` past them."""
        found: defaultdict[At, list[Entry]] = defaultdict(list)
        for raw in raws:
            context = raw.type.partition(".")[0]
            at = context, raw.part
            entry = Entry(*written(raw, self._service, before.get(at, 0), life))
            found[self._access.topic(context), raw.part].append(entry)
            before[at] = raw.position
        return found

    def _told(self, raws: Sequence[RawEvent], entries: Mapping[At, Sequence[Entry]], seconds: float) -> None:
        """Count what was sent, and tell it to whoever follows the events."""
        for (topic, _), records in entries.items():
            self.sent[topic] += len(records)
        if TRACES.tracer is not None:
            about: Attributes = {"messaging.system": "kafka", "kehu.events": len(raws)}
            TRACES.tell("publish", [read_meta(raw.meta)[3] for raw in raws], seconds, about, "producer")

    async def resend(self, after: int) -> None:
        """Have everything above position `after` published again, by whichever process."""
        await resend(self._pool, after)

    async def standing(self) -> Relayed:
        """How far the log was published, by whichever process."""
        return await relayed(self._pool)

    async def _move(self, epoch: int, position: int, sent: int, life: UUID) -> None:
        """A log that was restored gives out epochs and positions again: neither says that it is still the same."""
        if await self._pool.fetchval(_MOVE, epoch, position, sent, LEASE, life) is None:
            raise Lost(
                f"{self._service}: the cursor of the relay was moved by somebody else, or the log lives another life"
            )

    async def _wait(self, stop: asyncio.Event, counts: dict[str, int]) -> None:
        """For the next append of this process, or a look at what others append."""
        wakeups = self._store.wakeups
        if any(wakeups.count(context) != count for context, count in counts.items()):
            return
        waits = [asyncio.ensure_future(wakeups.wait(c, LOOK, count)) for c, count in counts.items()]
        try:
            await asyncio.wait([*waits, stopped := asyncio.ensure_future(stop.wait())],
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        finally:
            for waiting in (*waits, stopped):
                waiting.cancel()


async def relayed(home: asyncpg.Pool) -> Relayed:
    """How far the log behind `home` was published."""
    row = await home.fetchrow(_STATUS)
    assert row is not None
    return Relayed(*row)


async def resend(home: asyncpg.Pool, after: int) -> None:
    """Have everything above position `after` published again; consumers know what they have seen."""
    await home.execute(_RESEND, after)

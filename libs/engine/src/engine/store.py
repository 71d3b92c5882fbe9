"""The append-only log of one service in PostgreSQL; implements `engine.ports.Store`.

Appends go through `append_events` only (migration 0001): one lane, so commit order is position order and readers
need no more than ``pos > last``.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from orjson import Fragment

from engine import ids
from engine.appender import Appender, read_verdict
from engine.batches import Row
from engine.database import Database
from engine.meters import Appends
from engine.ports import Append, Appended, RawEvent, Verdict
from engine.serde import WRITTEN, Serde, write_meta
from engine.wakeups import Wakeups
from events.base import COMPANY
from events.envelope import Envelope

_DRAWN = "to_timestamp(('x' || translate({start}, '-', ''))::bit(48)::bigint / 1000.0)"
APPENDED = f"greatest(recorded_at, {_DRAWN.format(start='substr(id::text, 1, 13)')})"
"""When an event was appended, though an initial load asserts another time: its id tells when it was made."""
OLDEST_APPENDED = f"greatest(min(recorded_at), {_DRAWN.format(start='min(substr(id::text, 1, 13))')})"
"""Of several events, the oldest."""
COLUMNS = "pos, part, stream, ver, id, type, schema_ver, customer, company, data, meta, effective_at, recorded_at"
"""Of the table `events`, in the order of `RawEvent`'s fields."""
PATIENCE = 10.0
"""Seconds an append waits at most for the database."""

_STREAMS = f"""select e.* from unnest($1::text[], $2::bigint[]) with ordinality q(stream, after, o)
    cross join lateral (select {COLUMNS} from events e where e.stream = q.stream and e.ver > q.after order by e.ver) e
    order by q.o, e.ver"""  # noqa: S608 - constants only; lateral: never a join that reads the whole table
_VERSIONS = """select q.s, coalesce((select ver from events where stream = q.s order by ver desc limit 1), 0) as v
    from unnest($1::text[]) q(s)"""
_CUSTOMERS = """select e.customer from unnest($1::text[]) q(s)
    cross join lateral (select customer from events where stream = q.s order by ver limit 1) e"""
_AFTER = f"select {COLUMNS} from events where pos > $1 order by pos limit $2"  # noqa: S608
_CHOSEN = f"""select {COLUMNS} from events where pos > $1
    and ($3::text[] is null or type = any($3)) and ($4::text is null or split_part(type, '.', 1) = $4)
    order by pos limit $2"""  # noqa: S608
_OF_CUSTOMER = f"""select {COLUMNS} from events where part = $1 and pos > $2 and customer = $3
    and ($5::text[] is null or type = any($5)) order by pos limit $4"""  # noqa: S608
_ONE = f"select {COLUMNS} from events where id = $1"  # noqa: S608
_PART = f"""select {COLUMNS} from events where part = $1 and pos > $2 and split_part(type, '.', 1) = $3
    order by pos limit $4"""  # noqa: S608
_BEFORE = """select coalesce((select e.pos from events e where e.part = q.part and e.pos < q.pos
        and e.type >= q.topic || '.' and e.type < q.topic || '/' order by e.pos desc limit 1), 0)
    from unnest($1::text[], $2::smallint[], $3::bigint[]) with ordinality q(topic, part, pos, o) order by q.o"""
_HEAD = "select coalesce((select pos from events order by pos desc limit 1), 0)"


class PostgresStore:
    """One service's log. `company` is the selling legal entity, stored with each event."""

    def __init__(
        self, database: Database, serde: Serde, company: str = "company", wakeups: Wakeups | None = None
    ) -> None:
        self.database, self.serde, self.company = database, serde, company
        self.wakeups = wakeups or Wakeups()
        self._pool = database.pool
        self._appender = Appender(company, self._connect, self._notify)

    @property
    def appends(self) -> Appends:
        """What this process has stored here."""
        return self._appender.appends

    async def append(self, append: Append, patience: float = PATIENCE) -> Appended:
        """Store all events or none, and the verdicts with them.

        A written stream that `expected` leaves out is continued at whatever version it has. An accepted verdict's
        `positions` count the append's own events from 1 (None: all of them); stored they are positions of the log.
        Where one of the commands is known already nothing is stored and `repeated` holds its verdict.

        Raises Conflict, and StoreFailed after `patience` seconds or where the database refuses the content.
        """
        if self.serde.seals(append.events):
            await self.serde.prepare(new.event for new in append.events)
        return await self._appender.submit(append, self._rows(append), patience)

    async def read_stream(self, stream: str, after: int = 0) -> Sequence[Envelope[Any]]:
        """The events of `stream` above version `after`, in order."""
        return (await self.read_streams({stream: after}))[stream]

    async def read_streams(self, after: Mapping[str, int]) -> dict[str, list[Envelope[Any]]]:
        """The events of several streams, each above its version, at one moment."""
        raws = as_raw(await self._pool.fetch(_STREAMS, list(after), list(after.values())))
        found: dict[str, list[Envelope[Any]]] = {stream: [] for stream in after}
        for envelope in await self.serde.decode_all(raws):
            found[envelope.stream].append(envelope)
        return found

    async def versions(self, streams: Sequence[str]) -> Mapping[str, int]:
        """The present version of each stream; 0 for one that does not exist."""
        return {row[0]: row[1] for row in await self._pool.fetch(_VERSIONS, list(streams))}

    async def customers(self, streams: Sequence[str]) -> frozenset[str | None]:
        """Whom these streams are about, None among them where one is about no customer; those not begun count not."""
        return frozenset(row["customer"] for row in await self._pool.fetch(_CUSTOMERS, list(streams)))

    async def verdict(self, command: UUID) -> Verdict | None:
        """What became of a command, if it was decided before."""
        return (await self.verdicts([command])).get(command)

    async def verdicts(self, commands: Sequence[UUID]) -> dict[UUID, Verdict]:
        """What became of those of `commands` that were decided before."""
        rows = await self._pool.fetch("select * from verdicts where command = any($1::uuid[])", list(commands))
        return {row["command"]: read_verdict(row) for row in rows}

    async def read_all(
        self, after: int, limit: int, *, types: Sequence[str] | None = None, topic: str | None = None
    ) -> Sequence[Envelope[Any]]:
        """Events above position `after`, in commit order. Never passes one that is not committed yet."""
        return await self.serde.decode_all(await self.read_raw(after, limit, types=types, topic=topic))

    async def read_raw(
        self, after: int, limit: int, *, types: Sequence[str] | None = None, topic: str | None = None
    ) -> list[RawEvent]:
        """As `read_all`, not decoded."""
        if types is None and topic is None:
            return as_raw(await self._pool.fetch(_AFTER, after, limit))
        return as_raw(await self._pool.fetch(_CHOSEN, after, limit, types, topic))

    async def event(self, event: UUID) -> RawEvent | None:
        """The event of that id, not decoded; None where this log has none."""
        row = await self._pool.fetchrow(_ONE, event)
        return RawEvent(*row) if row else None

    async def read_customer(
        self, customer: str, after: int, limit: int, *, types: Sequence[str] | None = None
    ) -> list[RawEvent]:
        """What happened to one customer above position `after`, not decoded."""
        part = ids.part_of(customer)
        return as_raw(await self._pool.fetch(_OF_CUSTOMER, part, after, customer, limit, types))

    async def read_part(self, topic: str, part: int, after: int, limit: int) -> list[RawEvent]:
        """The events of one part of a topic above position `after`, not decoded."""
        return as_raw(await self._pool.fetch(_PART, part, after, topic, limit))

    async def previous(self, raws: Sequence[RawEvent]) -> list[int]:
        """For each event the position before it in its topic and part, whether in `raws` or not; 0: it is the first."""
        columns = [r.type.partition(".")[0] for r in raws], [r.part for r in raws], [r.position for r in raws]
        return [row[0] for row in await self._pool.fetch(_BEFORE, *columns)]

    async def head(self) -> int:
        """The highest position; 0 for an empty store."""
        return int(await self._pool.fetchval(_HEAD))

    async def incarnation(self) -> UUID:
        """Which life of this store it is: another one after `renew`."""
        return UUID(str(await self._pool.fetchval("select incarnation from store")))

    async def renew(self) -> UUID:
        """Begin a new life, after a restore or a promotion: what was read in the old one proves nothing any more.

        Done by the owner of the tables: a service has no right to. Raises NotTheOwner for another login.
        """
        return await renew(self.database.url)

    async def close(self) -> None:
        """Store what is under way and give back the connection; the database stays open."""
        await self._appender.close()

    def _rows(self, append: Append) -> list[Row]:
        said, whole = append.meta, Fragment(write_meta(append.meta))
        steps: dict[str, int] = {}
        rows: list[Row] = []
        for stream, event, effective, own in append.events:
            name, meta = ids.new(), own or append.meta
            steps[stream] = step = steps.get(stream, 0) + 1
            if meta is not said:
                whole = whole if meta[:WRITTEN] == said[:WRITTEN] else Fragment(write_meta(meta))
                said = meta
            kind, about = event.type, event.about
            topic = kind.partition(".")[0]
            part = 0 if topic == COMPANY else ids.part_of(about or stream)
            data = Fragment(self.serde.encode(event, name))
            entry = (
                stream, step, name, kind, event.version, part, about, data, whole, effective, meta.asserted_recorded
            )  # fmt: skip
            rows.append(Row(stream, name, topic, orjson.dumps(entry)[1:]))
        return rows

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.database.url, server_settings=dict(self.database.settings), timeout=5)

    def _notify(self, topics: set[str]) -> None:
        for topic in topics:
            self.wakeups.notify(topic)


class NotTheOwner(Exception):
    """The login may not do what only the owner of a database does; the sentence says what."""


async def renew(url: str) -> UUID:
    """`PostgresStore.renew` for the database at `url`. Raises NotTheOwner."""
    fresh = ids.new()
    owner = await asyncpg.connect(url, timeout=5)
    try:
        await owner.execute("update store set incarnation = $1", fresh)
    except asyncpg.InsufficientPrivilegeError:
        raise NotTheOwner("a new life is begun by the owner of the database, the login that migrates") from None
    finally:
        await owner.close()
    return fresh


def as_raw(rows: Sequence[asyncpg.Record]) -> list[RawEvent]:
    """Rows of `COLUMNS` as events, not decoded."""
    new = tuple.__new__  # half the time of calling the class
    return [new(RawEvent, row) for row in rows]

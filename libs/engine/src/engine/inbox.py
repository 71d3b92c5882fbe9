"""What came in from an ERP and what became of it: the tables behind the intake."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, cast

import orjson

from engine.database import Database

Key = tuple[str, str]
"""Source and id of a message."""
Outcome = Literal["accepted", "waiting", "rejected"]

_LOCK = 5_348_013
_KNOWN = """
select i.* from inbox i join unnest($1::text[], $2::text[]) k(source, id) on i.source = k.source and i.id = k.id"""
_RECORD = """
insert into inbox (source, id, type, customer, digest, attempt, verdict, rule, params, position, receipt, decided_at,
    came, document, amount, currency, rate, effective, sequence)
select k.source, k.id, k.type, k.customer, k.digest, k.attempt, k.verdict, k.rule, k.params::jsonb, k.position,
    nextval('inbox_receipt'), clock_timestamp(), k.came, k.document, k.amount, k.currency, k.rate,
    k.effective, k.sequence
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::text[], $8::text[],
    $9::text[], $10::bigint[], $11::text[], $12::text[], $13::numeric[], $14::text[], $15::numeric[], $16::date[],
    $17::text[]) with ordinality
    k(source, id, type, customer, digest, attempt, verdict, rule, params, position, came, document, amount, currency,
        rate, effective, sequence, n)
order by k.n
on conflict (source, id) do update set type = excluded.type, customer = excluded.customer, digest = excluded.digest,
    attempt = excluded.attempt, verdict = excluded.verdict, rule = excluded.rule, params = excluded.params,
    position = excluded.position,
    receipt = case when (inbox.verdict, inbox.rule) = (excluded.verdict, excluded.rule) and inbox.verdict = 'waiting'
        then inbox.receipt else excluded.receipt end, decided_at = excluded.decided_at,
    came = coalesce(excluded.came, inbox.came), document = excluded.document, amount = excluded.amount,
    currency = excluded.currency, rate = excluded.rate, effective = excluded.effective,
    sequence = coalesce(excluded.sequence, inbox.sequence)
where inbox.verdict <> 'accepted' and inbox.attempt < excluded.attempt"""
_COUNT = """
update inbox set repeated = repeated + (not k.other)::int, conflicts = conflicts + k.other::int
from unnest($1::text[], $2::text[], $3::bool[]) k(source, id, other)
where inbox.source = k.source and inbox.id = k.id"""
_DONE = """
delete from waiting w using unnest($1::text[], $2::text[]) k(source, id) where w.source = k.source and w.id = k.id"""
_WAIT = """
insert into waiting (source, id, type, customer, data, meta, attempt, since, next_try)
select k.source, k.id, k.type, k.customer, k.data, k.meta::jsonb, k.attempt, clock_timestamp(),
    clock_timestamp() + make_interval(secs => $8)
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[])
    k(source, id, type, customer, data, meta, attempt)
on conflict (source, id) do update set attempt = excluded.attempt, next_try = clock_timestamp()
    + least(make_interval(secs => $9), greatest(make_interval(secs => $8), clock_timestamp() - waiting.since))"""
_DUE = """
select w.source, w.id, w.type, w.customer, w.data, w.meta, w.attempt, i.digest,
    extract(epoch from clock_timestamp() - w.since)::float8 as waited
from waiting w join inbox i on i.source = w.source and i.id = w.id
where w.next_try <= clock_timestamp() or w.customer = any($1::text[]) order by w.since, w.source, w.id limit $2"""
_STIRRED = """
select distinct e.customer from events e
where e.pos > $1 and e.pos <= $2 and e.customer in (select customer from waiting)"""
_RECEIPTS = """
select * from inbox where receipt > $1 and ($2::text is null or source = $2) order by receipt limit $3"""
_HEAD = "select coalesce(max(pos), 0) from events"
_UNANSWERED = "select exists (select from inbox where came is not null and receipt > (select receipt from answered))"
_ANSWERS = "select * from inbox where came is not null and receipt > $1 order by receipt limit $2"


_NO_PARAMS: Mapping[str, Any] = {}


class Told(NamedTuple):
    """What a message says it is about, as far as it could be read: nothing personal.

    `amount` moves what the customer owes: above zero it adds; in `currency`, of which one unit is `rate` of the
    account's (None: it is the account's). `sequence`: the CloudEvents attribute, where the sender numbers its messages.
    """

    document: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    rate: Decimal | None = None
    effective: date | None = None
    sequence: str | None = None


_UNTOLD = Told()


class Entry(NamedTuple):
    """The present verdict on a message. `attempt` counts the decisions made about it; `receipt` orders the verdicts.

    `came`: topic, part and offset of the record it was in; None where it came over HTTP. `told`: what it is about.
    """

    source: str
    id: str
    type: str
    customer: str | None
    digest: bytes
    attempt: int
    verdict: Outcome
    rule: str | None = None
    params: Mapping[str, Any] = _NO_PARAMS
    position: int | None = None
    receipt: int = 0
    decided_at: datetime | None = None
    came: str | None = None
    told: Told = _UNTOLD

    @property
    def key(self) -> Key:
        return self.source, self.id


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document that waits: `data` is its body as JSON text, `meta` who sent it, `waited` the seconds so far."""

    source: str
    id: str
    type: str
    customer: str | None
    data: str
    meta: Mapping[str, Any]
    attempt: int
    digest: bytes = b""
    waited: float = 0.0

    @property
    def key(self) -> Key:
        return self.source, self.id


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds until the next try of what waits: at first, and at most; in between as long as it has waited already."""

    first: float
    longest: float


class Inbox:
    """The messages one service was sent."""

    def __init__(self, database: Database, pauses: Pauses) -> None:
        self._pool, self._pauses = database.pool, pauses
        self.verdicts: Counter[Outcome] = Counter()
        """What this process decided about documents; one that waits counts once as waiting, once as what it became."""

    async def known(self, keys: Sequence[Key]) -> dict[Key, Entry]:
        """The verdicts on those of `keys` that came before."""
        rows = await self._pool.fetch(_KNOWN, [k[0] for k in keys], [k[1] for k in keys])
        return {e.key: e for e in map(entry_of, rows)}

    async def count(self, repeated: Sequence[Key], conflicts: Sequence[Key]) -> None:
        """These messages came again: with the same body, or with another one while the first stands."""
        keys = [*repeated, *conflicts]
        if keys:
            other = [False] * len(repeated) + [True] * len(conflicts)
            await self._pool.execute(_COUNT, [k[0] for k in keys], [k[1] for k in keys], other)

    async def record(self, entries: Sequence[Entry], waiting: Sequence[Waiting]) -> None:
        """Keep these verdicts, and the documents of those that wait; receipts are numbered in the order of commits."""
        if not entries:
            return
        done = [e.key for e in entries if e.verdict != "waiting"]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(_RECORD, *_entry_columns(entries))
            if done:
                await connection.execute(_DONE, [k[0] for k in done], [k[1] for k in done])
            if waiting:
                pauses = self._pauses.first, self._pauses.longest
                await connection.execute(_WAIT, *_waiting_columns(waiting), *pauses)
        self.verdicts.update(e.verdict for e in entries if e.verdict != "waiting" or e.attempt == 0)

    async def backlog(self) -> tuple[int, datetime | None]:
        """How many documents wait for what they refer to, and since when the oldest does."""
        row = await self._pool.fetchrow("select count(*), min(since) from waiting")
        assert row is not None
        return row[0], row[1]

    async def due(self, customers: Sequence[str], limit: int) -> Sequence[Waiting]:
        """Waiting documents of these customers, and all whose time for another try has come, oldest first."""
        rows = await self._pool.fetch(_DUE, list(customers), limit)
        return [Waiting(**{**dict(row), "meta": orjson.loads(row["meta"])}) for row in rows]

    async def waiting_customers(self) -> Sequence[str]:
        """All customers with documents that wait."""
        rows = await self._pool.fetch("select distinct customer from waiting where customer is not null")
        return [row[0] for row in rows]

    async def stirred(self, after: int) -> tuple[Sequence[str], int]:
        """Customers with waiting documents about whom something happened after `after`; and the position now."""
        head = cast(int, await self._pool.fetchval(_HEAD))
        rows = await self._pool.fetch(_STIRRED, after, head) if head > after else []
        return [row[0] for row in rows], head

    async def answer(self, give: Callable[[Sequence[Entry]], Awaitable[None]], limit: int) -> int:
        """Give the next verdicts, at most `limit`, on messages that came in a topic; how many.

        One process at a time, in the order of the verdicts. Where `give` fails, or we die in it, they are given again.
        """
        if not await self._pool.fetchval(_UNANSWERED):
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            last = await connection.fetchval("select receipt from answered for update")
            found = [entry_of(row) for row in await connection.fetch(_ANSWERS, last, limit)]
            if found:
                await give(found)
                await connection.execute("update answered set receipt = $1", found[-1].receipt)
        return len(found)

    async def receipts(self, after: int, source: str | None, limit: int) -> Sequence[Entry]:
        """The verdicts given after receipt `after`, in order; of each message only its present one."""
        return [entry_of(row) for row in await self._pool.fetch(_RECEIPTS, after, source, limit)]


_COLUMNS = tuple(name for name in Entry._fields if name not in ("params", "told"))


def entry_of(row: Any) -> Entry:
    """A row of the inbox; its `params` as JSON text."""
    told = Told(*(row[name] for name in Told._fields))
    return Entry(**{name: row[name] for name in _COLUMNS}, params=orjson.loads(row["params"]), told=told)


def _entry_columns(entries: Sequence[Entry]) -> tuple[list[Any], ...]:
    return (
        [e.source for e in entries],
        [e.id for e in entries],
        [e.type for e in entries],
        [e.customer for e in entries],
        [e.digest for e in entries],
        [e.attempt for e in entries],
        [e.verdict for e in entries],
        [e.rule for e in entries],
        [orjson.dumps(e.params, default=str).decode() if e.params else "{}" for e in entries],
        [e.position for e in entries],
        [e.came for e in entries],
        *map(list, zip(*(e.told for e in entries), strict=True)),
    )


def _waiting_columns(waiting: Sequence[Waiting]) -> tuple[list[Any], ...]:
    return (
        [w.source for w in waiting],
        [w.id for w in waiting],
        [w.type for w in waiting],
        [w.customer for w in waiting],
        [w.data for w in waiting],
        [orjson.dumps(w.meta, default=str).decode() for w in waiting],
        [w.attempt for w in waiting],
    )

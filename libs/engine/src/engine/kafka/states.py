"""Keeps a compacted topic what is so now: the newest record of a customer is its state.

Which customers have changed is read from the log behind a cursor, what they are now from their streams. Several
processes may believe that it is their turn; the broker takes records of the one that was ready last, and that one read
the states after it was ready. So the newest record is never an older state than one before it.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from engine import cloudevents, ids
from engine.decider import Ref, States
from engine.faults import Lost
from engine.kafka.access import Unreachable
from engine.kafka.admin import Layout
from engine.kafka.messages import everything
from engine.kafka.sending import Entry, Sender
from engine.lifecycle import unless_stopped
from engine.stated import Stated, Told
from engine.store import OLDEST_APPENDED, PostgresStore

log = logging.getLogger("kehu.states")

LOOKED_THROUGH = 200_000
"""Events looked through at once: of a customer that changes often, one state is told."""
AT_ONCE = 500
LEASE = timedelta(seconds=10)
PAUSE, LONGEST_PAUSE, SHARE = 0.2, 30.0, 19
"""Seconds between two looks; where much changes so many times as long as telling took, so that others get on."""

_BEGIN = "insert into states (topic) values ($1) on conflict do nothing"
_TAKE = """
update states set owner = $2, epoch = epoch + 1, expires_at = clock_timestamp() + $3
where topic = $1 and (owner is null or owner = $2 or expires_at < clock_timestamp())
returning epoch, pos, day, life, (select incarnation from store) as now"""
_MOVE = """
update states set pos = $3, day = $4, life = $5, told = told + $6, expires_at = clock_timestamp() + $7,
    moved_at = clock_timestamp()
where topic = $1 and epoch = $2 and (select incarnation from store) = $5 returning epoch"""
_RENEW = "update states set expires_at = clock_timestamp() + $3 where topic = $1 and epoch = $2 returning epoch"
_GIVE = "update states set owner = null where topic = $1 and owner = $2 and epoch = $3"
_CHANGED = """
with seen as (select pos, type, customer from events where pos > $1 order by pos limit $2)
select coalesce(max(pos), $1),
    coalesce(array_agg(distinct customer) filter (where type = any($3::text[]) and customer is not null), '{}')
from seen"""
_DUE = "select customer from states_due where topic = $1 and due <= $2"
_NOT_DUE = "delete from states_due where topic = $1 and customer = any($2::text[])"
_ARE_DUE = "insert into states_due (topic, customer, due) select $1, * from unnest($2::text[], $3::date[])"
_AGAIN = "update states set pos = least(pos, $2), epoch = epoch + 1 where topic = $1"
_BEHIND = f"""
select count(*), {OLDEST_APPENDED} from (
    select e.id, e.recorded_at from events e where e.pos > coalesce((select pos from states where topic = $1), 0)
    and e.type = any($2::text[]) order by e.pos limit $3) waiting"""  # noqa: S608 - constants only


@dataclass(slots=True)
class _Turn:
    """Ours, as long as nobody else takes it: how far the log of this life was looked through, as of which day."""

    epoch: int
    position: int
    day: date | None
    life: UUID
    told: int = 0
    until: dict[str, date | None] = field(default_factory=dict)


class StateRelay:
    """Worker that publishes the states `stated` of `service`, whose log is `store`."""

    def __init__(
        self,
        stated: Stated,
        store: PostgresStore,
        service: str,
        layout: Layout,
        states: Callable[[Sequence[Ref[Any]]], Awaitable[States]],
        today: Callable[[], Awaitable[date]],
    ) -> None:
        self.stated, self._store, self._service, self._layout = stated, store, service, layout
        self._pool, self._states, self._today = store.database.pool, states, today
        self._topic, self._session = layout.access.named(stated.topic), ids.new()
        self._sender = Sender(layout.access, f"kehu-{service}-states", fence_of(layout, stated))

    @property
    def name(self) -> str:
        return f"states:{self.stated.topic}"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what could not be sent is told again, as it is then. Raises Unreachable, Halted."""
        await self._layout.present([self._topic])
        await self._pool.execute(_BEGIN, self._topic)
        try:
            while not stop.is_set():
                row = await self._pool.fetchrow(_TAKE, self._topic, self._session, LEASE)
                if row is None:
                    await unless_stopped(stop, asyncio.sleep(1))
                    continue
                with contextlib.suppress(Lost):
                    await self._work(_Turn(row["epoch"], row["pos"], row["day"], row["now"]), row["life"], stop)
                await self._pool.execute(_GIVE, self._topic, self._session, row["epoch"])
        except Unreachable:
            self._layout.doubt()
            raise
        finally:
            await self._sender.close()

    async def _work(self, turn: _Turn, told_of: UUID | None, stop: asyncio.Event) -> None:
        """As long as it is our turn. Raises Lost."""
        loop = asyncio.get_running_loop()
        await self._sender.ready()
        if told_of != turn.life:
            await self._begin(turn, of_nothing=told_of is None)
        while not stop.is_set():
            began = loop.time()
            if await self._round(turn):
                await self._move(turn)
            until = loop.time() + min(max(PAUSE, SHARE * (loop.time() - began)), LONGEST_PAUSE)
            await self._pause(turn, until, stop)

    async def _pause(self, turn: _Turn, until: float, stop: asyncio.Event) -> None:
        """It stays our turn meanwhile. Raises Lost."""
        loop = asyncio.get_running_loop()
        while (left := until - loop.time()) > 0 and not stop.is_set():
            await unless_stopped(stop, asyncio.sleep(min(left, LEASE.total_seconds() / 3)))
            await self._renew(turn)

    async def _begin(self, turn: _Turn, *, of_nothing: bool) -> None:
        """The topic tells of another life of this log: all it names are told anew, also who is gone."""
        turn.position, turn.day = 0, None
        if not of_nothing:
            log.warning("%s is told anew: the log lives another life", self._topic)
            await self._tell(turn, await keys(self._layout, self.stated), await self._today())

    async def _round(self, turn: _Turn) -> bool:
        """Tell who has changed since. False: nothing has happened."""
        day = await self._today()
        row = await self._pool.fetchrow(_CHANGED, turn.position, LOOKED_THROUGH, self.stated.types)
        assert row is not None
        due = await self._pool.fetch(_DUE, self._topic, day) if day != turn.day else []
        before = turn.position, turn.day
        turn.position, turn.day = row[0], day
        await self._tell(turn, dict.fromkeys([*row[1], *(one[0] for one in due)]), day)
        return before != (turn.position, turn.day)

    async def _tell(self, turn: _Turn, customers: Iterable[str], day: date) -> None:
        """What each of them is now. Raises Lost, Unreachable."""
        left = iter(customers)
        while some := list(islice(left, AT_ONCE)):
            states = await self._states([ref for customer in some for ref in self.stated.refs(customer)])
            told = {customer: self.stated.tell(customer, states, day, turn.position) for customer in some}
            await self._sender.send(self._entries(told, turn))
            turn.told += len(told)
            turn.until |= {customer: one.until if one else None for customer, one in told.items()}
            await self._renew(turn)

    async def _renew(self, turn: _Turn) -> None:
        if await self._pool.fetchval(_RENEW, self._topic, turn.epoch, LEASE) is None:
            raise Lost(f"{self._topic}: it is another process's turn")

    def _entries(self, told: Mapping[str, Told | None], turn: _Turn) -> dict[tuple[str, int], list[Entry]]:
        """Records by the part they go to."""
        found: defaultdict[tuple[str, int], list[Entry]] = defaultdict(list)
        for customer, one in told.items():
            value = one.state.model_dump_json().encode() if one else None
            headers = self._headers(customer, turn) if one else ()
            found[self._topic, ids.part_of(customer)].append(Entry(customer.encode(), value, headers))
        return found

    def _headers(self, customer: str, turn: _Turn) -> list[tuple[str, bytes]]:
        kind = self.stated.shape.type
        name, _, version = kind.rpartition(".v")
        said = {
            **cloudevents.of_type(self._service, name, int(version)),
            "id": str(ids.named("state", kind, turn.life, customer, turn.position, turn.day)),
            "partitionkey": customer,
            "customer": customer,
            "company": self._store.company,
            "sequence": cloudevents.position(turn.position),
            "kehulife": str(turn.life),
        }
        return [("content-type", b"application/json"), *((f"ce_{n}", value.encode()) for n, value in said.items())]

    async def _move(self, turn: _Turn) -> None:
        """All that was told up to here; who changes on a day to come. Raises Lost."""
        async with self._pool.acquire() as session, session.transaction():
            moved = turn.position, turn.day, turn.life, turn.told, LEASE
            if await session.fetchval(_MOVE, self._topic, turn.epoch, *moved) is None:
                raise Lost(f"{self._topic}: it is another process's turn, or the log lives another life")
            if turn.until:
                coming = {customer: day for customer, day in turn.until.items() if day is not None}
                await session.execute(_NOT_DUE, self._topic, list(turn.until))
                await session.execute(_ARE_DUE, self._topic, list(coming), list(coming.values()))
        turn.told, turn.until = 0, {}


def fence_of(layout: Layout, stated: Stated) -> str:
    """The name under which one process at a time sends these states: `kehu.credit.account-state.v1`, with namespace."""
    return layout.access.named(stated.topic)


async def again(home: asyncpg.Pool, layout: Layout, stated: Stated, after: int) -> None:
    """Have whoever changed above position `after` told again."""
    await home.execute(_AGAIN, layout.access.named(stated.topic), after)


async def behind(home: asyncpg.Pool, layout: Layout, stated: Stated, most: int) -> tuple[int, datetime | None]:
    """How many events, up to `most`, are not in what was told, and when the oldest was appended."""
    row = await home.fetchrow(_BEHIND, layout.access.named(stated.topic), stated.types, most)
    assert row is not None
    return row[0], row[1]


async def keys(layout: Layout, stated: Stated) -> list[str]:
    """Whom the topic names."""
    found = await everything(layout.access, layout.access.named(stated.topic))
    return list(dict.fromkeys(record.key.decode() for record in found if record.key))

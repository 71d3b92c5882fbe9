"""Commands that become due on a business date: planned from the service's own events, decided when the day opens."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, cast
from uuid import UUID

import asyncpg

from engine import ids
from engine.business_day import BUSINESS_DAY
from engine.consumer import start_over
from engine.database import Database
from engine.decider import Actor, Command
from engine.faults import described, is_transient
from engine.folding import Folder, Session
from engine.handle import Asked, Handler
from engine.keeper import Keeper, Means
from engine.ports import Bus, Conflict, Meta, StoreFailed, Verdict
from engine.reaction import Due, Timer
from engine.views import ViewRegistry
from engine.wakeups import Wakeups
from events.envelope import Envelope, Origin

log = logging.getLogger("kehu.timers")

PLANNED = "timers"
"""Wake-up of those who wait for new timers."""
AT_ONCE = 200
TRIES = 5
"""A command whose decision broke (was not refused) so often is left to a person."""
_INSERT = """
insert into timers (key, company, due, command_type, command, event, correlation, origin)
select * from unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::jsonb[], $6::uuid[], $7::uuid[], $8::text[])
on conflict (key) do nothing"""
_OVER = "select company, coalesce(live_on, day) from business_day where coalesce(live_on, day) is not null"
_DAYS = "select company, day, live_on from business_day where day is not null"
_REACHED = """
select not exists (select from unnest($2::smallint[], $3::bigint[]) goal(part, pos)
    left join consumers c on c.grp = $1 and c.topic = $4 and c.part = goal.part
    where c.last_pos is null or c.last_pos < goal.pos)"""
_DUE = """
select t.key, t.due, t.company, t.command_type, t.command, t.event, t.correlation, t.origin
from timers t join unnest($1::text[], $2::date[], $5::bool[]) open(company, day, live)
    on t.company = open.company and t.due <= open.day and (open.live or t.origin <> 'initial_load')
where t.fired_at is null and t.attempts < $3 order by t.due, t.key limit $4"""
_FIRED = """
update timers t set fired_at = clock_timestamp(), outcome = n.outcome
from unnest($1::text[], $2::text[]) n(key, outcome) where t.key = n.key"""
_BROKE = "update timers set attempts = attempts + 1, error = $2 where key = $1"
_BROKEN = f"""
select key, due, command_type, event, attempts, error from timers
where fired_at is null and attempts >= {TRIES} and key > $1 order by key limit $2"""  # noqa: S608 - constants only
_COUNT = f"select count(*) from timers where fired_at is null and attempts >= {TRIES}"  # noqa: S608 - constants only
_AGAIN = f"""
update timers set attempts = 0, error = null
where fired_at is null and attempts >= {TRIES} and ($1::text is null or key = $1)"""  # noqa: S608 - constants only
_BEFORE_LIVE = """
update timers set fired_at = clock_timestamp(), outcome = 'before_live'
where fired_at is null and origin = 'initial_load' and company = $1 and due <= $2"""


@dataclass(frozen=True, slots=True)
class Open:
    """The open business day of a company, and the day it went live on if it has."""

    day: date
    live_on: date | None


class TimerView(Keeper):
    """Worker that writes down what one timer plans."""

    def __init__(self, timer: Timer, means: Means) -> None:
        super().__init__(f"timer:{timer.name}", timer.handles, means)
        self._timer = timer

    def folder(self) -> Folder:
        """Rows of the table of timers."""
        return _Planning(self._timer, self._wakeups)

    async def run(self, stop: asyncio.Event) -> None:
        """Write down what is planned until `stop`. Raises Halted."""
        await ViewRegistry(self._means.database.pool).ensure([BUSINESS_DAY])
        await super().run(stop)

    async def table(self) -> str:
        """All timers of a service lie in one."""
        return "timers"

    async def stale(self, topic: str) -> None:
        """Start over: a key that is known changes nothing."""
        await start_over(self._means.database.pool, self._means.bus, self.name, topic)


class _Planning:
    """Collects planned commands.

    What an initial load plans for days up to the open one is left out: the company goes live on that day or later, and
    what was planned for days before is never done. Years of history would be some millions of rows.
    """

    def __init__(self, timer: Timer, wakeups: Wakeups) -> None:
        self._timer, self._wakeups = timer, wakeups
        self._planned: list[tuple[Envelope[Any], Due]] = []
        self._over: Mapping[str, date] = {}

    async def load(self, session: Session, physical: str, events: Iterable[Envelope[Any]], *, shared: bool) -> None:
        if any(event.origin == "initial_load" for event in events):
            self._over = {row[0]: row[1] for row in await session.fetch(_OVER)}

    def add(self, event: Envelope[Any]) -> None:
        over = self._over.get(event.company, date.min) if event.origin == "initial_load" else date.min
        self._planned += [(event, due) for due in self._timer.plan(event) if due.on > over]

    def size(self) -> int:
        return len(self._planned)

    async def write(self, session: Session, physical: str, *, empty: bool) -> None:
        if self._planned:
            rows = sorted([_row(*planned) for planned in self._planned], key=itemgetter(0))
            await session.execute(_INSERT, *map(list, zip(*rows, strict=True)))
            self._wakeups.notify(PLANNED)


def _row(event: Envelope[Any], due: Due) -> tuple[Any, ...]:
    command = due.command()
    kind, body = type(command).__name__, command.model_dump_json()
    return due.key, event.company, due.on, kind, body, event.id, event.correlation, event.origin


class TimerRunner:
    """Worker that has due commands decided: all of a day, in date order, once.

    A day's commands wait until `timers` have written down what the service's log held when the day was seen to be open.
    Several may run: one works at a time; if it dies another goes on, and what was decided already is answered from its
    verdict. `commands` are those that timers plan. A timer is planned for a company by an event of that company.
    """

    name = "timers"

    def __init__(
        self,
        timers: Sequence[Timer],
        commands: Iterable[type[Command]],
        bus: Bus,
        handler: Handler,
        database: Database,
        *,
        wakeups: Wakeups | None = None,
        pause: float = 0.5,
    ) -> None:
        self._timers, self._bus, self._handler, self._database = timers, bus, handler, database
        self._commands = {c.__name__: c for c in commands}
        self._wakeups, self._pause = wakeups or Wakeups(), pause
        self._open: Mapping[str, Open] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Fire what is due until `stop`."""
        await ViewRegistry(self._database.pool).ensure([BUSINESS_DAY])
        while not stop.is_set():
            count = self._wakeups.count(PLANNED)
            seen = await self._days()
            if seen != self._open and await self._written(stop):
                await self._spare(seen)
                self._open = seen  # last: where that failed it is done again before anything is fired
            if not await self._fire():
                await self._wakeups.wait(PLANNED, self._pause, count)

    async def _days(self) -> Mapping[str, Open]:
        rows = await self._database.pool.fetch(_DAYS)
        return {r["company"]: Open(r["day"], r["live_on"]) for r in rows}

    async def _written(self, stop: asyncio.Event) -> bool:
        """Wait until the timers know all that the log holds now. False when asked to stop."""
        for timer in self._timers:
            for topic in {e.context() for e in timer.handles}:
                goal = await self._bus.head(topic)
                while not await self._reached(f"timer:{timer.name}", topic, goal):
                    if stop.is_set():
                        return False
                    await self._wakeups.wait(f"timer:{timer.name}", 0.05)
        return True

    async def _reached(self, group: str, topic: str, goal: Mapping[int, int]) -> bool:
        reached = await self._database.pool.fetchval(_REACHED, group, list(goal), list(goal.values()), topic)
        return cast(bool, reached)

    async def _spare(self, seen: Mapping[str, Open]) -> None:
        """What an initial load planned for days before going live is not done afterwards."""
        for company, at in seen.items():
            if at.live_on is not None:
                await self._database.pool.execute(_BEFORE_LIVE, company, at.live_on)

    async def _fire(self) -> bool:
        """Have the next due commands decided. False if there were none, or another worker is at it."""
        async with self._database.pool.acquire() as session, session.transaction():
            if not await session.fetchval("select pg_try_advisory_xact_lock(5348006)"):
                return False
            companies = list(self._open)
            days = [self._open[c].day for c in companies]
            live = [self._open[c].live_on is not None for c in companies]
            rows = await session.fetch(_DUE, companies, days, TRIES, AT_ONCE, live)
            for _, of_a_day in groupby(rows, key=lambda r: cast(date, r["due"])):
                await self._decide(session, list(of_a_day))
        return bool(rows)

    async def _decide(self, session: Session, rows: Sequence[asyncpg.Record]) -> None:
        try:
            verdicts = await self._handler.handle_many([self._asked(r) for r in rows])
        except Exception as error:
            if _passes(error):
                raise
            verdicts = await self._one_by_one(session, rows)
        fired = {v.command: _outcome(v) for v in verdicts}
        done = [(r["key"], fired[i]) for r in rows if (i := command_id(r["key"])) in fired]
        await session.execute(_FIRED, [k for k, _ in done], [o for _, o in done])

    async def _one_by_one(self, session: Session, rows: Sequence[asyncpg.Record]) -> list[Verdict]:
        found: list[Verdict] = []
        for row in rows:
            try:
                found.append(await self._handler.handle(self._asked(row)))
            except Exception as error:
                if _passes(error):
                    raise
                log.exception("timer %s", row["key"])
                await session.execute(_BROKE, row["key"], described(error))
        return found

    def _asked(self, row: asyncpg.Record) -> Asked:
        command = self._commands[row["command_type"]].model_validate_json(row["command"])
        origin: Origin = "live"
        meta = Meta("timers", row["correlation"], row["event"], origin=origin)
        return Asked(command, command_id(row["key"]), meta, Actor("timers"), opened=self._open[row["company"]].day)


@dataclass(frozen=True, slots=True)
class Broken:
    """A due command whose decision broke (was not refused) as often as it is tried; `event` planned it."""

    key: str
    due: date
    command: str
    event: UUID
    attempts: int
    error: str | None


async def broken(home: asyncpg.Pool, after: str = "", limit: int = 100) -> list[Broken]:
    """The broken ones in the order of their keys, above `after`."""
    return [Broken(*row) for row in await home.fetch(_BROKEN, after, limit)]


async def count_broken(home: asyncpg.Pool) -> int:
    """How many wait for a person."""
    return cast(int, await home.fetchval(_COUNT))


async def again(home: asyncpg.Pool, key: str | None = None) -> int:
    """Have the broken one of that key, or all, tried anew by whoever fires timers; how many there were."""
    status = await home.execute(_AGAIN, key)
    return int(status.rpartition(" ")[2])


def command_id(key: str) -> UUID:
    """The id of the command planned under `key`."""
    return ids.named("timer", key)


def _outcome(verdict: Verdict) -> str:
    return verdict.rule or verdict.outcome


def _passes(error: Exception) -> bool:
    return is_transient(error) or isinstance(error, (Conflict, StoreFailed))

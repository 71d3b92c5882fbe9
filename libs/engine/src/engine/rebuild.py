"""Builds a view anew beside the one that is read, and puts it in its place at exactly the same positions.

Killed at any step, it leaves the live view untouched and can be started again: what was left over is removed first.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import orjson

from engine.consumer import At
from engine.database import Database
from engine.folding import Session
from engine.heap import look_seldom
from engine.parking import hold, park
from engine.ports import PARTS, Bus
from engine.projection import View
from engine.serde import Serde
from engine.shadow import Goals, Progress, Report, Shadow
from engine.views import Build, create, drop, group_of, lock, show

log = logging.getLogger("kehu.rebuild")

CLOSE = 2_000
"""So few events behind the goal, the rest is folded while the live view waits."""
_ROWS = """
insert into consumers (grp, topic, part, incarnation)
select $1, $2, p, $3 from generate_series(0, $4::int - 1) p on conflict do nothing"""
_STANDING = """
select topic, part, incarnation, last_pos, null::bigint as id, null::text as customer, false as discarded
from consumers where grp = $1
union all select topic, part, null, pos, id, customer, discarded_at is not null from dead_letters where grp = $1
order by id"""
_POSITIONS = "select topic, part, incarnation, last_pos from consumers where grp = $1"
_REPOSITION = """
update consumers c set incarnation = n.incarnation, last_pos = n.pos, epoch = epoch + 1,
    next_offset = case when c.incarnation = n.incarnation then c.next_offset else 0 end
from unnest($2::text[], $3::smallint[], $4::uuid[], $5::bigint[]) n(topic, part, incarnation, pos)
where c.grp = $1 and c.topic = n.topic and c.part = n.part"""
_RETIRE = """
update view_builds set state = 'old', ended_at = clock_timestamp(), positions = $3::jsonb,
    letters = coalesce((select jsonb_agg(to_jsonb(d) - 'id') from dead_letters d where d.grp = $2
        and d.discarded_at is null), '[]')
where name = $1 and state = 'live'"""
_RAISE = """
update view_builds set state = 'live', ended_at = null, events = $3, checksum = $4 where name = $1 and build = $2"""
_FORGET = """
delete from dead_letters where grp = $1 and discarded_at is null
    and (topic, pos) not in (select * from unnest($2::text[], $3::bigint[]))"""


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of a table's rows in any order."""

    rows: int
    sum: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rebuild came to. `before` and `after` are set when both tables stood at the same positions.

    `difference`: rows only in the old and only in the new table, over the columns both have.
    """

    build: Build
    events: int
    parked: int
    before: Checksum | None = None
    after: Checksum | None = None
    difference: tuple[int, int] | None = None

    @property
    def same(self) -> bool | None:
        """Whether the new table holds what the old one did; None where they cannot be compared."""
        return None if self.before is None else self.before == self.after


async def rebuild(
    view: View,
    database: Database,
    bus: Bus,
    serde: Serde,
    *,
    progress: Report | None = None,
    needed: Callable[[], Awaitable[bool]] | None = None,
) -> Outcome | None:
    """Build `view` anew and swap it in; the old table is kept for `rollback`. None where `needed` says no after all.

    One rebuild of a view at a time: others wait. Raises Halted where the fold fails too often or meets a newer event.
    """
    look_seldom()
    async with _only_one(database, view) as session:
        if needed is not None and not await needed():
            return None
        await drop(session, view.name, ["building"])
        build = await create(session, view)
        shadow = Shadow(view, build, bus, serde, progress)
        return await _Swap(view, build, bus, session).run(shadow)


async def rollback(view: View, database: Database, bus: Bus, serde: Serde) -> Outcome:
    """Put the build before the live one back in its place, after catching it up.

    `view` is the one that filled it. Raises LookupError where there is none of this version.
    """
    async with _only_one(database, view) as session:
        row = await session.fetchrow(
            "select build, version, table_name, positions, letters from view_builds where name = $1 and state = 'old'",
            view.name,
        )
        if row is None or row["version"] != view.version:
            raise LookupError(f"{view.name}: no earlier build of version {view.version} is kept")
        build = Build(row["build"], row["version"], row["table_name"])
        shadow = Shadow(view, build, bus, serde, None)
        shadow.filled = True
        lives = {t: await bus.incarnation(t) for t in view.topics}
        for topic, part, life, position in orjson.loads(row["positions"]):
            if UUID(life) != lives[topic]:
                raise LookupError(f"{view.name}: the kept build follows another incarnation of {topic}")
            shadow.reached[topic, part] = position
        shadow.resume(orjson.loads(row["letters"]))
        return await _Swap(view, build, bus, session).run(shadow)


class _Swap:
    """One run: fill, close the distance, change places in one transaction."""

    def __init__(self, view: View, build: Build, bus: Bus, session: Session) -> None:
        self._view, self._build, self._bus, self._session = view, build, bus, session
        self._group = group_of(view)
        self._lives: dict[str, UUID] = {}

    async def run(self, shadow: Shadow) -> Outcome:
        """Fill `shadow` and swap it in."""
        self._lives = {t: await self._bus.incarnation(t) for t in self._view.topics}
        for topic, life in self._lives.items():
            await self._session.execute(_ROWS, self._group, topic, life, PARTS)
        while True:
            before = shadow.events
            await shadow.fill(self._session, await self._goals())
            if shadow.events - before <= CLOSE:
                break
        await shadow.finish(self._session)
        async with self._session.transaction():
            return await self._change_places(shadow)

    async def _goals(self) -> Goals:
        """Where the live view stands; where there is none that can go on, the ends of the logs."""
        rows = await self._session.fetch(_STANDING, self._group)
        mine = [r for r in rows if r["id"] is None and r["topic"] in self._lives]
        discarded = {(r["topic"], r["last_pos"]) for r in rows if r["discarded"]}
        if any(r["incarnation"] != self._lives[r["topic"]] for r in mine):
            return Goals(await self._ends(), {}, {}, discarded)
        live = {(r["topic"], r["part"]): r["last_pos"] for r in mine}
        letters = {(r["topic"], r["last_pos"]): r["customer"] for r in rows if r["id"] and not r["discarded"]}
        return Goals(live if await self._comparable() else await self._ends(), live, letters, discarded)

    async def _ends(self) -> dict[At, int]:
        heads = {t: await self._bus.head(t) for t in self._lives}
        return {(t, p): heads[t].get(p, 0) for t in self._lives for p in range(PARTS)}

    async def _comparable(self) -> bool:
        live = await self._session.fetchrow(
            "select version, to_regclass(quote_ident(table_name)) is not null from views where name = $1",
            self._view.name,
        )
        return live is not None and live[0] == self._view.version and bool(live[1])

    async def _change_places(self, shadow: Shadow) -> Outcome:
        session, view = self._session, self._view
        await lock(session, view.name)
        await hold(session, self._group, exclusive=True)
        await session.execute("set local synchronous_commit = on")
        await session.execute("select from consumers where grp = $1 order by topic, part for update", self._group)
        await shadow.fill(session, await self._goals())
        await shadow.retry(session)
        await shadow.finish(session)
        outcome = await self._compared(shadow)
        await self._retire()
        await show(session, view, self._build)
        after = outcome.after and f"{outcome.after.rows}:{outcome.after.sum}"
        await session.execute(_RAISE, view.name, self._build.build, shadow.events, after)
        await self._letters(shadow)
        await self._reposition(shadow)
        return outcome

    async def _compared(self, shadow: Shadow) -> Outcome:
        session, table = self._session, self._build.table
        outcome = Outcome(self._build, shadow.events, len(shadow.parked))
        live = await session.fetchrow(
            "select version, table_name from views "
            "where name = $1 and to_regclass(quote_ident(table_name)) is not null",
            self._view.name,
        )
        if live is None:
            return outcome
        if live["version"] != self._view.version or not await self._same_life():
            return replace(outcome, difference=await difference(session, live[1], table))
        before, after = await checksum(session, live[1]), await checksum(session, table)
        differ = None if before == after else await difference(session, live[1], table)
        if differ:
            log.warning("%s: the rebuilt table differs: %s rows gone, %s new", self._view.name, *differ)
        return replace(outcome, before=before, after=after, difference=differ)

    async def _same_life(self) -> bool:
        rows = await self._session.fetch(_POSITIONS, self._group)
        return all(r["incarnation"] == self._lives[r["topic"]] for r in rows if r["topic"] in self._lives)

    async def _retire(self) -> None:
        """Keep the live build as the old one, with where it stood; the one kept before goes."""
        session, name = self._session, self._view.name
        rows = await session.fetch(_POSITIONS, self._group)
        positions = [[r["topic"], r["part"], str(r["incarnation"]), r["last_pos"]] for r in rows]
        mine = "update view_builds set state = 'building' where name = $1 and build = $2"
        await session.execute(mine, name, self._build.build)
        await drop(session, name, ["old"])
        await session.execute(_RETIRE, name, self._group, orjson.dumps(positions).decode())

    async def _letters(self, shadow: Shadow) -> None:
        """The group's open letters become those of the new table; those both have keep their history."""
        topics = [p.letter.delivery.topic for p in shadow.parked] + [t for t, _ in shadow.kept]
        positions = [p.letter.delivery.position for p in shadow.parked] + [p for _, p in shadow.kept]
        await self._session.execute(_FORGET, self._group, topics, positions)
        await shadow.restore(self._session)
        await park(self._session, self._group, shadow.parked)

    async def _reposition(self, shadow: Shadow) -> None:
        ats = sorted(shadow.reached)
        await self._session.execute(
            _REPOSITION,
            self._group,
            [t for t, _ in ats],
            [p for _, p in ats],
            [self._lives[t] for t, _ in ats],
            [shadow.reached[at] for at in ats],
        )


async def checksum(session: Session, table: str) -> Checksum:
    """Count and order-free sum over the rows."""
    row = await session.fetchrow(
        f'select count(*), coalesce(sum(hash_record_extended(t, 0)::numeric), 0) from "{table}" t'  # noqa: S608
    )
    assert row is not None
    return Checksum(row[0], int(row[1]))


async def difference(session: Session, old: str, new: str) -> tuple[int, int]:
    """How many rows only `old` and only `new` has, over the columns they share."""
    rows = await session.fetch(
        "select column_name from information_schema.columns where table_name in ($1, $2) and table_schema = 'public' "
        "group by column_name, data_type having count(*) = 2 order by 1",
        old,
        new,
    )
    columns = ", ".join(f'"{r[0]}"' for r in rows)
    counts = await session.fetchrow(
        f'select (select count(*) from (select {columns} from "{old}" except all select {columns} from "{new}") a), '  # noqa: S608
        f'(select count(*) from (select {columns} from "{new}" except all select {columns} from "{old}") b)'
    )
    assert counts is not None
    return counts[0], counts[1]


@asynccontextmanager
async def _only_one(database: Database, view: View) -> AsyncIterator[Session]:
    """A session that alone may rebuild `view`, as long as it lives.

    What it fills is durable only with the swap, which waits for the disk: a crash before it leaves nothing to keep.
    """
    async with database.rebuilds, database.pool.acquire() as session:
        await session.execute("set synchronous_commit = off")
        await session.execute("select pg_advisory_lock(5348005, hashtext($1))", view.name)
        try:
            yield session
        finally:
            if not session.is_closed():
                await _reset(session)


async def _reset(session: Session) -> None:
    """Give up lock and settings; a session that cannot is ended, and they with it."""
    try:
        await session.reset()
    except BaseException:
        session.terminate()
        raise


__all__ = ["Checksum", "Outcome", "Progress", "checksum", "difference", "rebuild", "rollback"]

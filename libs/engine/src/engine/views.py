"""Which table a view's rows lie in: every build of a view has its own, and the plain name shows the live one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import asyncpg

from engine.folding import Session
from engine.projection import Ledger, View
from engine.shape import Shape

_REGISTER = """
insert into views (name, version, build, table_name, grp, state) values ($1, $2, $3, $4, $5, 'live')
on conflict (name) do update set version = excluded.version, build = excluded.build,
    table_name = excluded.table_name, state = 'live', swapped_at = clock_timestamp()"""
_BUILD = """
insert into view_builds (name, build, version, table_name, state)
select $1, b, $2, $1 || '_v' || $2::int || '_' || b, $3
from (select coalesce(max(build), 0) + 1 from view_builds where name = $1) n(b)
returning build, version, table_name"""
_LIVE = """
select v.build, v.version, v.table_name, to_regclass(quote_ident(v.table_name)) is not null as stands
from views v where v.name = $1"""

_INDEXES = """
select a.amname, array(select attname::text from unnest(i.indkey) with ordinality k(num, n)
    join pg_attribute on attrelid = i.indrelid and attnum = k.num order by k.n), i.indpred is not null
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
where i.indrelid = to_regclass(quote_ident($1)) and i.indisvalid"""


@dataclass(frozen=True, slots=True)
class Build:
    """One table of a view: `version` of the fold that fills it. `stands`: the table is there."""

    build: int
    version: int
    table: str
    stands: bool = True


def group_of(view: View) -> str:
    """The group under which a view consumes."""
    return f"view:{view.name}"


class ViewRegistry:
    """The views of one service's database."""

    def __init__(self, home: asyncpg.Pool) -> None:
        self._home = home

    async def ensure(self, views: Sequence[View]) -> None:
        """Give each view that has no table yet an empty one, readable at once under the view's name.

        A table that is there is given the indexes it lacks: one that was thought of later needs no rebuild.
        """
        for view in views:
            live = await self.live(view.name)
            if live is None:
                await self._first(view)
            elif live.stands and live.version == view.version:
                await self._index(view, live)

    async def live(self, name: str) -> Build | None:
        """The build shown under the plain name. None: the view was never made."""
        row = await self._home.fetchrow(_LIVE, name)
        return None if row is None else Build(*row)

    async def current(self, view: View) -> bool:
        """Whether the live table is there and filled by this version of the fold."""
        live = await self.live(view.name)
        return live is not None and live.stands and live.version == view.version

    async def _first(self, view: View) -> None:
        async with self._home.acquire() as session, session.transaction():
            await lock(session, view.name)
            if await session.fetchrow(_LIVE, view.name) is None:
                build = await create(session, view, "live")
                await complete(session, view, build)
                await show(session, view, build)

    async def _index(self, view: View, live: Build) -> None:
        """Make the indexes that the live table lacks; whoever writes to it waits meanwhile."""
        if not await lacking(self._home, view, live):
            return
        async with self._home.acquire() as session, session.transaction():
            await lock(session, view.name)
            for statement in await lacking(session, view, live):
                await session.execute(statement)


async def lacking(session: Session | asyncpg.Pool, view: View, build: Build) -> list[str]:
    """The statements that make those indexes of the view which its table does not have."""
    rows = await session.fetch(_INDEXES, build.table)
    there = {(method, tuple(columns), partial) for method, columns, partial in rows}
    return [statement for key, statement in Shape(view.table).indexes(build.table).items() if key not in there]


async def lock(session: Session, name: str) -> None:
    """Keep other changes of the registry's entry off until the transaction ends."""
    await session.execute("select pg_advisory_xact_lock(5348003, hashtext($1))", name)


async def create(session: Session, view: View, state: str = "building") -> Build:
    """A new table for `view`, without keys and indexes: `complete` adds them."""
    row = await session.fetchrow(_BUILD, view.name, view.version, state)
    assert row is not None
    await session.execute(Shape(view.table).create(row["table_name"], 100 if isinstance(view, Ledger) else 80))
    return Build(row["build"], row["version"], row["table_name"])


async def complete(session: Session, view: View, build: Build) -> None:
    """Primary key and indexes."""
    for statement in Shape(view.table).complete(build.table):
        await session.execute(statement)


async def show(session: Session, view: View, build: Build) -> None:
    """Let the plain name show `build`, and the registry say so."""
    statement = Shape(view.table).show(build.table)
    try:
        async with session.transaction():
            await session.execute(f"create or replace {statement}")
    except (asyncpg.InvalidTableDefinitionError, asyncpg.WrongObjectTypeError):
        await session.execute(f'drop view if exists "{view.name}"')
        await session.execute(f"create {statement}")
    await session.execute(_REGISTER, view.name, build.version, build.build, build.table, group_of(view))


async def drop(session: Session, name: str, states: Sequence[str]) -> None:
    """Remove the builds of view `name` in these states, tables and all."""
    rows = await session.fetch("select table_name from view_builds where name = $1 and state = any($2)", name, states)
    for row in cast(Sequence[asyncpg.Record], rows):
        await session.execute(f'drop table if exists "{row["table_name"]}"')
    await session.execute("delete from view_builds where name = $1 and state = any($2)", name, states)

"""What one service's database holds: its log at large, its views on disk, what was sealed about one person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from engine.personal import holds_personal
from events.registry import ALL

_INVENTORY = """
select (select incarnation from store), (select version_num from alembic_version),
    coalesce((select pos from events order by pos desc limit 1), 0),
    (select recorded_at from events order by pos desc limit 1), clock_timestamp(),
    (select count(*) from personal_keys), (select count(*) from waiting), (select min(since) from waiting),
    pg_database_size(current_database())"""
_IDENTITY = """
select (select incarnation from store), (select version_num from alembic_version),
    (select recorded_at from events order by pos desc limit 1), clock_timestamp()"""
_SIZE = "select pg_total_relation_size(to_regclass(quote_ident($1)))"
_REBUILDING = """
select b.build from view_builds b where b.name = $1 and b.state = 'building' and exists (select from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
    and classid = 5348005 and objid = (hashtext($1)::bigint & 4294967295)::oid and objsubid = 2 and granted)"""
_KEY = "select id, created_at from personal_keys where person = $1"
_SEALED = """
select id, pos, type, recorded_at, count(*) over () from events
where type = any($1) and jsonb_path_exists(data, '$.**."$e"."k" ? (@ == $key)', jsonb_build_object('key', $2::text))
order by pos desc limit $3"""
_SEALING = sorted(event.type for event in ALL if holds_personal(event))


@dataclass(frozen=True, slots=True)
class Inventory:
    """A log at large. `position` is the number of its events, too. `now` is the database's clock."""

    incarnation: UUID
    schema: str
    position: int
    recorded: datetime | None
    now: datetime
    persons: int
    waiting: int
    waiting_since: datetime | None
    bytes: int


async def inventory(home: asyncpg.Pool) -> Inventory:
    """What the database behind `home` holds."""
    row = await home.fetchrow(_INVENTORY)
    assert row is not None
    return Inventory(*row)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which life of a log a database holds, in which shape, and when its last event was recorded by which clock."""

    incarnation: UUID
    schema: str
    recorded: datetime | None
    now: datetime


async def identity(url: str) -> Identity | None:
    """Of the database at `url`, whatever its shape; None where it is empty yet."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("select to_regclass('alembic_version') is not null"):
            return None
        row = await connection.fetchrow(_IDENTITY)
        return Identity(*row) if row else None
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Extent:
    """A view's live table: its rows, counted, and its bytes with indexes; `building` is a build under way beside it."""

    rows: int
    bytes: int
    building: int | None


async def extent(home: asyncpg.Pool, name: str, table: str) -> Extent:
    """How large the table of view `name` is."""
    rows = await home.fetchval(f'select count(*) from "{table}"')  # noqa: S608 - the registry's own name of a table
    return Extent(rows, await home.fetchval(_SIZE, table), await home.fetchval(_REBUILDING, name))


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event with something in it that only the person's key opens."""

    id: UUID
    position: int
    type: str
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is sealed about a person: since when there is a key (None: none, or destroyed), how many events it opens."""

    key_since: datetime | None
    events: int
    newest: Sequence[Sealed]


async def dossier(home: asyncpg.Pool, person: str, limit: int = 100) -> Dossier:
    """What the database behind `home` keeps of `person`; the `limit` newest events are named."""
    key = await home.fetchrow(_KEY, person)
    if key is None:
        return Dossier(None, 0, ())
    rows: Sequence[Any] = await home.fetch(_SEALED, _SEALING, key["id"].hex, limit)
    return Dossier(key["created_at"], rows[0][4] if rows else 0, [Sealed(*tuple(r)[:4]) for r in rows])

"""Copies of several databases are of one moment, and what comes back is what was copied."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from engine import ids
from engine.copies import LANE, CopyFailed, dumped, ends, one_moment, restored
from engine.database import Database, migrate
from engine.embedded_home import Account, reachable_binaries
from engine.ports import Append, Meta, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import blocked, eventually
from events.company import DayOpened


async def opened(store: PostgresStore, day: int) -> None:
    event = NewEvent("calendar-main", DayOpened(day=date(2026, 1, day), previous=None), date(2026, 1, day))
    await store.append(Append({}, [event], Meta("test", ids.new())))


MakeMigrated = Callable[[], Awaitable[str]]


@pytest.fixture
def make_migrated(make_database: MakeDatabase, postgres_server: TestServer) -> MakeMigrated:
    async def prepare(connection: asyncpg.Connection) -> None:
        await migrate(postgres_server.postgres.url(await connection.fetchval("select current_database()")))

    return lambda: make_database(prepare, "migrated")


@pytest.fixture
def programs() -> Path:
    return reachable_binaries(Account())


async def test_nothing_is_appended_anywhere_between_the_first_and_the_last_snapshot(
    store: PostgresStore, make_migrated: MakeMigrated
) -> None:
    """A copy of one log never shows an answer to something the copy of another does not hold yet."""
    a, b = store.database, await Database.open(await make_migrated())
    other = PostgresStore(b, Serde(None))
    try:
        async with b.pool.acquire() as appending, appending.transaction():
            await appending.execute("select pg_advisory_xact_lock($1)", LANE)
            taking = asyncio.create_task(positions({"a": a.url, "b": b.url}))
            await eventually(lambda: blocked(b.pool))
            late = asyncio.create_task(opened(store, 1))
            await eventually(lambda: blocked(a.pool))  # the snapshot of a is not taken before the lane of b is ours
        assert await taking == {"a": 0, "b": 0}
        await late
        await opened(other, 1)
        assert await positions({"a": a.url, "b": b.url}) == {"a": 1, "b": 1}
    finally:
        await other.close()
        await b.close()


async def positions(urls: Mapping[str, str]) -> dict[str, int]:
    async with one_moment(urls) as moment:
        return {name: copied.position for name, copied in moment.items()}


async def test_a_copy_is_what_the_log_held_when_it_was_asked_for(
    store: PostgresStore, service: Database, database: str, programs: Path
) -> None:
    await opened(store, 1)
    async with one_moment({"customer": service.url}) as moment:
        copied = moment["customer"]
        await opened(store, 2)  # work goes on while it is copied
        pieces = [piece async for piece in dumped(service.url, copied, programs)]
    assert (copied.position, copied.persons, copied.types) == (1, 0, {"company.DayOpened.v1": 1})
    assert copied.incarnation == await store.incarnation()
    await restored(database, pieces, programs)
    assert await ends(database) == (1, 0)
    assert (await store.head()) == 2


async def test_a_program_that_gives_up_is_told_with_what_it_said(database: str, programs: Path) -> None:
    with pytest.raises(CopyFailed, match="pg_restore: error: unsupported version"):
        await restored(database, [b"PGDMP and no more"], programs)

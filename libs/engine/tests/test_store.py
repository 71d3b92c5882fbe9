"""The store on PostgreSQL: the suite of every store, and what only a database can be asked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from engine import clock, ids
from engine import store as queries
from engine.database import Database, create_database, migrate
from engine.ports import Conflict, StoreFailed
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.running import blocked, eventually
from engine.testing.store_suite import StoreSuite, append, outcomes, positions, verdict


class TestPostgresStore(StoreSuite):
    """PostgreSQL keeps every promise of a store."""


@pytest.fixture
async def other(service: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(service.url)
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update events set type = 'credit.Other'",
        "delete from events",
        "delete from events where pos = -1",
        "truncate events",
        "insert into events select * from events",
    ],
)
async def test_events_are_neither_changed_nor_removed_nor_slipped_in(
    store: PostgresStore, other: asyncpg.Connection, statement: str
) -> None:
    await store.append(append("a"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await other.execute(statement)
    assert await store.head() == 1


async def test_a_reader_never_passes_an_append_that_is_still_open(
    store: PostgresStore, service: Database, other: asyncpg.Connection
) -> None:
    """The open transaction holds the lane: nobody can commit a higher position before it ends."""
    await store.append(append("a"))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("select pg_advisory_xact_lock(5348002)")
    waiting = asyncio.create_task(store.append(append("b")))
    await eventually(lambda: done_or_blocked(service, waiting))
    assert not waiting.done()
    assert [s for _, s, _ in await positions(store)] == ["a"]
    await transaction.rollback()
    await waiting
    assert [s for _, s, _ in await positions(store)] == ["a", "b"]


async def done_or_blocked(service: Database, task: asyncio.Task[object]) -> bool:
    return task.done() or await blocked(service.pool)


async def test_an_idle_transaction_of_another_client_holds_up_nothing(
    store: PostgresStore, other: asyncpg.Connection
) -> None:
    transaction = other.transaction(isolation="repeatable_read")
    await transaction.start()
    assert await other.fetchval("select count(*) from events") == 0
    await other.execute("create temp table mine (x int)")  # it has written: it holds a transaction id
    done = await store.append(append("a"))  # held up, it would fail
    assert [p for p, _, _ in await positions(store)] == [done.first]
    await transaction.rollback()


async def test_an_append_that_rolls_back_leaves_no_gap(store: PostgresStore, other: asyncpg.Connection) -> None:
    await store.append(append("a"))
    transaction = other.transaction()
    await transaction.start()
    await other.execute(SLIPPED, "b", ids.new())
    assert await other.fetchval("select max(pos) from events") == 2
    await transaction.rollback()
    await store.append(append("c"))
    assert await positions(store) == [(1, "a", 1), (2, "c", 1)]


SLIPPED = """select * from append_events('kehu', '{1}', jsonb_build_array(jsonb_build_array(1, $1::text, null))::text,
    jsonb_build_array(jsonb_build_array(1, 1, $1::text, 1, $2::uuid, 'credit.RiskClassSet', 1, 0, null, '{}'::jsonb,
    '{}'::jsonb, date '2026-01-01', null))::text, null)"""


async def test_the_function_wants_a_fresh_snapshot_after_the_lock(
    store: PostgresStore, other: asyncpg.Connection
) -> None:
    async with other.transaction(isolation="repeatable_read"):
        with pytest.raises(asyncpg.InvalidTransactionStateError):
            await other.execute(SLIPPED, "b", ids.new())


async def test_the_lane_that_stays_taken_fails_in_time_and_stores_nothing(
    store: PostgresStore, other: asyncpg.Connection
) -> None:
    async with other.transaction():
        await other.execute("select pg_advisory_xact_lock(5348002)")
        with pytest.raises(StoreFailed, match="not stored"):
            await store.append(append("a"), patience=1.0)
    await store.append(append("b"))
    assert [s for _, s, _ in await positions(store)] == ["b"]


async def test_recorded_times_never_go_backwards(store: PostgresStore, other: asyncpg.Connection) -> None:
    """A clock that is set back: simulated by a last event that was recorded in the far future."""
    future = datetime(2090, 1, 1, tzinfo=UTC)
    await other.execute("alter table events disable trigger all")
    await store.append(append("a"))
    await other.execute("update events set recorded_at = $1", future)
    await other.execute("alter table events enable trigger all")
    assert (await store.append(append("b"))).recorded == future
    assert [e.recorded for e in await store.read_all(0, 10)] == [future, future]


async def test_recorded_times_are_the_databases_whatever_the_clock_here_says(
    store: PostgresStore, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await other.fetchval("select clock_timestamp()")
    monkeypatch.setattr(clock, "now", lambda: datetime(2001, 1, 1, tzinfo=UTC))
    appended = await store.append(append("a"))
    (stored,) = await store.read_all(0, 10)
    assert before <= stored.recorded == appended.recorded <= await other.fetchval("select clock_timestamp()")


async def test_a_connection_that_breaks_while_the_database_works_is_asked_again_by_command(
    store: PostgresStore, service: Database, other: asyncpg.Connection
) -> None:
    await store.append(append("warm"))
    async with other.transaction():
        await other.execute("select pg_advisory_xact_lock(5348002)")
        named = asyncio.create_task(store.append(append("a", verdicts=[verdict("pay")])))
        nameless = asyncio.create_task(store.append(append("b")))
        await eventually(lambda: blocked(service.pool))
        await other.execute(
            """select pg_terminate_backend(pid) from pg_locks
               where not granted and database = (select oid from pg_database where datname = current_database())"""
        )
        with pytest.raises(StoreFailed, match="unknown"):
            await nameless
    assert (await named).repeated is None
    assert [s for _, s, _ in await positions(store)] == ["warm", "a"]


async def test_an_answer_lost_after_the_commit_is_found_again(store: PostgresStore, service: Database) -> None:
    """The append is made, its answer thrown away, and it is asked again: it knows its own events."""
    await store.append(append("warm"))
    appender = store._appender
    wanted = append("a", verdicts=[verdict("pay")])
    future = appender.submit(wanted, store._rows(wanted), 5)
    (request,) = appender._waiting
    done = await future
    request.answer = asyncio.get_running_loop().create_future()
    request.in_doubt = True
    appender._waiting.append(request)
    appender._arrived.set()
    again = await request.answer
    assert (again.first, again.last, again.repeated) == (done.first, done.last, None)
    assert await store.head() == 2


async def test_without_a_database_the_answer_comes_in_time(make_database: object, migrated: str) -> None:
    database = await Database.open(migrated)
    nowhere = replace(database, url="postgresql://nobody@127.0.0.1:1/none")
    store = PostgresStore(nowhere, Serde(), "kehu")
    with pytest.raises(StoreFailed, match="not stored"):
        await store.append(append("a"), patience=0.3)
    await store.close()
    await database.close()


async def test_two_stores_of_two_processes_share_one_lane(store: PostgresStore, service: Database) -> None:
    second = PostgresStore(service, Serde(), "kehu")
    results = await asyncio.gather(
        *(outcomes(s, [append(f"h{n % 5}", expected={f"h{n % 5}": 0}) for n in range(50)]) for s in (store, second))
    )
    assert sum(not isinstance(r, Conflict) for side in results for r in side) == 5
    assert len(await positions(store)) == 5
    await second.close()


async def test_an_incarnation_lasts_until_it_is_renewed(store: PostgresStore) -> None:
    first = await store.incarnation()
    assert await store.incarnation() == first
    second = await store.renew()
    assert second != first
    assert await store.incarnation() == second


async def test_migrations_run_once_however_many_ask(make_database: object, database: str) -> None:
    await asyncio.gather(migrate(database), migrate(database))
    await migrate(database)
    opened = await Database.open(database)
    assert await opened.pool.fetchval("select count(*) from store") == 1
    await opened.close()


async def test_a_database_is_created_where_it_is_missing(database: str, other: asyncpg.Connection) -> None:
    name = f"made_{ids.new().hex}"
    urls = await asyncio.gather(create_database(database, name), create_database(database, name))
    assert urls[0] == urls[1]
    connection = await asyncpg.connect(urls[0])
    assert await connection.fetchval("select current_database()") == name
    await connection.close()
    await other.execute(f'drop database "{name}"')


HOT = {
    "streams": (queries._STREAMS, "'{s3,s9}', '{5,0}'", "events_stream_ver_key"),
    "heads": (queries._VERSIONS, "'{s3,s9}'", "events_stream_ver_key"),
    "the tail": (queries._AFTER, "4000, 500", "events_pkey"),
    "the tail of a topic": (queries._CHOSEN, "4000, 500, null, 'credit'", "events_pkey"),
    "the last": (queries._HEAD, "", "events_pkey"),
    "what lies before": (queries._BEFORE, "'{credit}', '{3}', '{4000}'", "events_p"),
    "a part": (queries._PART, "3, 10, 'credit', 500", "events_p"),
    "a verdict": ("select * from verdicts where command = $1", f"'{ids.named('x')}'", "verdicts_pkey"),
}


async def test_hot_reads_use_an_index_and_sort_one_stream_at_most(
    store: PostgresStore, service: Database, other: asyncpg.Connection
) -> None:
    for n in range(10):
        made = [verdict(f"c{n}-{m}", positions=(m + 1, m + 1)) for m in range(500)]
        await store.append(append({f"s{n * 50 + m % 50}": 1 for m in range(500)} | {f"s{n}": 451}, verdicts=made))
    await other.execute("vacuum analyze events, verdicts")
    async with service.pool.acquire() as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan")
        for name, (query, arguments, index) in HOT.items():
            await connection.execute(f"prepare hot as {query}")
            call = f"hot({arguments})" if arguments else "hot"
            plan = await connection.fetchval(f"explain (format json) execute {call}")
            await connection.execute("deallocate hot")
            assert index in plan, f"{name}: {plan}"
            assert '"Seq Scan"' not in plan, f"{name}: {plan}"
            assert name == "streams" or 'Sort"' not in plan, f"{name}: {plan}"


async def test_an_append_wakes_those_who_tail_its_topic(store: PostgresStore) -> None:
    seen = store.wakeups.count("credit")
    await store.append(append("a"))
    assert await store.wakeups.wait("credit", 0, since=seen)
    assert not await store.wakeups.wait("customer", 0.01)
    waiting = asyncio.create_task(store.wakeups.wait("credit", 5))
    await asyncio.sleep(0)
    await store.append(append("b"))
    assert await waiting

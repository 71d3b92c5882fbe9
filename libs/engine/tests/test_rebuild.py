"""A view is built anew beside the one that is read; readers never see less than before, whatever dies on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Numeric, Table, Text

from engine import rebuild as rebuilding
from engine import views
from engine.database import Database
from engine.deadletters import letters
from engine.projection import Key, Totals, View
from engine.projector import Projector
from engine.rebuild import rebuild, rollback
from engine.shadow import Progress
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.running import blocked, caught_up, eventually, running
from engine.testing.sample_views import TOTALS, VIEWS, append, model, owner_set, paid, refusing, shown
from engine.views import ViewRegistry, group_of
from events.envelope import Envelope


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    owners = {"credit": service.pool, "customer": service.pool}
    return TableBus(owners, service.pool, wakeups=store.wakeups, lease=timedelta(seconds=2))


def fed(store: PostgresStore, bus: TableBus, *views: View) -> list[Projector]:
    return [Projector(v, store.database, bus, store.serde, wakeups=store.wakeups) for v in views]


async def settled(service: Database, *views: View) -> None:
    for view in views:
        await caught_up(service.pool, group_of(view), service.pool, "credit", "customer")


async def history(store: PostgresStore, dice: Random, appends: int) -> None:
    for n in range(appends):
        who = f"C{dice.randrange(15)}"
        await append(store, *dice.choice([(paid(who, n + 1, f"P{n}"),), (owner_set(who, f"o{n}"),)]))


@asynccontextmanager
async def appending(store: PostgresStore) -> AsyncIterator[None]:
    """Appends go on, as fast as one client can, until the block ends."""

    stop = asyncio.Event()

    async def write() -> None:
        for n in count():
            if stop.is_set():  # not cancelled: what is under way would still be stored, after the block
                return
            await append(store, paid(f"C{n % 30}", 1, f"W{n}"))

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def watching(service: Database) -> AsyncIterator[list[int]]:
    """A reader that polls the view by its name; what it saw must never shrink."""
    seen: list[int] = []

    async def read() -> None:
        while True:
            seen.append(await service.pool.fetchval("select coalesce(sum(events), 0)::bigint from sample_totals"))
            await asyncio.sleep(0.002)

    task = asyncio.create_task(read())
    try:
        yield seen
    finally:
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result, asyncio.CancelledError)
        assert seen == sorted(seen)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: type(v).__name__)
async def test_a_rebuilt_table_is_the_same_as_the_one_before(
    store: PostgresStore, service: Database, bus: TableBus, view: View
) -> None:
    await history(store, Random(1), 60)
    reports: list[Progress] = []
    async with running(*fed(store, bus, *VIEWS)):
        await settled(service, *VIEWS)
        outcome = await rebuild(view, service, bus, store.serde, progress=reports.append)
        assert outcome is not None
        assert outcome.same
        assert outcome.events == reports[-1].done == reports[-1].total == 60
        await history(store, Random(2), 10)
        await settled(service, *VIEWS)
    assert await shown(service.pool) == (expected := await model(service.pool), expected)


async def test_views_whose_tables_were_dropped_come_back(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await history(store, Random(1), 40)
    async with running(*fed(store, bus, *VIEWS)):
        await settled(service, *VIEWS)
    for row in await service.pool.fetch("select table_name from views"):
        await service.pool.execute(f'drop table "{row[0]}" cascade')
    async with running(*fed(store, bus, *VIEWS)):
        await eventually(lambda: registered(service))
        await settled(service, *VIEWS)
    assert await shown(service.pool) == (expected := await model(service.pool), expected)


async def registered(service: Database) -> bool:
    registry = ViewRegistry(service.pool)
    return all([await registry.current(v) for v in VIEWS])


async def test_a_rebuild_under_appends_with_a_parked_customer_ends_equal_to_live(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    view = refusing()
    await ViewRegistry(service.pool).ensure([view])
    await append(store, paid("C1", 1), paid("C1", 5, "BAD"))
    async with running(*fed(store, bus, view)), appending(store):
        await eventually(lambda: at_least(service, 50))
        async with watching(service) as seen:
            outcome = await rebuild(view, service, bus, store.serde)
            await looks(seen, 10)
        assert outcome is not None
        assert outcome.same
        assert {x.customer for x in await letters(service.pool)} == {"C1"}
    async with running(*fed(store, bus, view)):
        await settled(service, view)
    assert await service.pool.fetchval("select events from sample_totals where customer = 'C1'") == 1
    logged = await service.pool.fetchval("select count(*) from events where customer <> 'C1'")
    assert await service.pool.fetchval("select sum(events) from sample_totals where customer <> 'C1'") == logged
    behind = await service.pool.fetchval("select count(*) from events where customer = 'C1'") - 1
    assert len(await letters(service.pool, limit=10_000)) == behind


async def test_a_rebuild_takes_nothing_of_a_parked_customer_away_that_came_before_from_another_topic(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    view = refusing()
    async with running(*fed(store, bus, view)):
        await append(store, owner_set("C1", "ann"), paid("C1", 1))
        await settled(service, view)
        await append(store, paid("C1", 5, "BAD"))
        await settled(service, view)
        outcome = await rebuild(view, service, bus, store.serde)
    assert outcome is not None
    assert await service.pool.fetchval("select events from sample_totals where customer = 'C1'") == 2
    assert outcome.same


async def test_many_parked_customers_do_not_stop_a_rebuild(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    view, many = refusing(), 15
    async with running(*fed(store, bus, view)):
        for n in range(many):
            await append(store, paid(f"C{n}", 5, "BAD"), paid(f"D{n}", 1))
            await settled(service, view)
        outcome = await rebuild(view, service, bus, store.serde)
    assert outcome is not None
    assert outcome.same
    assert outcome.parked == many


async def test_what_was_folded_between_the_last_look_and_the_locks_is_in_the_rebuilt_table(
    store: PostgresStore, service: Database, bus: TableBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, original = refusing(), views.lock
    await append(store, paid("C2", 1))

    async def late(*args: Any) -> None:
        await append(store, paid("C2", 1))
        await settled(service, view)
        await original(*args)

    async with running(*fed(store, bus, view)):
        await settled(service, view)
        monkeypatch.setattr(rebuilding, "lock", late)
        outcome = await rebuild(view, service, bus, store.serde)
    assert outcome is not None
    assert outcome.same
    assert await service.pool.fetchval("select events from sample_totals where customer = 'C2'") == 2


async def test_what_comes_while_the_tables_change_places_waits_for_the_new_one(
    store: PostgresStore, service: Database, bus: TableBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folded into the old table meanwhile, it would be seen and then be gone until it was folded again."""
    view, original = refusing(), rebuilding.checksum
    await append(store, paid("C2", 1))

    async def folded_or_waiting() -> bool:
        folded = await service.pool.fetchval("select events from sample_totals where customer = 'C2'")
        return folded == await service.pool.fetchval("select count(*) from events") or await blocked(service.pool)

    async def disturbed(*args: Any) -> Any:
        await append(store, paid("C2", 1))
        await eventually(folded_or_waiting)
        return await original(*args)

    async with running(*fed(store, bus, view)):
        await settled(service, view)
        monkeypatch.setattr(rebuilding, "checksum", disturbed)
        outcome = await rebuild(view, service, bus, store.serde)
        await settled(service, view)
    assert outcome is not None
    assert outcome.same
    assert await service.pool.fetchval("select events from sample_totals where customer = 'C2'") == 3


async def test_a_new_version_of_a_fold_replaces_the_old_one_which_can_come_back(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await history(store, Random(1), 40)
    async with running(*fed(store, bus, TOTALS)):
        await settled(service, TOTALS)
        first = await service.pool.fetch("select * from sample_totals order by 1")
    second = doubled()
    async with running(*fed(store, bus, second)):
        await eventually(lambda: version_is(service, 2))
        await append(store, paid("C1", 1))
        await settled(service, second)
        total = await service.pool.fetchval("select sum(amount) from sample_totals")
        assert total == 2 * await paid_in_all(service)
        assert "events" not in dict((await service.pool.fetch("select * from sample_totals"))[0])
    outcome = await rollback(TOTALS, service, bus, store.serde)
    assert outcome.build.version == 1
    rows = {r[0]: r[2] for r in await service.pool.fetch("select * from sample_totals")}
    before = {r[0]: r[2] for r in first}
    assert rows == before | {"C1": before.get("C1", 0) + 1}
    async with running(*fed(store, bus, TOTALS)):
        await append(store, paid("C2", 1))
        await settled(service, TOTALS)
    assert await service.pool.fetchval("select sum(amount) from sample_totals") == await paid_in_all(service)


async def test_a_consumer_of_the_old_version_stops_when_it_is_replaced(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await history(store, Random(1), 10)
    with pytest.raises(ExceptionGroup, match="unhandled") as stopped:  # noqa: PT012
        async with running(*fed(store, bus, TOTALS)):
            await settled(service, TOTALS)
            await rebuild(doubled(), service, bus, store.serde)
            await append(store, paid("C1", 1))
            await asyncio.sleep(60)  # it is over as soon as the consumer stops
    assert stopped.group_contains(Exception, match="was replaced by 2")


async def looks(seen: list[int], more: int) -> None:
    """Waits until a reader has looked so many times more."""
    goal = len(seen) + more

    async def there() -> bool:
        return len(seen) >= goal

    await eventually(there)


async def paid_in_all(service: Database) -> Any:
    return await service.pool.fetchval("select sum((data #>> '{amount,amount}')::numeric) from events")


async def version_is(service: Database, version: int) -> bool:
    return bool(await service.pool.fetchval("select version = $1 from views where name = 'sample_totals'", version))


async def at_least(service: Database, events: int) -> bool:
    return bool(await service.pool.fetchval("select sum(events) >= $1 from sample_totals", events))


def doubled() -> Totals:
    """Another fold, other columns."""
    table = Table(
        "sample_totals",
        MetaData(),
        Column("customer", Text, primary_key=True),
        Column("amount", Numeric(20, 4), nullable=False),
    )

    def twice(event: Envelope[Any]) -> Iterable[tuple[Key, Sequence[Any]]]:
        return [(key, [2 * amounts[1]]) for key, amounts in TOTALS.fold(event)]

    return replace(TOTALS, table=table, version=2, fold=twice)


async def test_the_history_is_read_before_anything_is_locked(
    store: PostgresStore, bus: TableBus, service: Database
) -> None:
    await history(store, Random(7), 60)
    async with running(*fed(store, bus, TOTALS)):
        await settled(service, TOTALS)
    told: list[Progress] = []

    async def all_read() -> bool:
        return bool(told) and told[-1].done == told[-1].total

    async with service.pool.acquire() as holder, holder.transaction():
        await holder.execute("select 1 from consumers where grp = $1 for update", group_of(TOTALS))
        task = asyncio.create_task(rebuild(TOTALS, service, bus, store.serde, progress=told.append))
        await eventually(all_read)
        assert not task.done()
    outcome = await task
    assert outcome is not None
    assert outcome.events == told[-1].done

"""Views hold what their folds make of the log, exactly once, in whatever order and portions it comes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.database import Database
from engine.folding import folder
from engine.projection import View
from engine.projector import Projector
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.running import caught_up, running
from engine.testing.sample_views import LEDGER, ROWS, TOTALS, append, dropped, model, owner_set, paid, shown
from engine.views import ViewRegistry, group_of
from events.base import Event
from events.envelope import Envelope

VIEWS: tuple[View, ...] = (LEDGER, TOTALS, ROWS)


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    return TableBus({"credit": service.pool, "customer": service.pool}, service.pool, wakeups=store.wakeups)


async def settled(service: Database) -> None:
    for view in VIEWS:
        await caught_up(service.pool, group_of(view), service.pool, "credit", "customer")


async def test_each_kind_of_view_shows_what_its_fold_makes_of_the_log(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", "10.50"), owner_set("C1", "ann"), dropped("C2"), paid("C2", 5), paid("C1", 1))
    workers = [Projector(v, service, bus, store.serde, wakeups=store.wakeups) for v in VIEWS]
    async with running(*workers):
        await settled(service)
        await append(store, paid("C1", 2, "P9"), owner_set("C3", "bob"), *[paid(f"D{n}", 1) for n in range(80)])
        await settled(service)
    expected = await model(service.pool)
    assert await shown(service.pool) == (expected, expected)
    assert {r[0] for r in await service.pool.fetch("select customer from touched")} == set(expected)
    assert [(w.tally.folded, w.tally.skipped, w.tally.parked) for w in workers] == [(86, 1, 0)] * 3


EVENTS = st.lists(
    st.tuples(st.sampled_from(["C1", "C2", "C3"]), st.integers(1, 99), st.booleans()).map(
        lambda x: paid(x[0], x[1], f"P{x[1]}") if x[2] else owner_set(x[0], f"o{x[1]}")
    ),
    min_size=1,
    max_size=14,
)


async def test_any_interleaving_of_topics_and_any_portions_give_the_same_state(
    store: PostgresStore, service: Database
) -> None:
    """Each topic keeps its order; how topics are mixed, and where batches end, is drawn."""
    await ViewRegistry(service.pool).ensure(VIEWS)
    loop = asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None)
    @given(EVENTS, st.lists(st.booleans(), min_size=14, max_size=14), st.lists(st.integers(1, 6), min_size=14))
    def holds(events: Sequence[Event], turns: Sequence[bool], cuts: Sequence[int]) -> None:
        asyncio.run_coroutine_threadsafe(run(events, turns, cuts), loop).result()

    async def run(events: Sequence[Event], turns: Sequence[bool], cuts: Sequence[int]) -> None:
        after = await store.head()
        await append(store, *events)
        stored = list(await store.read_all(after, 100))
        one, other = [e for e in stored if e.topic == "credit"], [e for e in stored if e.topic == "customer"]
        mixed: list[Envelope[Any]] = []
        while one or other:
            source = one if one and (not other or turns[len(mixed)]) else other
            mixed.append(source.pop(0))
        assert await state(service, mixed, cuts) == await state(service, stored, [100])

    await asyncio.to_thread(holds)


async def state(service: Database, events: Sequence[Envelope[Any]], portions: Sequence[int]) -> object:
    """What the views show of `events` alone, folded in `portions`; nothing of it stays."""
    async with service.pool.acquire() as session:
        transaction = session.transaction()
        await transaction.start()
        try:
            for view in VIEWS:
                rest = list(events)
                for portion in portions:
                    batch, rest = rest[:portion], rest[portion:]
                    work, table = folder(view), f"{view.name}_v1_1"
                    await work.load(session, table, batch, shared=False)
                    for event in batch:
                        work.add(event)
                    await work.write(session, table, empty=False)
            return [[tuple(r) for r in await session.fetch(f"select * from {v.name} order by 1")] for v in VIEWS]
        finally:
            await transaction.rollback()

"""State equals the fold of the log whatever the bus does: repeats, gaps, members that come and go."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded
from uuid import UUID

import asyncpg
import pytest

from engine import clock, consumer, ids
from engine.consumer import Batch, Consumer, Standing, judged, standings
from engine.database import Database
from engine.decoding import Decoder, Letter
from engine.faults import Halted, Lost
from engine.ports import Bus, Delivery, RawEvent
from engine.projection import View
from engine.projector import Projector
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.faulty_bus import FaultyBus
from engine.testing.running import caught_up, eventually, running
from engine.testing.sample_views import DAY, VIEWS, append, dropped, history, owner_set, paid, right
from engine.views import group_of
from events import credit


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    owners = {"credit": service.pool, "customer": service.pool}
    return TableBus(owners, service.pool, wakeups=store.wakeups, lease=timedelta(seconds=1))


def projectors(store: PostgresStore, bus: Bus, member: str = "main", limit: int = 2000) -> list[Projector]:
    return [Projector(v, store.database, bus, store.serde, member=member, limit=limit) for v in VIEWS]


async def settled(service: Database) -> None:
    for view in VIEWS:
        await caught_up(service.pool, group_of(view), service.pool, "credit", "customer", within=30)


def delivery(position: int, previous: int, life: UUID) -> Delivery:
    raw = RawEvent(position, 3, "s", 1, ids.new(), "credit.HoldDropped", 1, "C", "k", "{}", "{}", DAY, clock.now())
    return Delivery("credit", 3, position, life, position, previous, raw)


def test_a_delivery_is_judged_by_its_position_alone() -> None:
    life = ids.new()
    assert judged(life, 10, delivery(12, 10, life)) == "new"
    assert judged(life, 10, delivery(10, 8, life)) == "seen"
    assert judged(life, 10, delivery(9, 8, life)) == "seen"
    assert judged(life, 10, delivery(15, 12, life)) == "gap"
    assert judged(life, 10, delivery(12, 10, ids.new())) == "stale"


async def move(service: Database, standing: Standing, d: Delivery) -> None:
    async with service.pool.acquire() as session, session.transaction():
        await Batch("g", {("credit", 3): standing}, [Letter(d)], whole=True).commit(session)


async def test_a_position_moves_only_from_where_it_was_and_in_its_epoch(bus: TableBus, service: Database) -> None:
    subscription = await bus.subscribe("g", ["credit"], "one")
    at = ("credit", 3)
    here = (await standings(service.pool, "g"))[at]
    wrong = replace(here, last=5)
    with pytest.raises(Lost):
        await move(service, wrong, delivery(9, 5, here.incarnation))
    late = replace(here, epoch=here.epoch - 1)
    with pytest.raises(Lost):
        await move(service, late, delivery(9, 0, here.incarnation))
    await move(service, here, delivery(9, 0, here.incarnation))
    assert (await standings(service.pool, "g"))[at].last == 9
    await subscription.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_repeated_deliveries_at_new_offsets_and_lost_ones_change_nothing(
    store: PostgresStore, service: Database, bus: TableBus, seed: int
) -> None:
    faulty = FaultyBus(bus, Random(seed), repeats=0.3, losses=0.2)
    async with running(*projectors(store, faulty, limit=7)):
        await history(store, Random(seed), 80)
        await append(store, *[paid(f"C{n}", 1, "last") for n in range(60)])
        await eventually(faulty.at_work)  # a projector begins late on a busy machine
        faulty.losses = 0.0
        await append(
            store, *[paid(f"C{n}", 1, "end") for n in range(60)], *[owner_set(f"C{n}", "z") for n in range(60)]
        )
        await settled(service)
    assert await right(service.pool)


async def test_members_that_come_and_go_leave_the_state_right(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    dice = Random(5)
    async with running(*projectors(store, bus, "steady", limit=11)):
        for n in range(4):
            async with running(*projectors(store, bus, f"m{n}", limit=5)):
                await history(store, dice, 25)
                await asyncio.sleep(0.3)
        await settled(service)
    assert await right(service.pool)


async def test_another_incarnation_of_a_store_rebuilds_the_view(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    async with running(*projectors(store, bus)):
        await history(store, Random(4), 30)
        await settled(service)
        before = {v.name: await service.pool.fetchval("select build from views where name = $1", v.name) for v in VIEWS}
        await store.renew()
        await append(store, *[paid(f"C{n}", 2, "new-life") for n in range(20)])
        await settled(service)
        await eventually(lambda: right(service.pool))
    for view in VIEWS:
        assert await service.pool.fetchval("select build from views where name = $1", view.name) > before[view.name]


async def test_after_a_restore_members_of_a_group_build_a_view_once_and_not_one_after_the_other(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    builds = "select build from views where name = $1"
    async with running(*projectors(store, bus, "a"), *projectors(store, bus, "b"), *projectors(store, bus, "c")):
        await history(store, Random(11), 30)
        await settled(service)
        before = {v.name: await service.pool.fetchval(builds, v.name) for v in VIEWS}
        await store.renew()
        await append(store, *[paid(f"C{n}", 2, "new-life") for n in range(20)])
        await settled(service)
        await eventually(lambda: right(service.pool))
        await append(store, *[paid(f"C{n}", 2, "later") for n in range(20)])
        await settled(service)
    assert {v.name: await service.pool.fetchval(builds, v.name) - before[v.name] for v in VIEWS} == dict.fromkeys(
        before, 1
    )


async def test_a_log_that_was_restored_without_a_new_life_halts_its_readers_before_they_take_new_events_for_seen(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    work = Portions(store, bus)
    async with running(work):
        await append(store, paid("C0", 1, "first"))
        await caught_up(service.pool, "portions", service.pool, "credit")
    await service.pool.execute("update consumers set last_pos = last_pos + 1 where grp = 'portions' and last_pos > 0")
    with pytest.raises(
        Halted, match=r"portions has read credit up to 2 in part \d+, and its log ends at 1 there.*renew"
    ):
        await work.run(asyncio.Event())


async def test_a_log_that_was_restored_is_read_anew_at_the_start_before_anything_new_happens(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    async with running(*projectors(store, bus)):
        await history(store, Random(7), 20)
        await settled(service)
    builds = "select build from views where name = $1"
    before = {v.name: await service.pool.fetchval(builds, v.name) for v in VIEWS}
    life = await store.renew()
    async with running(*projectors(store, bus)):
        for view in VIEWS:

            async def anew(view: View = view) -> bool:
                return bool(await service.pool.fetchval(builds, view.name) > before[view.name])

            await eventually(anew)
            assert {s.incarnation for s in (await standings(service.pool, group_of(view))).values()} == {life}
    assert await right(service.pool)


async def test_a_lost_connection_is_tried_again(store: PostgresStore, service: Database, bus: TableBus) -> None:
    async with running(*projectors(store, bus)):
        await history(store, Random(6), 10)
        await settled(service)
        superuser = await asyncpg.connect(service.url)
        await superuser.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() "
            "and pid <> pg_backend_pid()"
        )  # it waits until they are gone: an append on a connection that is still dying would not be tried again
        await superuser.close()
        await append(store, paid("C1", 1, "after"))
        await settled(service)
    assert await right(service.pool)


class Portions:
    """A worker that notes how many letters came at a time."""

    name = "portions"

    def __init__(self, store: PostgresStore, bus: Bus) -> None:
        self.bus, self.home, self.sizes, self.left = bus, store.database.pool, list[int](), 0
        self.decoder = Decoder(store.serde, [credit.PaymentReceived])

    async def run(self, stop: asyncio.Event) -> None:
        await Consumer(self.name, ["credit"], self.bus, self.home, "main", self.decoder, self).run(stop)

    async def settle(self) -> None:
        return None

    async def stale(self, topic: str) -> None:
        raise AssertionError(topic)

    def passed(self, letters: Sequence[Letter]) -> None:
        self.left += len(letters)

    async def take(self, batch: Batch) -> None:
        async with self.home.acquire() as session, session.transaction():
            moved = await batch.commit(session)
        batch.committed(moved)
        self.sizes.append(len(batch.letters))


async def test_an_initial_load_was_folded_in_many_small_transactions(
    store: PostgresStore, service: Database, bus: TableBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "GATHER", 3.0)
    work = Portions(store, bus)
    async with running(work):
        await append(store, paid("C0", 1, "first"), origin="initial_load")
        await caught_up(service.pool, "portions", service.pool, "credit")
        for n in range(20):
            await append(store, paid(f"C{n}", 1, "more"), origin="initial_load")
        await caught_up(service.pool, "portions", service.pool, "credit")
    assert len(work.sizes) <= 4, work.sizes
    assert sum(work.sizes) == 21


async def test_what_a_reader_has_nothing_to_do_with_moves_its_position_without_its_work(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    work = Portions(store, bus)
    async with running(work):
        await append(store, *[dropped(f"C{n}") for n in range(5)])
        await caught_up(service.pool, "portions", service.pool, "credit")
        assert (work.sizes, work.left) == ([], 5)
        await append(store, paid("C0", 1, "first"))
        await caught_up(service.pool, "portions", service.pool, "credit")
    assert (work.sizes, work.left) == ([1], 5)


async def test_a_position_that_another_owner_moved_is_lost_also_where_nothing_was_to_be_done(
    bus: TableBus, service: Database
) -> None:
    subscription = await bus.subscribe("g", ["credit"], "one")
    at = ("credit", 3)
    here = (await standings(service.pool, "g"))[at]
    held = {at: here}
    await Batch("g", held, [Letter(delivery(9, 0, here.incarnation))], whole=True).passed(service.pool)
    assert (await standings(service.pool, "g"))[at].last == held[at].last == 9
    with pytest.raises(Lost):
        await Batch("g", {at: here}, [Letter(delivery(12, 0, here.incarnation))], whole=True).passed(service.pool)
    assert (await standings(service.pool, "g"))[at].last == 9
    await subscription.close()

"""The bus over the owners' tables keeps what every bus promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast
from uuid import uuid5

import asyncpg
import pytest

from engine import ids
from engine.database import Database
from engine.membership import Membership, share
from engine.ports import PARTS, Place
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.bus_suite import BusSuite, drained, shared_out
from engine.testing.lag_suite import LagSuite
from engine.testing.sample_views import append, dropped, paid


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    owners = {"credit": service.pool, "customer": service.pool}
    return TableBus(owners, service.pool, wakeups=store.wakeups, lease=timedelta(seconds=1))


class TestTableBus(BusSuite, LagSuite):
    """PostgreSQL alone is enough of a bus."""


def test_parts_are_dealt_out_evenly_and_completely() -> None:
    members = [uuid5(ids.NAMESPACE, str(n)) for n in range(5)]
    shares = [share(PARTS, members, m) for m in members]
    assert sorted(p for s in shares for p in s) == list(range(PARTS))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert share(PARTS, members, ids.new()) == []


async def test_a_member_that_fell_silent_loses_its_parts(bus: TableBus, service: Database) -> None:
    silent = Membership(service.pool, "g", ["credit"], "silent", timedelta(seconds=1))
    await silent.join({"credit": await bus.incarnation("credit")})
    assert len(silent.held) == PARTS
    live = await bus.subscribe("g", ["credit"], "live")
    assert len((await shared_out(live))[0]) == PARTS
    await live.close()


async def test_a_member_that_comes_back_joins_under_another_name(bus: TableBus, service: Database) -> None:
    first = Membership(service.pool, "g", ["credit"], "main")
    await first.join({"credit": await bus.incarnation("credit")})
    second = Membership(service.pool, "g", ["credit"], "main")
    await second.join({"credit": await bus.incarnation("credit")})
    assert len(second.held) == PARTS
    await first.beat()
    await second.beat()
    await first.beat()
    assert len(first.held) == len(second.held) == PARTS / 2


async def test_of_what_nobody_here_reads_the_last_one_of_a_part_comes(store: PostgresStore, bus: TableBus) -> None:
    await append(store, dropped("C1"), paid("C1", 1), dropped("C1"), dropped("C2"), dropped("C1"), paid("C2", 1))
    subscription = await bus.narrowed(["credit.PaymentReceived"]).subscribe("g", ["credit"], "one")
    got = await drained(subscription, 3)
    assert {(d.raw.customer, d.position): d.previous for d in got} == {("C1", 2): 0, ("C1", 5): 2, ("C2", 6): 0}
    assert sum(d.passed for d in got) == 3
    assert await subscription.fetch(10, 0.05) == []
    await append(store, paid("C1", 2))
    assert [(d.position, d.previous) for d in await drained(subscription, 1)] == [(7, 5)]
    await subscription.close()


async def test_appends_of_other_processes_are_found_by_looking(store: PostgresStore, service: Database) -> None:
    bus = TableBus({"credit": service.pool}, service.pool)
    subscription = await bus.subscribe("g", ["credit"], "one")
    await subscription.fetch(1, 0.2)
    waiting = asyncio.create_task(subscription.fetch(1, 60))
    await append(store, paid("C1", 1))
    async with asyncio.timeout(10):
        assert len(await waiting) == 1
    await subscription.close()


async def test_a_log_in_another_life_is_read_anew_though_nothing_was_added(store: PostgresStore, bus: TableBus) -> None:
    await append(store, paid("C1", 1))
    before = await bus.subscribe("g", ["credit"], "one")
    assert {d.incarnation for d in await drained(before, 1)} == {await store.incarnation()}
    life = await store.renew()
    after = await bus.subscribe("h", ["credit"], "one")
    assert {d.incarnation for d in await drained(after, 1)} == {life}
    await before.close()
    await after.close()


async def test_a_part_that_changes_hands_is_read_from_its_position_whatever_offset_was_kept(
    store: PostgresStore, bus: TableBus, service: Database
) -> None:
    """Offsets are the bus's own: one that numbered records otherwise may have been beyond what was dealt with."""
    for n in range(3):
        await append(store, paid("C1", n + 1))
    subscription = await bus.subscribe("g", ["credit"], "one")
    await drained(subscription, 3)
    await service.pool.execute("update consumers set last_pos = 1, next_offset = 1000, epoch = epoch + 1")
    assert [(d.position, d.previous) for d in await drained(subscription, 2)] == [(2, 1), (3, 2)]
    await subscription.seek(Place("credit", ids.part_of("C1"), 2, 1000))
    assert [d.position for d in await drained(subscription, 1)] == [3]
    await subscription.close()


class Interrupted:
    """A pool where `then` happens as soon as the first session is given back."""

    def __init__(self, pool: asyncpg.Pool, then: Callable[[], Awaitable[object]]) -> None:
        self._pool, self._then = pool, [then]

    def __getattr__(self, name: str) -> object:
        return getattr(self._pool, name)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[object]:
        async with self._pool.acquire() as session:
            yield session
        if self._then:
            await self._then.pop()()


async def test_parts_given_back_just_after_a_member_looked_for_them_are_taken_at_the_next_look(
    service: Database, store: PostgresStore
) -> None:
    """They were nobody's until a member came or went: what was given back in between counted as seen."""
    lives = {"credit": await store.incarnation()}
    first = Membership(service.pool, "g", ["credit"], "first")
    await first.join(lives)
    second = Membership(cast(asyncpg.Pool, Interrupted(service.pool, first.beat)), "g", ["credit"], "second")
    await second.join(lives)
    assert await second.beat()
    assert len(second.held) == len(first.held) == PARTS // 2

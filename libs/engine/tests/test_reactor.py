"""Each command an event calls for is decided exactly once, in its own service, with the event as its cause."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from engine import ids
from engine.consumer import Batch
from engine.database import Database
from engine.deadletters import letters, replay
from engine.decider import Command
from engine.handle import Asked, Handler
from engine.ports import Verdict
from engine.reaction import Reaction
from engine.reactor import Reactor
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.running import caught_up, running
from engine.testing.sample_service import DECIDER, REACTION, Drop, handler
from engine.testing.sample_views import DAY, append, owner_set, paid
from events.envelope import Envelope

GROUP = "reaction:drop-on-assignment"


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    owners = {"credit": service.pool, "customer": service.pool}
    return TableBus(owners, service.pool, wakeups=store.wakeups, lease=timedelta(seconds=1))


@pytest.fixture
def deciding(store: PostgresStore, service: Database) -> Handler:
    return handler(store, service)


async def orders(service: Database) -> list[tuple[str, str]]:
    rows = await service.pool.fetch(
        "select customer, data::json ->> 'order' from events where type = 'credit.HoldDropped' order by pos"
    )
    return [(r[0], r[1]) for r in rows]


async def reacted(service: Database, *reactors: Reactor) -> None:
    async with running(*reactors):
        await caught_up(service.pool, GROUP, service.pool, "customer")


async def test_every_command_an_event_calls_for_is_decided_once_and_names_its_cause(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    await append(store, owner_set("C1", "A-B"), paid("C1", 1), owner_set("C2", "D"))
    await reacted(service, Reactor(REACTION, bus, deciding, service, store.serde))
    assert sorted(await orders(service)) == [("C1", "A"), ("C1", "B"), ("C2", "D")]
    causes = {e.causation for e in await store.read_all(0, 10, types=["credit.HoldDropped"])}
    assert causes == {e.id for e in await store.read_all(0, 10, types=["customer.OwnerAssigned"])}


async def test_positions_lost_after_the_decision_decide_nothing_twice(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    await append(store, owner_set("C1", "A-B"))
    await reacted(service, Reactor(REACTION, bus, deciding, service, store.serde))
    await service.pool.execute("update consumers set last_pos = 0, next_offset = 0, epoch = epoch + 1")
    await reacted(service, Reactor(REACTION, bus, deciding, service, store.serde))
    assert await orders(service) == [("C1", "A"), ("C1", "B")]


async def test_two_reactors_that_both_take_a_batch_decide_once(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    """The second one's lease was taken away while it worked: it decides the same commands under the same ids."""
    started, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Reactor):
        async def take(self, batch: Batch) -> None:
            started.set()
            await go_on.wait()
            await super().take(batch)

    await append(store, *[owner_set(f"C{n}", "A") for n in range(10)])
    async with running(Slow(REACTION, bus, deciding, service, store.serde, member="slow")):
        await started.wait()
        await service.pool.execute("update consumers set owner = null, epoch = epoch + 1")
        await service.pool.execute("delete from members")
        async with running(Reactor(REACTION, bus, deciding, service, store.serde, member="other")):
            await asyncio.sleep(0.3)
            go_on.set()
            await caught_up(service.pool, GROUP, service.pool, "customer")
    assert sorted(await orders(service)) == sorted((f"C{n}", "A") for n in range(10))


async def test_a_refusal_is_an_answer_and_parks_nobody(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    await append(store, owner_set("C1", "REFUSED"), owner_set("C1", "A"))
    await reacted(service, Reactor(REACTION, bus, deciding, service, store.serde))
    assert await orders(service) == [("C1", "A")]
    (first, _) = await store.read_all(0, 10, types=["customer.OwnerAssigned"])
    verdict = await store.verdict(ids.named("reaction", REACTION.name, first.id, 0))
    assert verdict is not None
    assert verdict.rule == "not-this-one"
    assert await letters(service.pool) == []


async def test_a_database_that_is_away_for_a_moment_parks_nobody(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    class Away(Handler):
        left = 3

        async def handle_many(self, asked: Sequence[Asked]) -> list[Verdict]:
            self.left -= 1
            if self.left >= 0:
                raise ConnectionResetError
            return await super().handle_many(asked)

    async def today() -> date:
        return DAY

    await append(store, owner_set("C1", "A-B"), owner_set("C2", "D"))
    away = Away(store, [DECIDER], {}, service, today)
    await reacted(service, Reactor(REACTION, bus, away, service, store.serde))
    assert await letters(service.pool) == []
    assert sorted(await orders(service)) == [("C1", "A"), ("C1", "B"), ("C2", "D")]


async def test_a_decision_that_breaks_parks_the_customer_until_it_is_replayed(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    await append(store, owner_set("C1", "BROKEN"), owner_set("C2", "A"), owner_set("C1", "B"))
    reactor = Reactor(REACTION, bus, deciding, service, store.serde)
    await reacted(service, reactor)
    assert await orders(service) == [("C2", "A")]
    assert [(x.customer, x.kind) for x in await letters(service.pool)] == [("C1", "poison"), ("C1", "behind")]
    assert await replay(service.pool, bus, store.serde, reactor, "C1") is None
    mended = Reactor(mended_reaction(), bus, deciding, service, store.serde)
    assert await replay(service.pool, bus, store.serde, mended, "C1") == 2
    assert await orders(service) == [("C2", "A"), ("C1", "MENDED"), ("C1", "B")]


def mended_reaction() -> Reaction:
    def react(event: Envelope[Any]) -> Iterable[Command]:
        return [Drop(customer=event.event.customer, order=event.event.owner.replace("BROKEN", "MENDED"))]

    return replace(REACTION, react=react)

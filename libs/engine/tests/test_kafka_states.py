"""A topic of states: the newest record of each customer is what the streams of the service come to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import asyncpg
import orjson
import pytest

from engine.database import Database
from engine.decider import Aggregate, Ref, States
from engine.kafka import states as telling
from engine.kafka.access import Access, Unreachable
from engine.kafka.admin import Layout, Topic
from engine.kafka.messages import everything
from engine.kafka.sending import Entry
from engine.kafka.states import StateRelay, again, behind
from engine.stated import Stated, Told
from engine.store import PostgresStore, renew
from engine.testing.running import eventually
from engine.testing.sample_views import append, dropped, paid
from events.base import Event
from events.credit import PaymentReceived
from events.states import State

DAY = date(2026, 1, 5)
PROMISED = Decimal(1_000)
"""A payment of so much counts from the day after only."""


class Purse(State):
    """What a customer has paid."""

    type: ClassVar[str] = "credit.Purse.v1"
    zh: ClassVar[str] = "已付金额"
    topic: ClassVar[str] = "kehu.credit.purses.v1"
    paid: Decimal
    on: date
    position: int


def purse(total: tuple[Decimal, ...], event: Event) -> tuple[Decimal, ...]:
    return (*total, event.amount.amount) if isinstance(event, PaymentReceived) else total


PURSE: Aggregate[tuple[Decimal, ...]] = Aggregate("credit", (), purse)


def tell(customer: str, states: States, day: date, position: int) -> Told | None:
    payments = states[PURSE(customer)]
    if not payments:
        return None
    counts = [amount for amount in payments if amount != PROMISED or day > DAY]
    until = None if len(counts) == len(payments) else DAY + timedelta(days=1)
    return Told(Purse(customer=customer, paid=sum(counts, Decimal(0)), on=day, position=position), until)


PURSES = Stated(shape=Purse, handles=(PaymentReceived,), refs=lambda who: [PURSE(who)], tell=tell)


class World:
    """A log, the day it is, and the topic."""

    def __init__(self, store: PostgresStore, access: Access) -> None:
        self.store, self.access, self.day = store, access, DAY
        name = access.named(Purse.topic)
        self.layout = Layout(access, [Topic(name, settings={"cleanup.policy": "compact"})])
        self.gate = asyncio.Event()
        self.gate.set()
        self.did, self.sends = list[str](), 0

    async def states(self, refs: Sequence[Ref[Any]]) -> States:
        found = {r.stream: PURSE.fold([e.event for e in await self.store.read_stream(r.stream)]) for r in refs}
        self.did.append("read")
        await self.gate.wait()
        return States(found)

    async def today(self) -> date:
        return self.day

    def relay(self) -> StateRelay:
        relay = StateRelay(PURSES, self.store, "credit", self.layout, self.states, self.today)
        send = relay._sender.send

        async def counted(entries: Mapping[tuple[str, int], Sequence[Entry]]) -> None:
            try:
                await send(entries)
            finally:
                self.sends += 1

        relay._sender.send = counted  # type: ignore[method-assign]
        return relay

    @asynccontextmanager
    async def working(self) -> AsyncIterator["asyncio.Task[None]"]:
        stop = asyncio.Event()
        task = asyncio.create_task(self.relay().run(stop))
        try:
            yield task
        finally:
            stop.set()
            self.gate.set()
            await task

    async def reads(self) -> bool:
        return bool(self.did)

    async def has_tried(self) -> bool:
        return self.sends > 0

    async def newest(self) -> dict[str, Any]:
        """By customer the newest record that was not undone; those removed are not there."""
        found = {}
        for record in await everything(self.access, self.access.named(Purse.topic)):
            found[record.key.decode()] = orjson.loads(record.value) if record.value else None
        return {who: said["paid"] for who, said in found.items() if said}

    async def told(self, **expected: str) -> None:
        async def holds() -> bool:
            return await self.newest() == expected

        await eventually(holds)


@pytest.fixture
def world(store: PostgresStore, kafka: Access) -> World:
    return World(store, kafka)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "LONGEST_PAUSE", 0.02)


@pytest.mark.slow
async def test_the_newest_record_of_each_customer_is_its_state_and_says_up_to_where(world: World) -> None:
    await append(world.store, paid("C1", 5), paid("C2", 7), dropped("C3"))
    async with world.working():
        await world.told(C1="5", C2="7")
        last = await append(world.store, paid("C1", 3))
        await world.told(C1="8", C2="7")
    records = await everything(world.access, world.access.named(Purse.topic))
    newest = max(records, key=lambda record: dict(record.headers)["ce_sequence"])
    said = {name: value.decode() for name, value in newest.headers}
    assert (newest.key, said["ce_sequence"], said["ce_type"]) == (b"C1", f"{last:020d}", "credit.Purse.v1")
    assert orjson.loads(newest.value)["position"] == last
    assert said["ce_kehulife"] == str(await world.store.incarnation())
    assert said["ce_dataschema"] == "/schemas/credit.Purse.v1"
    assert await behind(world.store.database.pool, world.layout, PURSES, 10) == (0, None)


class Outlet:
    """Where records go instead of a broker: it acknowledges, or refuses; `did` is what happened, in order."""

    def __init__(self, did: list[str]) -> None:
        self.did, self.got, self.refuses = did, list[tuple[str, Any]](), False

    async def ready(self) -> None:
        self.did.append("ready")

    async def send(self, entries: Mapping[tuple[str, int], Sequence[Entry]]) -> None:
        if self.refuses:
            raise Unreachable("refused")
        found = [entry for some in entries.values() for entry in some]
        self.got += sorted((e.key.decode(), orjson.loads(e.value)["paid"]) for e in found if e.key and e.value)

    async def close(self) -> None:
        return None


class HereAlready(Layout):
    """Topics nobody needs to look at."""

    async def present(self, names: Any) -> None:
        return None


@pytest.fixture
def alone(store: PostgresStore) -> tuple[World, Outlet, StateRelay]:
    """Without a broker."""
    world = World(store, Access("nowhere:1"))
    world.layout = HereAlready(world.access)
    outlet, relay = Outlet(world.did), world.relay()
    relay._sender = outlet  # type: ignore[assignment]
    return world, outlet, relay


async def got(outlet: Outlet, relay: StateRelay, *expected: tuple[str, str]) -> None:
    """Have it work until so much has come out."""
    stop = asyncio.Event()
    working = asyncio.create_task(relay.run(stop))

    async def out() -> bool:
        return len(outlet.got) >= len(expected) or working.done()

    await eventually(out)
    stop.set()
    await working
    assert outlet.got == [*expected]


async def test_a_state_that_changes_with_the_day_is_told_when_it_opens_though_nothing_happens(
    alone: tuple[World, Outlet, StateRelay],
) -> None:
    world, outlet, relay = alone
    await append(world.store, paid("C1", 5), paid("C1", int(PROMISED), "P2"), paid("C2", 1))
    await got(outlet, relay, ("C1", "5"), ("C2", "1"))
    world.day = DAY + timedelta(days=1)
    await got(outlet, relay, ("C1", "5"), ("C2", "1"), ("C1", "1005"))
    assert not await world.store.database.pool.fetch("select * from states_due")


async def test_what_was_not_acknowledged_is_told_again(alone: tuple[World, Outlet, StateRelay]) -> None:
    world, outlet, relay = alone
    await append(world.store, paid("C1", 5))
    outlet.refuses = True
    with pytest.raises(Unreachable):
        await relay.run(asyncio.Event())
    outlet.refuses = False
    await got(outlet, relay, ("C1", "5"))


async def test_who_sends_has_shut_out_all_others_before_it_reads_what_it_tells(
    alone: tuple[World, Outlet, StateRelay],
) -> None:
    """Read before, a state might be older than what another has told meanwhile, and would still be taken."""
    world, outlet, relay = alone
    await append(world.store, paid("C1", 5))
    await got(outlet, relay, ("C1", "5"))
    assert world.did == ["ready", "read"]


@pytest.mark.slow
async def test_an_older_state_is_never_the_newest_record_though_a_process_sleeps_before_it_sends(world: World) -> None:
    """It had read the state, was stopped for longer than its lease, and sends when another has told a later one."""
    await append(world.store, paid("C1", 5))
    sleeper = World(world.store, world.access)
    sleeper.gate.clear()
    async with sleeper.working():
        await eventually(sleeper.reads)
        await world.store.database.pool.execute("update states set expires_at = now() - interval '1 second'")
        async with world.working():
            await append(world.store, paid("C1", 3))
            await world.told(C1="8")
            sleeper.gate.set()
            await eventually(sleeper.has_tried)
            assert await world.newest() == {"C1": "8"}


@pytest.mark.slow
async def test_a_new_cluster_is_filled_by_telling_everybody_again(world: World) -> None:
    await append(world.store, paid("C1", 5), paid("C2", 7))
    async with world.working():
        await world.told(C1="5", C2="7")
    elsewhere = World(world.store, replace(world.access, namespace=f"{world.access.namespace}new."))
    await world.store.database.pool.execute("update states set topic = $1", elsewhere.access.named(Purse.topic))
    await again(world.store.database.pool, elsewhere.layout, PURSES, 0)
    async with elsewhere.working():
        await elsewhere.told(C1="5", C2="7")


@pytest.mark.slow
async def test_who_is_not_in_a_restored_log_is_not_in_the_topic_either(world: World, service: Database) -> None:
    """The topic had told of a customer that the backup did not know of."""
    await append(world.store, paid("C1", 5))
    async with world.working():
        await world.told(C1="5")
    await append(world.store, paid("C2", 7))
    async with world.working():
        await world.told(C1="5", C2="7")
    await forget_last(service.url)
    await renew(service.url)
    restored = World(world.store, world.access)
    async with restored.working():
        await restored.told(C1="5")


async def forget_last(url: str) -> None:
    """What a restore from an older backup does to the log."""
    owner = await asyncpg.connect(url)
    try:
        await owner.execute("alter table events disable trigger all")
        await owner.execute("delete from events where pos = (select max(pos) from events)")
        await owner.execute("alter table events enable trigger all")
    finally:
        await owner.close()

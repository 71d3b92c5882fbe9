"""A relay moves its cursor past what was acknowledged, while it is its own, in the life it has read: no further."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from engine import clock, ids
from engine.database import Database
from engine.faults import Halted, Lost
from engine.kafka import sending
from engine.kafka.access import Access, Unreachable
from engine.kafka.admin import Layout, Topic, refuse_wrong
from engine.kafka.clients import bounded
from engine.kafka.records import position_of
from engine.kafka.relay import _TAKE, Relay, relayed
from engine.kafka.sending import Entry, _in_order
from engine.ports import Append, Meta, NewEvent
from engine.store import PostgresStore, renew
from engine.testing.running import eventually
from engine.testing.sample_views import DAY, append, paid


class Outlet:
    """Where records go instead of a broker: it acknowledges, or refuses, or keeps its sender waiting."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.open, self.refuses = asyncio.Event(), False
        self.open.set()

    async def send(self, entries: Mapping[tuple[str, int], Sequence[Entry]]) -> None:
        await self.open.wait()
        if self.refuses:
            raise Unreachable("refused")
        self.got += sorted(position_of(entry.headers) for found in entries.values() for entry in found)

    async def close(self) -> None:
        return None


class HereAlready(Layout):
    """Topics nobody needs to look at."""

    async def present(self, names: Any) -> None:
        return None


@pytest.fixture
def outlet() -> Outlet:
    return Outlet()


@pytest.fixture
async def relay(store: PostgresStore, outlet: Outlet) -> Relay:
    await append(store, *[paid(f"C{n}", 1) for n in range(5)])
    return made(store, outlet)


def made(store: PostgresStore, outlet: Outlet) -> Relay:
    relay = Relay(store, "credit", ("credit",), HereAlready(Access("nowhere:1")))
    relay._sender = outlet  # type: ignore[assignment]
    return relay


async def worked(relay: Relay, outlet: Outlet, upto: int) -> None:
    """Have it work until so much has come out."""
    stop = asyncio.Event()
    working = asyncio.create_task(relay.run(stop))

    async def out() -> bool:
        return upto in outlet.got or working.done()

    await eventually(out)
    stop.set()
    await working


async def taken(service: Database, relay: Relay, lease: float = 60) -> int:
    row = await service.pool.fetchrow(_TAKE, relay._session, timedelta(seconds=lease))
    assert row is not None
    return int(row["epoch"])


async def test_the_cursor_stays_where_it_was_until_the_broker_has_acknowledged(
    relay: Relay, outlet: Outlet, service: Database
) -> None:
    outlet.refuses = True
    with pytest.raises(Unreachable):
        await relay.run(asyncio.Event())
    assert (await relayed(service.pool)).position == 0
    outlet.refuses = False
    await worked(relay, outlet, 5)
    assert outlet.got == [1, 2, 3, 4, 5], "what was refused is sent again"
    assert (await relayed(service.pool)).position == 5


async def test_history_waits_to_be_published_since_it_was_appended_not_since_it_was_recorded_elsewhere(
    store: PostgresStore, service: Database
) -> None:
    before = clock.now()
    meta = Meta("erp", ids.new(), origin="initial_load", asserted_recorded=before - timedelta(days=2000))
    await store.append(Append({}, [NewEvent("credit-C1", paid("C1", 1), DAY)], meta))
    since = (await relayed(service.pool)).since
    assert since is not None
    assert since > before - timedelta(seconds=5)


async def test_who_lost_the_cursor_does_not_move_it(relay: Relay, store: PostgresStore, service: Database) -> None:
    life = await store.incarnation()
    epoch = await taken(service, relay, lease=-1)
    other = await taken(service, made(store, Outlet()))
    with pytest.raises(Lost):
        await relay._move(epoch, 5, 5, life)
    assert (await relayed(service.pool)).position == 0
    await relay._move(other, 4, 4, life)
    assert (await relayed(service.pool)).position == 4


async def test_one_relay_works_while_the_other_waits(relay: Relay, store: PostgresStore, service: Database) -> None:
    await taken(service, relay)
    assert await service.pool.fetchrow(_TAKE, made(store, Outlet())._session, timedelta(seconds=1)) is None


async def test_a_relay_that_slept_through_a_restore_does_not_move_the_cursor_of_the_restored_log(
    relay: Relay, store: PostgresStore, service: Database
) -> None:
    """Epochs and positions are given out again there: moved by the old one, new events would never be published."""
    life = await store.incarnation()
    epoch = await taken(service, relay)
    await renew(service.url)
    with pytest.raises(Lost, match="another life"):
        await relay._move(epoch, 5, 5, life)
    assert (await relayed(service.pool)).position == 0


async def test_what_a_restored_log_holds_does_not_go_out_as_of_the_life_before(
    relay: Relay, outlet: Outlet, store: PostgresStore, service: Database
) -> None:
    before = await store.incarnation()
    epoch = await taken(service, relay)
    await renew(service.url)
    with pytest.raises(Lost, match="another life"):
        await relay._publish(epoch, 0, before, asyncio.Event())
    assert outlet.got == []


class Producer:
    """One that acknowledges a batch when it is told to."""

    def __init__(self) -> None:
        self.sent: list[asyncio.Future[None]] = []

    def create_batch(self) -> "Producer":
        self.room = 2
        return self

    def append(self, **record: object) -> object:
        self.room -= 1
        return record if self.room >= 0 else None

    async def send_batch(self, batch: object, topic: str, *, partition: int) -> "asyncio.Future[None]":
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


async def test_nothing_is_sent_past_a_batch_of_its_part_that_failed() -> None:
    producer = Producer()
    entries = [Entry(b"C1", b"%d" % n, ()) for n in range(5)]
    working = asyncio.create_task(_in_order(producer, "t", 3, entries))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(producer.sent) == 1, "a second batch was sent before the first was acknowledged"
    producer.sent[0].set_exception(KafkaError("away"))
    with pytest.raises(KafkaError):
        await working
    assert len(producer.sent) == 1


async def test_a_producer_that_hangs_is_let_go_and_the_send_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    sender, stopped = sending.Sender(Access("nowhere:1"), "test"), asyncio.Event()

    class Hanging(Producer):
        async def stop(self) -> None:
            stopped.set()

    monkeypatch.setattr(sending, "PATIENCE", 0.05)
    sender._producer = Hanging()
    with pytest.raises(Unreachable):
        await sender.send({("t", 3): [Entry(b"C1", b"1", ())]})
    assert stopped.is_set()
    assert sender._producer is None, "the next send would use it again"


def test_a_topic_with_another_number_of_parts_is_refused_and_one_that_is_missing_is_not() -> None:
    refuse_wrong([Topic("a"), Topic("b")], {"a": 12, "b": 0})
    with pytest.raises(Halted, match=r"b has 3 partitions, not 12.*kehu relay resend"):
        refuse_wrong([Topic("a"), Topic("b")], {"a": 12, "b": 3})


async def stubborn() -> None:
    """As a client that takes our cancelling for that of a task of its own."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(60)


async def test_a_client_that_takes_our_cancelling_for_its_own_is_not_waited_for_either() -> None:
    async with asyncio.timeout(5):
        await bounded(stubborn(), 0.01)


async def test_who_is_cancelled_while_a_client_stops_leaves_no_task_of_it_behind() -> None:
    before = asyncio.all_tasks()
    leaving = asyncio.create_task(bounded(stubborn(), 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({leaving})
    assert asyncio.all_tasks() == before

"""The bus over a real Kafka keeps what every bus promises."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from engine.database import Database
from engine.kafka.access import Access
from engine.kafka.admin import Layout, Topic, ensure
from engine.kafka.bus import KafkaBus
from engine.kafka.relay import Relay
from engine.store import PostgresStore
from engine.testing.bus_suite import BusSuite
from engine.testing.lag_suite import LagSuite
from engine.testing.sample_views import append, paid

pytestmark = pytest.mark.slow
CONTEXTS = ("credit", "customer")


@pytest.fixture
async def bus(store: PostgresStore, service: Database, kafka: Access) -> AsyncIterator[KafkaBus]:
    """With a relay at work."""
    layout = Layout(kafka)
    stop, relay = asyncio.Event(), Relay(store, "credit", CONTEXTS, layout)
    working = asyncio.create_task(relay.run(stop))
    yield KafkaBus(layout, "credit", dict.fromkeys(CONTEXTS, service.pool), service.pool, wakeups=store.wakeups)
    stop.set()
    await working


class TestKafkaBus(BusSuite, LagSuite):
    """A real broker, a real relay."""


class Unlooked(Layout):
    """Topics nobody looks at before they are used."""

    async def present(self, names: Iterable[str]) -> None:
        return None


async def test_a_reader_that_joined_while_a_topic_was_away_gets_its_parts_soon_after_it_is_back(
    store: PostgresStore, service: Database, kafka: Access
) -> None:
    """The client looks at topics every five minutes if not told otherwise."""
    bus = KafkaBus(Unlooked(kafka), "credit", dict.fromkeys(CONTEXTS, service.pool), service.pool)
    subscription = await bus.subscribe("view:a", ["credit"], "one")
    assert await subscription.fetch(10, 2.0) == []
    await ensure(kafka, [Topic(kafka.topic(c)) for c in CONTEXTS])
    await append(store, paid("C1", 1))
    assert [d.position for d in await subscription.fetch(10, 30.0)] == [1]
    await subscription.close()

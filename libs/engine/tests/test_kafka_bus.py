"""The bus over a real Kafka keeps what every bus promises."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.database import Database
from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.kafka.bus import KafkaBus
from engine.kafka.relay import Relay
from engine.store import PostgresStore
from engine.testing.bus_suite import BusSuite

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


class TestKafkaBus(BusSuite):
    """A real broker, a real relay."""

"""A request is followed through a real Kafka, and the relay tells how far it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from chassis_world import Running, run
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from watching import CALLER, REACTING, TRACE, opened, own, parent, scraped, told

from chassis.settings import Bus, Kafka, Settings
from engine.kafka.access import Access

pytestmark = pytest.mark.slow
CHAIN = {"POST /api/credit/accounts", "decide OpenAccount", "publish", "fold view:accounts", "react welcome",
         "decide SetLimit"}  # fmt: skip


@pytest.fixture
async def on_kafka(settings: Settings, url: str, kafka: Access) -> AsyncIterator[Running]:
    """The sample service with a relay, its readers on the broker."""
    cluster = Kafka(bootstrap=kafka.bootstrap, namespace=kafka.namespace, session=kafka.session)
    given = settings.model_copy(update={"bus": Bus(kind="kafka"), "kafka": cluster})
    async with run(REACTING, given, url) as it:
        yield it


async def traceparents(kafka: Access, topic: str) -> list[str]:
    """Those of the records in a topic, up to the first one of our trace."""
    consumer = AIOKafkaConsumer(topic, **kafka.options(), auto_offset_reset="earliest")
    found: list[str] = []
    await consumer.start()
    try:
        while not any(TRACE in trace for trace in found):
            record = await asyncio.wait_for(consumer.getone(), 60)
            found.append(dict(record.headers)["traceparent"].decode())
    finally:
        await consumer.stop()
    return found


async def read_from_kafka(running: Running, eventually: Callable[..., Any]) -> None:
    """Until what happens now is read from the broker: what happened before its readers had parts is read in the log."""
    await opened(running, "C-0")
    groups = ("view:accounts", "reaction:welcome")

    async def caught_up() -> bool:
        lags = await running.runtime.lags()
        return all(group in lags and lags[group].events == 0 for group in groups)

    await eventually(caught_up)


async def test_one_trace_leads_from_the_request_through_kafka_to_the_view_and_to_what_is_decided_next(
    on_kafka: Running, kafka: Access, spans: InMemorySpanExporter, eventually: Callable[..., Any]
) -> None:
    await read_from_kafka(on_kafka, eventually)
    await opened(on_kafka, "C-1", **CALLER)

    async def followed() -> bool:
        return set(told(spans)) >= CHAIN

    await eventually(followed)
    found = told(spans)
    command = found["decide OpenAccount"]
    assert f"00-{TRACE}-{own(command)}-01" in await traceparents(kafka, kafka.topic("credit"))
    assert [parent(found[name]) for name in ("fold view:accounts", "react welcome")] == [own(command)] * 2
    assert parent(found["decide SetLimit"]) == own(found["react welcome"])
    published = [s for s in spans.get_finished_spans() if s.name == "publish"]
    assert {parent(s) for s in published} >= {own(command)}


async def test_the_relay_tells_how_far_it_is_and_a_dead_one_shows(
    on_kafka: Running, kafka: Access, eventually: Callable[..., Any]
) -> None:
    await opened(on_kafka, "C-1")

    async def caught_up() -> bool:
        found = await scraped(on_kafka.http)
        sent = found.get(("kehu_relay_sent_total", "credit", kafka.topic("credit")), 0)
        return sent == 2 and found["kehu_relay_lag_events", "credit"] == 0

    await eventually(caught_up)
    found = await scraped(on_kafka.http)
    assert (found["kehu_relay_up", "credit"], found["kehu_relay_lag_seconds", "credit"]) == (1, 0)
    assert found["kehu_worker_up", "credit", "relay"] == 1
    supervisor = on_kafka.runtime.supervisor
    assert supervisor is not None
    await supervisor.stop()
    await opened(on_kafka, "C-2")

    async def behind() -> bool:
        now = await scraped(on_kafka.http)
        return now["kehu_relay_lag_events", "credit"] == 1 and now["kehu_relay_lag_seconds", "credit"] > 0

    await eventually(behind)
    found = await scraped(on_kafka.http)
    assert (found["kehu_relay_up", "credit"], found["kehu_worker_up", "credit", "relay"]) == (0, 0)

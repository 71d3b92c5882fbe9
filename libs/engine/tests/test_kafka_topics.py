"""Stored topics on a real Kafka keep what stored topics promise."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from engine.kafka.access import Access, Unreachable
from engine.kafka.admin import Layout, counts, remove
from engine.kafka.messages import KafkaTopics, everything
from engine.testing.topics_suite import OTHER, TOPIC, TopicsSuite, drained, told
from engine.topics import following

pytestmark = pytest.mark.slow


@pytest.fixture
async def topics(kafka: Access) -> AsyncIterator[KafkaTopics]:
    made = KafkaTopics(Layout(kafka), "credit")
    yield made
    await made.close()


class TestKafkaTopics(TopicsSuite):
    """A real broker."""


async def test_what_was_read_of_a_topic_with_data_of_persons_is_removed_there_and_nothing_else(
    topics: KafkaTopics, kafka: Access
) -> None:
    for topic in (TOPIC, OTHER):
        await topics.publish(topic, [told("C1", "one"), told("C1", "two")])
    reading = await topics.read("g", [TOPIC, OTHER], "m")
    got = await drained(reading, 4)
    await reading.commit(following([r for r in got if r.value == b"one"]))
    assert await topics.sweep(timedelta(days=7)) == 0
    assert await topics.sweep(timedelta(0), [TOPIC]) == 1
    left = {topic: [r.value for r in await everything(kafka, kafka.named(topic))] for topic in (TOPIC, OTHER)}
    assert left == {TOPIC: [b"two"], OTHER: [b"one", b"two"]}
    assert await topics.sweep(timedelta(0), [TOPIC]) == 0
    await reading.close()


async def test_topics_that_are_deleted_while_we_run_are_made_again_by_whoever_reads_or_publishes(
    topics: KafkaTopics, kafka: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kafka.sending.PATIENCE", 2.0)
    monkeypatch.setattr("engine.kafka.messages.LATE", 0.5)
    reading = await topics.read("g", [TOPIC], "m")
    await topics.publish(TOPIC, [told("C1", "before")])
    await topics.publish(OTHER, [told("C1", "before")])
    await drained(reading, 1)
    await remove(kafka, [kafka.named(TOPIC), kafka.named(OTHER)])
    await settled(kafka, {TOPIC: 0, OTHER: 0})
    async with asyncio.timeout(60):
        while not (await counts(kafka, [kafka.named(TOPIC)]))[kafka.named(TOPIC)]:
            await reading.fetch(1, 0.2)
    async with asyncio.timeout(60):
        while not (await counts(kafka, [kafka.named(OTHER)]))[kafka.named(OTHER)]:
            with contextlib.suppress(Unreachable):
                await topics.publish(OTHER, [told("C1", "after")])
    monkeypatch.undo()
    await topics.publish(TOPIC, [told("C1", "after")])
    assert [r.value for r in await drained(reading, 1)] == [b"after"]
    await reading.close()


async def settled(kafka: Access, wanted: dict[str, int]) -> None:
    """Until the cluster says that the topics have so many parts."""
    named = {kafka.named(topic): parts for topic, parts in wanted.items()}
    async with asyncio.timeout(30):
        while await counts(kafka, list(named)) != named:  # noqa: ASYNC110 - a broker tells nobody
            await asyncio.sleep(0.1)

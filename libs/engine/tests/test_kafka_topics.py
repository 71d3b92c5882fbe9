"""Stored topics on a real Kafka keep what stored topics promise."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from engine.kafka.access import Access
from engine.kafka.admin import Layout
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

"""Stored topics on a real Kafka keep what stored topics promise."""

from collections.abc import AsyncIterator

import pytest

from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.kafka.messages import KafkaTopics
from engine.testing.topics_suite import TopicsSuite

pytestmark = pytest.mark.slow


@pytest.fixture
async def topics(kafka: Access) -> AsyncIterator[KafkaTopics]:
    made = KafkaTopics(Layout(kafka), "credit")
    yield made
    await made.close()


class TestKafkaTopics(TopicsSuite):
    """A real broker."""

"""Stored topics in tables keep what every stored topic promises; and old messages go."""

from datetime import timedelta

import pytest

from engine.database import Database
from engine.tabletopics import TableTopics
from engine.testing.topics_suite import TOPIC, TopicsSuite, drained, told
from engine.topics import following


@pytest.fixture
def topics(service: Database) -> TableTopics:
    return TableTopics(service.pool, lease=timedelta(seconds=1))


class TestTableTopics(TopicsSuite):
    """PostgreSQL alone is enough for topics."""


async def test_old_messages_go_but_none_that_a_group_has_still_to_read(topics: TableTopics) -> None:
    await topics.publish(TOPIC, [told("C1", str(n)) for n in range(4)])
    reading = await topics.read("g", [TOPIC], "m")
    await reading.commit(following((await drained(reading, 4))[:3]))
    assert await topics.sweep(timedelta(hours=1)) == 0
    assert await topics.sweep(timedelta(0)) == 3
    await reading.close()
    again = await topics.read("g", [TOPIC], "m")
    assert [r.value for r in await drained(again, 1)] == [b"3"]
    await again.close()


async def test_a_topic_nobody_reads_keeps_its_messages_for_their_time_only(topics: TableTopics) -> None:
    await topics.publish(TOPIC, [told("C1", "1")])
    assert await topics.sweep(timedelta(0)) == 1
    await topics.publish(TOPIC, [told("C1", "2")])
    reading = await topics.read("g", [TOPIC], "m")
    assert [(r.offset, r.value) for r in await drained(reading, 1)] == [(1, b"2")]
    await reading.close()

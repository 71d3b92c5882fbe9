"""Where a group goes on reading is put back by a person, also while its members work."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.kafka.messages import NAMED, KafkaTopics
from engine.kafka.offsets import places, reset, show
from engine.testing.topics_suite import TOPIC, drained, told
from engine.topics import following

pytestmark = pytest.mark.slow


@pytest.fixture
async def topics(kafka: Access) -> AsyncIterator[KafkaTopics]:
    made = KafkaTopics(Layout(kafka), "credit")
    yield made
    await made.close()


async def test_a_group_put_back_while_it_reads_gets_again_what_came_since_and_is_shown_so(
    topics: KafkaTopics, kafka: Access
) -> None:
    group, topic = kafka.named(NAMED.format(group="g")), kafka.named(TOPIC)
    await topics.publish(TOPIC, [told("C1", "one"), told("C1", "two")])
    reading = await topics.read("g", [TOPIC], "m")
    got = await drained(reading, 2)
    await reading.commit(following(got))
    (read,) = [o for o in await show(kafka, group, [topic]) if o.end]
    assert (read.position, read.end, read.lag) == (2, 2, 0)

    later = await places(kafka, group, [topic], datetime.now(UTC) + timedelta(days=1))  # noqa: TID251
    assert later == {at: (2 if at.partition == read.part else 0) for at in later}
    to = await places(kafka, group, [topic], got[0].published)
    await reset(kafka, group, to)
    (back,) = [o for o in await show(kafka, group, [topic]) if o.end]
    assert (back.position, back.lag) == (0, 2)
    assert [r.value for r in await drained(reading, 2)] == [b"one", b"two"]
    await reading.close()

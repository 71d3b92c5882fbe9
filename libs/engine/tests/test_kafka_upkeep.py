"""Topics are what the list says, or are put right, or are refused."""

import asyncio
from random import Random  # noqa: TID251 - seeded

import pytest

from engine.faults import Halted
from engine.kafka.access import Access, Unreachable
from engine.kafka.admin import Layout, Topic, counts, ensure
from engine.kafka.sending import Entry, Sender
from engine.kafka.upkeep import apply, look

pytestmark = pytest.mark.slow
WEEK = {"cleanup.policy": "delete", "retention.ms": str(7 * 86_400_000), "max.message.bytes": "8000000"}


async def test_missing_topics_are_made_and_settings_put_right(kafka: Access) -> None:
    name, other = kafka.named("one"), kafka.named("other")
    layout = Layout(kafka, [Topic(name, settings=WEEK), Topic(other, settings={"cleanup.policy": "compact"})])
    assert [(f.topic.name, f.parts) for f in await look(layout)] == [(name, 0), (other, 0)]
    assert [f.topic.name for f in await apply(layout)] == [name, other]
    assert [(f.parts, f.copies, f.differs) for f in await look(layout)] == [(12, 1, {}), (12, 1, {})]
    assert await apply(layout) == []
    day = Layout(kafka, [Topic(name, settings={**WEEK, "retention.ms": "86400000"})])
    assert [f.differs for f in await look(day)] == [{"retention.ms": ("604800000", "86400000")}]
    await apply(day)
    assert [f.differs for f in await look(day)] == [{}]


async def test_a_topic_with_another_number_of_partitions_is_refused_by_whoever_uses_it(kafka: Access) -> None:
    name = kafka.named("narrow")
    await ensure(kafka, [Topic(name, parts=3)])
    layout = Layout(kafka, [Topic(name)])
    with pytest.raises(Halted, match=r"has 3 partitions, not 12"):
        await layout.present([name])
    with pytest.raises(Halted):
        await apply(layout)
    assert [f.wrong for f in await look(layout)] == [True]
    assert await counts(kafka, [name]) == {name: 3}


async def test_where_topics_are_made_for_us_a_missing_one_is_named(kafka: Access) -> None:
    name = kafka.named("theirs")
    with pytest.raises(Halted, match=f"{name}.*kehu topics apply"):
        await Layout(kafka, make=False).present([name])
    assert await counts(kafka, [name]) == {name: 0}


async def test_nobody_waits_for_ever_for_a_broker_that_is_not_there() -> None:
    async with asyncio.timeout(40):
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
            await counts(Access("127.0.0.1:9"), ["any"])


async def test_a_record_of_two_megabytes_goes_through_one_of_twelve_is_refused(kafka: Access) -> None:
    name = kafka.named("large")
    await Layout(kafka, [Topic(name, settings=WEEK)]).present([name])
    sender = Sender(kafka, "test")
    noise, more = Random(1).randbytes(2_000_000), Random(2).randbytes(12_000_000)  # what does not shrink
    await sender.send({(name, 0): [Entry(b"a", b"small", ()), Entry(b"a", noise, ()), Entry(b"a", b"after", ())]})
    with pytest.raises(Halted, match="12000000 bytes"):
        await sender.send({(name, 0): [Entry(b"a", more, ())]})
    await sender.close()

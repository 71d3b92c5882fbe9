"""What stored topics promise: a subclass with a fixture `topics` shows that an implementation keeps it.

For each test `topics` is empty, its leases (a broker's session timeouts) about a second.
"""

import asyncio
from collections.abc import Sequence

import pytest

from engine import ids
from engine.faults import Lost
from engine.ports import PARTS
from engine.topics import Message, Reading, Record, Topics, following

TOPIC, OTHER = "erp.orders.v1", "erp.payments.v1"


def told(key: str | None, text: str, *headers: tuple[str, bytes]) -> Message:
    """A message whose value is `text`."""
    return Message(None if key is None else key.encode(), text.encode(), headers)


async def drained(reading: Reading, count: int, within: float = 30.0) -> list[Record]:
    """The next `count` records."""
    found: list[Record] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            found += await reading.fetch(count - len(found), 0.2)
    return found


async def shared_out(*members: Reading, parts: int = PARTS, within: float = 30.0) -> list[set[tuple[str, int]]]:
    """What each member holds once every part has exactly one of them."""
    async with asyncio.timeout(within):
        while True:
            for member in members:
                await member.fetch(1, 0.05)
            held = [set(await m.assigned()) for m in members]
            if sum(map(len, held)) == parts == len(set.union(*held)) and all(held):
                return held


class TopicsSuite:
    """The promises that concern publishing, groups and offsets."""

    async def test_a_message_comes_back_as_it_was_published(self, topics: Topics) -> None:
        headers = (("ce_id", b"1"), ("ce_type", "单据".encode()), ("twice", b"a"), ("twice", bytes(range(256))))
        await topics.publish(TOPIC, [Message(b"C1", b"\x00\xff{}", headers), Message(None, b"")])
        reading = await topics.read("g", [TOPIC], "m")
        got = {r.value: r for r in await drained(reading, 2)}
        record = got[b"\x00\xff{}"]
        assert (record.topic, record.key, record.headers) == (TOPIC, b"C1", headers)
        assert (got[b""].key, got[b""].headers) == (None, ())
        await reading.close()

    async def test_messages_of_one_key_lie_in_one_part_and_in_their_order(self, topics: Topics) -> None:
        keys = [f"C{n}" for n in range(30)]
        for n in range(3):
            await topics.publish(TOPIC, [told(k, f"{n}{step}") for step in range(2) for k in keys])
        reading = await topics.read("g", [TOPIC], "m")
        got = await drained(reading, 180)
        for key in keys:
            mine = [r for r in got if r.key == key.encode()]
            assert [r.value for r in mine] == [b"00", b"01", b"10", b"11", b"20", b"21"]
            assert {r.part for r in mine} == {ids.part_of(key)}
        for part in range(PARTS):
            offsets = [r.offset for r in got if r.part == part]
            assert offsets == sorted(set(offsets))
        await reading.close()

    async def test_publishers_at_the_same_time_lose_nothing_and_keep_their_order(self, topics: Topics) -> None:
        reading = await topics.read("g", [TOPIC], "m")

        async def publisher(name: int) -> None:
            for n in range(20):
                await topics.publish(TOPIC, [told(f"C{c}", f"{name} {n}") for c in range(3)])

        publishing = asyncio.gather(*map(publisher, range(4)))
        got = await drained(reading, 240)
        await publishing
        for c in range(3):
            mine = [r.value.split() for r in got if r.key == f"C{c}".encode()]
            for name in range(4):
                assert [int(n) for who, n in mine if int(who) == name] == list(range(20))
        await reading.close()

    async def test_what_is_published_while_waiting_arrives_soon(self, topics: Topics) -> None:
        reading = await topics.read("g", [TOPIC], "m")
        await shared_out(reading)
        waiting = asyncio.create_task(reading.fetch(10, 60))
        await asyncio.sleep(0.2)
        await topics.publish(TOPIC, [told("C1", "now")])
        async with asyncio.timeout(10):
            assert [r.value for r in await waiting] == [b"now"]
        await reading.close()

    async def test_a_group_goes_on_where_it_committed_and_gets_the_rest_again(self, topics: Topics) -> None:
        await topics.publish(TOPIC, [told("C1", str(n)) for n in range(5)])
        first = await topics.read("g", [TOPIC], "m")
        got = await drained(first, 5)
        await first.commit(following(got[:2]))
        await first.close()
        second = await topics.read("g", [TOPIC], "m")
        assert [r.value for r in await drained(second, 3)] == [b"2", b"3", b"4"]
        assert await second.fetch(10, 0.1) == []
        await second.close()

    async def test_groups_and_topics_know_nothing_of_each_other(self, topics: Topics) -> None:
        await topics.publish(TOPIC, [told("C1", "order")])
        await topics.publish(OTHER, [told("C1", "payment")])
        one, both = await topics.read("g", [TOPIC], "m"), await topics.read("h", [TOPIC, OTHER], "m")
        assert [r.value for r in await drained(one, 1)] == [b"order"]
        assert {r.value for r in await drained(both, 2)} == {b"order", b"payment"}
        assert await one.fetch(10, 0.1) == []
        await one.close()
        await both.close()

    async def test_members_share_the_parts_and_give_them_back(self, topics: Topics) -> None:
        one = await topics.read("g", [TOPIC], "one")
        assert len((await shared_out(one))[0]) == PARTS
        other = await topics.read("g", [TOPIC], "other")
        assert [len(held) for held in await shared_out(one, other)] == [6, 6]
        await one.close()
        assert len((await shared_out(other))[0]) == PARTS
        await other.close()

    async def test_who_lost_a_part_cannot_commit_it(self, topics: Topics) -> None:
        await topics.publish(TOPIC, [told(f"C{n}", str(n)) for n in range(40)])
        one = await topics.read("g", [TOPIC], "one")
        got = await drained(one, 40)
        other = await topics.read("g", [TOPIC], "other")
        _, taken = await shared_out(one, other)
        with pytest.raises(Lost):
            await one.commit(following(_of(got, taken)))
        await one.close()
        await other.close()

    async def test_nothing_is_lost_while_members_come_and_go(self, topics: Topics) -> None:
        """What was fetched and not committed comes again, to whoever has the part then."""
        await topics.publish(TOPIC, [told(f"C{n}", str(n)) for n in range(40)])
        one = await topics.read("g", [TOPIC], "one")
        got = await drained(one, 40)
        done = got[:25]
        await one.commit(following(done))
        left = {r.place for r in got} - {r.place for r in got if r.offset < following(done).get((r.topic, r.part), 0)}
        late = await topics.read("g", [TOPIC], "late")
        await one.close()
        assert {r.place for r in await drained(late, len(left))} == left
        await late.close()


def _of(records: Sequence[Record], parts: set[tuple[str, int]]) -> list[Record]:
    return [r for r in records if (r.topic, r.part) in parts]

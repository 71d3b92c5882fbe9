"""What every bus promises: a subclass with a fixture `bus` over `store` shows that an implementation keeps it."""

import asyncio
from collections.abc import Sequence

import pytest

from engine import ids
from engine.ports import PARTS, Bus, Delivery, Place, Subscription
from engine.store import PostgresStore
from engine.testing.sample_views import append, owner_set, paid

CUSTOMERS = [f"C{n}" for n in range(40)]


async def drained(subscription: Subscription, count: int, within: float = 30.0) -> list[Delivery]:
    """The next `count` deliveries."""
    found: list[Delivery] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            found += await subscription.fetch(count - len(found), 0.2)
    return found


async def shared_out(*members: Subscription, within: float = 30.0) -> list[set[tuple[str, int]]]:
    """What each member holds once every part of the topic has exactly one of them."""
    async with asyncio.timeout(within):
        while True:
            for member in members:
                await member.fetch(1, 0.05)
            held = [set(await m.assigned()) for m in members]
            if sum(map(len, held)) == PARTS == len(set.union(*held)) and all(held):
                return held


def chained(deliveries: Sequence[Delivery]) -> bool:
    """Whether each delivery names the one before it in its part."""
    last: dict[tuple[str, int], int] = {}
    for d in deliveries:
        if d.previous != last.get((d.topic, d.part), 0) or d.position <= d.previous:
            return False
        last[d.topic, d.part] = d.position
    return True


class BusSuite:
    """Fixtures: `store` (an empty log holding the contexts credit and customer) and `bus` (over it, leases short)."""

    async def test_a_group_gets_every_event_of_its_topics_once_and_each_part_in_order(
        self, store: PostgresStore, bus: Bus
    ) -> None:
        await append(store, *[paid(c, 1) for c in CUSTOMERS], *[owner_set(c, "ann") for c in CUSTOMERS])
        subscription = await bus.subscribe("g", ["credit", "customer"], "one")
        got = await drained(subscription, 80)
        assert len({(d.topic, d.position) for d in got}) == 80
        assert chained(got)
        assert {d.topic for d in got} == {"credit", "customer"}
        assert await subscription.fetch(10, 0.05) == []
        await subscription.close()

    async def test_what_is_appended_while_waiting_arrives_soon(self, store: PostgresStore, bus: Bus) -> None:
        subscription = await bus.subscribe("g", ["credit"], "one")
        waiting = asyncio.create_task(subscription.fetch(10, 60))
        await asyncio.sleep(0.2)
        position = await append(store, paid("C1", 1))
        async with asyncio.timeout(10):
            assert [d.position for d in await waiting] == [position]
        await subscription.close()

    async def test_all_events_of_a_customer_lie_in_one_part_of_every_topic(
        self, store: PostgresStore, bus: Bus
    ) -> None:
        await append(store, paid("C7", 1), owner_set("C7", "ann"), paid("C7", 2))
        subscription = await bus.subscribe("g", ["credit", "customer"], "one")
        assert {d.part for d in await drained(subscription, 3)} == {ids.part_of("C7")}
        await subscription.close()

    async def test_a_record_carries_the_event_as_it_was_stored(self, store: PostgresStore, bus: Bus) -> None:
        position = await append(store, paid("C1", "10.50"))
        subscription = await bus.subscribe("g", ["credit"], "one")
        (delivery,) = await drained(subscription, 1)
        (stored,) = await store.read_all(0, 10)
        assert store.serde.decode(delivery.raw) == stored
        assert (delivery.position, delivery.previous) == (position, 0)
        assert delivery.incarnation == await bus.incarnation("credit") == await store.incarnation()
        await subscription.close()

    async def test_two_groups_each_get_everything(self, store: PostgresStore, bus: Bus) -> None:
        await append(store, *[paid(c, 1) for c in CUSTOMERS])
        one, other = await bus.subscribe("g", ["credit"], "m"), await bus.subscribe("h", ["credit"], "m")
        assert len(await drained(one, 40)) == len(await drained(other, 40)) == 40
        await one.close()
        await other.close()

    async def test_members_share_the_parts_and_give_them_back(self, store: PostgresStore, bus: Bus) -> None:
        one = await bus.subscribe("g", ["credit"], "one")
        assert len((await shared_out(one))[0]) == PARTS
        other = await bus.subscribe("g", ["credit"], "other")
        held = await shared_out(one, other)
        assert [len(h) for h in held] == [6, 6]
        third = await bus.subscribe("g", ["credit"], "third")
        assert [len(h) for h in await shared_out(one, other, third)] == [4, 4, 4]
        await other.close()
        assert [len(h) for h in await shared_out(one, third)] == [6, 6]
        await one.close()
        assert len((await shared_out(third))[0]) == PARTS
        await third.close()

    async def test_every_change_of_hands_raises_the_epoch(self, store: PostgresStore, bus: Bus) -> None:
        one = await bus.subscribe("g", ["credit"], "one")
        await shared_out(one)
        before = dict(await one.assigned())
        other = await bus.subscribe("g", ["credit"], "other")
        await shared_out(one, other)
        taken = await other.assigned()
        assert taken
        assert all(epoch > before[at] for at, epoch in taken.items())
        await one.close()
        await other.close()

    async def test_reading_can_go_on_anywhere(self, store: PostgresStore, bus: Bus) -> None:
        for n in range(5):
            await append(store, paid("C1", n + 1))
        subscription = await bus.subscribe("g", ["credit"], "one")
        got = await drained(subscription, 5)
        third = got[2]
        await subscription.seek(Place("credit", third.part, third.position, third.offset + 1))
        again = await drained(subscription, 2)
        assert [d.position for d in again] == [d.position for d in got[3:]]
        assert again[0].previous == third.position
        await subscription.close()

    async def test_the_feed_fills_any_gap(self, store: PostgresStore, bus: Bus) -> None:
        for n in range(4):
            await append(store, paid("C1", n + 1), owner_set("C1", f"o{n}"), paid("C2", n + 1))
        part = ids.part_of("C1")
        whole = await bus.feed("credit", part, 0, 100)
        assert chained(whole)
        rest = await bus.feed("credit", part, whole[1].position, 1)
        assert [(d.position, d.previous) for d in rest] == [(whole[2].position, whole[1].position)]
        assert (await bus.head("credit"))[part] == whole[-1].position

    @pytest.mark.parametrize("members", [1, 3])
    async def test_nothing_is_lost_while_members_come_and_go(
        self, store: PostgresStore, bus: Bus, members: int
    ) -> None:
        """Nothing was committed here, so the last owner of a part reads it from its start, each time it gets it."""
        subscriptions = [await bus.subscribe("g", ["credit"], f"m{n}") for n in range(members)]
        await append(store, *[paid(c, 1) for c in CUSTOMERS])
        await shared_out(*subscriptions)
        late = await bus.subscribe("g", ["credit"], "late")
        for leaver in subscriptions:
            await leaver.close()
        got = set[int]()
        async with asyncio.timeout(30):
            while len(got) < 40:
                got |= {d.position for d in await late.fetch(40, 0.2)}
        await late.close()

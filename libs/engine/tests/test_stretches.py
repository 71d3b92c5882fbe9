"""A stretch of a log is read once, whoever follows it, and never shown after the log began another life."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from engine.ports import RawEvent
from engine.stretches import KEPT, SIZE, Stretches


class Log:
    """A log of `topics` in turn, up to `head`; notes what was read of it."""

    def __init__(self, *topics: str) -> None:
        self.topics, self.life, self.read = topics, UUID(int=1), list[tuple[int, int]]()

    async def fetch(self, after: int, upto: int) -> tuple[UUID, Sequence[RawEvent]]:
        self.read.append((after, upto))
        await asyncio.sleep(0)
        return self.life, [self.event(position) for position in range(after + 1, upto + 1)]

    def event(self, position: int) -> RawEvent:
        kind = f"{self.topics[position % len(self.topics)]}.Happened"
        day, instant = date(2026, 1, 5), datetime(2026, 1, 5, tzinfo=UTC)
        return RawEvent(position, 0, "s", position, self.life, kind, 1, "C1", "kehu", "{}", "{}", day, instant)


async def positions(stretches: Stretches, topic: str, after: int, upto: int) -> tuple[list[int], int]:
    _, events, reached = await stretches.read(topic, after, upto)
    return [e.position for e in events], reached


async def test_it_is_read_once_for_all_who_follow_it() -> None:
    log = Log("credit", "customer")
    stretches = Stretches(log.fetch)
    found = await asyncio.gather(*(positions(stretches, topic, 0, 6) for topic in ("credit", "customer", "credit")))
    assert found == [([2, 4, 6], 6), ([1, 3, 5], 6), ([2, 4, 6], 6)]
    assert await positions(stretches, "credit", 4, 9) == ([6, 8], 9)
    assert await positions(stretches, "customer", 5, 8) == ([7], 8)
    assert await positions(stretches, "other", 0, 9) == ([], 9)
    assert log.read == [(0, 6), (6, 9)]


async def test_who_is_further_back_has_it_read_from_there() -> None:
    log = Log("credit")
    stretches = Stretches(log.fetch)
    assert await positions(stretches, "credit", 100, 103) == ([101, 102, 103], 103)
    assert await positions(stretches, "credit", 98, 101) == ([99, 100, 101], 101)
    assert await positions(stretches, "credit", 102, 103) == ([103], 103)
    assert log.read == [(100, 103), (98, 103)]


async def test_it_ends_with_its_stretch_and_few_are_held() -> None:
    log = Log("credit")
    stretches = Stretches(log.fetch)
    assert (await positions(stretches, "credit", SIZE - 1, SIZE + 2)) == ([SIZE], SIZE)
    for n in range(1, KEPT + 1):
        await positions(stretches, "credit", n * SIZE, (n + 1) * SIZE)
    log.read.clear()
    await positions(stretches, "credit", 2 * SIZE, 3 * SIZE)
    assert log.read == []
    await positions(stretches, "credit", SIZE - 1, SIZE)
    assert log.read == [(SIZE - 1, SIZE)]


async def test_nothing_of_an_earlier_life_is_shown_with_what_a_later_one_added() -> None:
    log = Log("credit")
    stretches = Stretches(log.fetch)
    await stretches.read("credit", 0, 3)
    log.life = UUID(int=2)
    life, events, _ = await stretches.read("credit", 0, 5)
    assert (life, {e.id for e in events}, len(events)) == (UUID(int=2), {UUID(int=2)}, 5)
    log.life = UUID(int=3)
    assert (await stretches.read("credit", 0, 5))[0] == UUID(int=2)
    stretches.forget()
    life, events, _ = await stretches.read("credit", 0, 5)
    assert (life, {e.id for e in events}) == (UUID(int=3), {UUID(int=3)})


async def test_a_read_that_fails_is_made_again() -> None:
    log = Log("credit")
    failing = [ConnectionResetError()]

    async def fetch(after: int, upto: int) -> tuple[UUID, Sequence[RawEvent]]:
        if failing:
            raise failing.pop()
        return await log.fetch(after, upto)

    stretches = Stretches(fetch)
    found = await asyncio.gather(
        positions(stretches, "credit", 0, 2), positions(stretches, "credit", 0, 2), return_exceptions=True
    )
    assert [type(f) for f in found] == [ConnectionResetError, tuple]
    assert found[1] == ([1, 2], 2)

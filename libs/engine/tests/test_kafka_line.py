"""A window holds all that is above its floor; a line begins so that nothing falls between Kafka's end and the log's."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition

from engine import clock, ids
from engine.claims import Claims
from engine.consumer import Batch, Standing, standings
from engine.database import Database
from engine.decoding import Letter
from engine.faults import Lost
from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.kafka.bus import KafkaSubscription
from engine.kafka.line import Line, Window
from engine.kafka.records import written
from engine.ports import Delivery, RawEvent
from engine.tablebus import Cursor
from engine.testing.sample_views import DAY

OLD, LIFE = ids.new(), ids.new()
ACCESS = Access("nowhere:1")
PARTITION = TopicPartition(ACCESS.topic("credit"), 3)
AT = ("credit", 3)


def raw(position: int) -> RawEvent:
    meta = '{"actor":"a","correlation":"00000000-0000-0000-0000-000000000000","origin":"live"}'
    return RawEvent(position, 3, "s", 1, ids.new(), "credit.HoldDropped", 1, "C", "k", "{}", meta, DAY, clock.now())


@dataclass
class Message:
    """A record as the client gives it."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    topic: str = PARTITION.topic
    partition: int = 3
    offset: int = 0


def record(position: int, previous: int, life: UUID = LIFE) -> Message:
    _, value, headers = written(raw(position), "credit", previous, life)
    return Message(value, headers)


@dataclass
class Owners:
    """A log and what was published of it: whoever looks at either finds that another event follows at once."""

    head: int = 10
    life: UUID = LIFE
    late: bool = False
    sought: int | None = None
    topics: Sequence[str] = ("credit",)
    looks: list[int] = field(default_factory=list)
    wanted: None = None

    async def now(self, topic: str) -> tuple[UUID, int]:
        self.head += 1
        return self.life, self.head - 1

    async def lacks(self, topic: str, last: Mapping[int, int], upto: int) -> bool:
        self.looks.append(upto)
        return self.late

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.head += 1
        return {PARTITION: self.head}  # position n lies at offset n; what follows the look is there, too

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought = offset


@pytest.fixture
def owners() -> Owners:
    return Owners()


@pytest.fixture
def line(owners: Owners) -> Line:
    made = Line(Layout(ACCESS), "g", "m", owners)  # type: ignore[arg-type]
    made._consumer = owners
    return made


def positions(window: Window, above: int = 0) -> list[int]:
    return [found[0] for found in window.above(above, 100)]


def test_a_window_takes_what_follows_and_drops_what_comes_again() -> None:
    window = Window(LIFE, 5)
    assert window.take(5, raw(8))
    assert window.take(3, raw(5))
    assert window.take(5, raw(8))
    assert window.take(8, raw(9))
    assert positions(window) == [8, 9]
    assert window.floor == 5


def test_a_window_that_misses_something_begins_anew_above_it() -> None:
    window = Window(LIFE, 5)
    window.take(5, raw(8))
    assert not window.take(12, raw(13))
    assert positions(window) == [13]
    assert window.floor == 12, "what lies below is read from the owner's log"


async def test_a_line_begins_so_that_nothing_falls_between_where_kafka_ends_and_where_the_log_does(
    line: Line, owners: Owners
) -> None:
    line._unbegun = {PARTITION}
    await line._begin()
    window = line.windows[AT]
    assert owners.sought is not None
    missing = [n for n in range(1, owners.head + 1) if n > window.floor and n < owners.sought]
    assert missing == [], "neither read from the log nor from Kafka"
    assert line._unbegun == set()


async def test_events_of_another_life_begin_a_window_of_that_life(line: Line, owners: Owners) -> None:
    line.windows[AT] = Window(OLD, 50)
    generation = line.generation
    await line._take(PARTITION, [record(7, 5)])
    assert line.windows[AT].life == LIFE
    assert line.generation > generation, "readers would not look again"
    assert line.windows[AT].floor == 10, "what came before lies in the log"


async def test_events_of_a_life_that_is_over_are_passed_over(line: Line) -> None:
    line.windows[AT] = Window(LIFE, 10)
    await line._take(PARTITION, [record(11, 10, OLD), record(12, 10)])
    assert positions(line.windows[AT]) == [12]


async def test_a_position_of_another_life_is_noticed_although_it_was_seen(line: Line) -> None:
    line.windows[AT] = Window(OLD, 50)
    await line._take(PARTITION, [record(50, 5)])
    assert line.windows[AT].life == LIFE


async def test_what_does_not_come_through_kafka_is_read_from_the_log_at_the_second_look(
    line: Line, owners: Owners
) -> None:
    line.windows[AT] = Window(LIFE, 4)
    await line._look()
    assert owners.looks == [0], "what was recorded just now may still come"
    owners.late = True
    await line._look()
    assert owners.looks == [0, 10]
    assert line.windows[AT].floor >= 10


async def test_what_came_of_another_life_is_not_handed_out_as_of_the_one_claimed(line: Line, owners: Owners) -> None:
    line.windows[AT] = window = Window(LIFE, 5)
    window.take(5, raw(8))
    reader = KafkaSubscription(owners, ["credit"], None, line, 1.0)  # type: ignore[arg-type]
    for life, expected in ((OLD, []), (LIFE, [8])):
        reader._lives, reader._cursors = {"credit": life}, {AT: Cursor(5, 5)}
        found = reader._live("credit", {3: reader._cursors[AT]}, 100)
        assert [d.position for d in found] == expected


@pytest.mark.parametrize(
    "strange",
    [
        Message(None, []),
        Message(b"", []),
        Message(b"{}", [("ce_sequence", b"many")]),
        Message(b"{}", [("ce_sequence", b"12")]),
        Message(b"{}", [*record(12, 11).headers[:5]]),
    ],
)
async def test_a_record_of_a_stranger_is_passed_over(line: Line, strange: Message) -> None:
    line.windows[AT] = Window(LIFE, 11)
    await line._take(PARTITION, [strange, record(13, 11)])
    assert positions(line.windows[AT]) == [13]


async def test_a_part_taken_over_by_another_member_is_moved_by_that_one_only(service: Database) -> None:
    one, other = Claims(service.pool, "g"), Claims(service.pool, "g")
    await one.begin({"credit": LIFE})
    before = (await one.claim([AT]))[AT]
    after = (await other.claim([AT]))[AT]
    assert after.epoch > before.epoch
    assert await one.owned() == {}
    with pytest.raises(Lost):
        await moved(service, before.epoch)
    await moved(service, after.epoch)
    assert (await standings(service.pool, "g"))[AT].last == 9


async def moved(service: Database, epoch: int) -> None:
    delivery = Delivery("credit", 3, 9, LIFE, 9, 0, raw(9))
    async with service.pool.acquire() as session, session.transaction():
        await Batch("g", {AT: Standing(LIFE, 0, 0, epoch)}, [Letter(delivery)], whole=True).commit(session)


async def test_windows_that_nobody_empties_are_let_go_for_the_log_has_it(line: Line, monkeypatch: Any) -> None:
    monkeypatch.setattr("engine.kafka.line.MOST", 4)
    monkeypatch.setattr("engine.kafka.line.MANY", 2)
    monkeypatch.setattr(asyncio, "wait_for", _at_once)
    line.windows[AT] = window = Window(LIFE, 0)
    for n in range(1, 9):
        window.take(n - 1, raw(n))
    await line._room()
    assert positions(window) == [6, 7, 8]
    assert window.floor == 5


async def _at_once(waiting: Any, timeout: float) -> None:
    waiting.close()
    raise TimeoutError

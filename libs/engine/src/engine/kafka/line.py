"""What Kafka brings to one process, read once for all its readers of one kind.

A line is a member of a Kafka group, which gives it parts: of every topic the same ones. What comes in a part is kept in
a window until the readers have it. A window is complete from its floor on; what lies below, and what got lost on the
way, is read from the owner's log. So a line begins at the end of each part, whatever Kafka still keeps.
"""

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from engine.faults import Halted
from engine.kafka import records
from engine.kafka.admin import Layout
from engine.kafka.clients import bounded, started
from engine.ports import RawEvent
from engine.tablebus import TableBus

log = logging.getLogger("kehu.kafka")

At = tuple[str, int]
"""A topic (of the port: a context) and one of its parts."""

AT_ONCE = 5_000
MANY, MOST = 2_000, 20_000
"""Events in all windows from which on what all have read is let go, and from which on readers are waited for."""
LATE = 10.0
"""Seconds after which what was in the owner's log and has not come through Kafka is read from there."""
PAUSE = 0.5
_position = itemgetter(0)


class Window:
    """The events of a part above `floor`, in order, as far as they came."""

    __slots__ = ("floor", "life", "raws")

    def __init__(self, life: UUID, floor: int) -> None:
        self.life, self.floor, self.raws = life, floor, list[RawEvent]()

    @property
    def last(self) -> int:
        """Up to here nothing is missing."""
        return self.raws[-1][0] if self.raws else self.floor

    def above(self, position: int, most: int) -> Sequence[RawEvent]:
        """At most so many events above `position`, which is not below the floor."""
        start = bisect_right(self.raws, position, key=_position)
        return self.raws[start : start + most]

    def take(self, previous: int, raw: RawEvent) -> bool:
        """Add what is new; False where something between is missing: the window begins anew, just below it."""
        if raw[0] <= self.last:
            return True
        complete = previous <= self.last
        if not complete:
            self.raise_to(raw[0] - 1)
        self.raws.append(raw)
        return complete

    def raise_to(self, floor: int) -> None:
        """Let go of what lies at `floor` or below; it may lie beyond the last event."""
        del self.raws[: bisect_right(self.raws, floor, key=_position)]
        self.floor = max(self.floor, floor)


class Reader(Protocol):
    """Who reads from a line."""

    def news(self) -> None:
        """Something came, or the parts are others now."""
        ...

    def read_to(self, at: At) -> int | None:
        """Up to which position the reader has this part; None where it does not read it."""
        ...


class Line(ConsumerRebalanceListener):  # type: ignore[misc]
    """Member `member` of `group` over the topics of `owners`. `generation` rises whenever the parts may be others.

    `broken`: what a person has to mend before there is anything to read.
    """

    def __init__(self, layout: Layout, group: str, member: str, owners: TableBus) -> None:
        self.windows: dict[At, Window] = {}
        self.generation = 0
        self.broken: Halted | None = None
        self._layout, self._access = layout, layout.access
        self._group, self._member, self._owners = group, member, owners
        self._topics = {self._access.topic(context): context for context in owners.topics}
        self._readers: set[Reader] = set()
        self._heads: dict[str, int] = {}
        self._unbegun: set[TopicPartition] = set()
        self._assignment, self._beginning = 0, asyncio.Lock()
        self._strangers = defaultdict[str, int](int)
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._read_on = asyncio.Event()

    def join(self, reader: Reader) -> None:
        """Tell `reader` of news from now on; the first one makes the line begin."""
        self._readers.add(reader)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"line {self._group}")

    async def leave(self, reader: Reader) -> bool:
        """Nothing more for `reader`; True where it was the last one, so that the line ended."""
        self._readers.discard(reader)
        if self._readers or self._task is None:
            return False
        task, self._task = self._task, None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True

    def moved(self) -> None:
        """A reader has read on: there may be room again."""
        self._read_on.set()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The parts go to others; a reader at work finds out when it commits."""
        self._unbegun.clear()
        self._assignment += 1
        self.windows.clear()
        self._other()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin at the end of each part. What fails here is done by the loop, again."""
        self._unbegun = set(assigned)
        self._assignment += 1
        with contextlib.suppress(Exception):
            await self._begin()

    async def _run(self) -> None:
        while True:
            try:
                await self._layout.present(self._topics)
                self.broken = None
                await self._follow()
            except Halted as halted:
                self.broken = halted
                self._tell()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("%s: Kafka cannot be read, trying again: %r", self._group, error)
            except Exception:
                log.exception("%s: reading Kafka failed", self._group)
            await asyncio.sleep(PAUSE)

    async def _follow(self) -> None:
        """Be a member until something fails that only a new one mends."""
        self._consumer = consumer = AIOKafkaConsumer(
            **self._access.options(),
            **self._access.membership(),
            client_id=self._member,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=[RangePartitionAssignor],  # of each topic the same parts
            max_partition_fetch_bytes=4 << 20,
        )
        try:
            await started(consumer)
            consumer.subscribe(sorted(self._topics), listener=self)
            looked = asyncio.get_running_loop().time()
            while True:
                if self._unbegun:
                    await self._begin()
                await self._room()
                await self._fetch(consumer)
                if asyncio.get_running_loop().time() - looked > LATE:
                    await self._look()
                    looked = asyncio.get_running_loop().time()
        finally:
            self.windows.clear()
            self._unbegun.clear()
            self._other()
            await bounded(consumer.stop())

    async def _fetch(self, consumer: AIOKafkaConsumer) -> None:
        try:
            found = await consumer.getmany(timeout_ms=500, max_records=AT_ONCE)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as lost:
            log.warning("%s: what follows is not kept any more, beginning at the end: %s", self._group, lost)
            self._unbegun |= consumer.assignment()
            return
        for partition, messages in found.items():
            await self._take(partition, messages)
        if found:
            for reader in self._readers:
                reader.news()

    async def _begin(self) -> None:
        """First where Kafka ends, then where the logs end: what is appended after that comes after it in Kafka, too.

        One at a time: who seeks later than the logs were looked at would leave something out.
        """
        async with self._beginning:
            partitions, consumer, assignment = set(self._unbegun), self._consumer, self._assignment
            if not partitions or consumer is None:
                return
            ends = await consumer.end_offsets(partitions)
            if assignment != self._assignment:
                return
            for partition, end in ends.items():
                consumer.seek(partition, end)
            contexts = {self._topics[p.topic] for p in partitions}
            nows = {context: await self._owners.now(context) for context in contexts}
            if assignment == self._assignment:
                self._unbegun -= partitions
                self.windows |= {(c, p.partition): Window(*nows[c]) for p in partitions if (c := self._topics[p.topic])}
                self._other()

    async def _take(self, partition: TopicPartition, messages: Sequence[Any]) -> None:
        at = self._topics[partition.topic], partition.partition
        for message in messages:
            window = self.windows.get(at)
            if window is None:
                return
            try:
                if records.position_of(message.headers) <= window.last and self._same(message, window):
                    continue
                said = records.read(partition.partition, message.value, message.headers)
            except (records.NotOurs, TypeError, AttributeError) as strange:
                self._strange(message, strange)
                continue
            if said.life != window.life and not await self._lives(at[0], said.life):
                continue
            if at in self.windows:  # not given to others meanwhile
                self.windows[at].take(said.previous, said.raw)

    def _same(self, message: Any, window: Window) -> bool:
        return dict(message.headers).get("ce_kehulife") == str(window.life).encode()

    async def _lives(self, context: str, life: UUID) -> bool:
        """Whether this is the life the owner's store lives now. Then all that was read before is of another one."""
        now, head = await self._owners.now(context)
        if now == life:
            self._live_on(context, now, head)
        else:
            self._strangers[context] += 1
            if self._strangers[context] == 1:
                log.warning("%s: events of another life of %s are passed over", self._group, context)
        return now == life

    def _live_on(self, context: str, life: UUID, head: int) -> None:
        self.windows |= {at: Window(life, head) for at in self.windows if at[0] == context}
        self._other()

    async def _look(self) -> None:
        """What lay in the owners' logs at the last look and has not come yet: readers get it from there."""
        if {context for context, _ in self.windows} != set(self._topics.values()):
            await self._missed()
        for context in set(self._topics.values()):
            parts = {part: window for (topic, part), window in self.windows.items() if topic == context}
            if not parts:
                continue
            life, head = await self._owners.now(context)
            if any(window.life != life for window in parts.values()):
                self._live_on(context, life, head)
                continue
            before, self._heads[context] = self._heads.get(context, 0), head
            if await self._owners.lacks(context, {p: w.last for p, w in parts.items()}, before):
                log.warning("%s: %s is late in Kafka, read from its owner's log", self._group, context)
                for window in parts.values():
                    window.raise_to(head)
                self._tell()

    async def _missed(self) -> None:
        """Of some topics we have no part: we are one too many, or they are gone, and nobody would ever say so."""
        self._layout.doubt()
        await self._layout.present(self._topics)

    async def _room(self) -> None:
        """Let go of what all readers have; wait for the slow ones, but not for long: they can read the log."""
        if self._held() > MANY:
            self._let_go()
        if self._held() > MOST:
            self._read_on.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._read_on.wait(), 1.0)
            self._let_go()
        if self._held() > MOST:
            for window in self.windows.values():
                if window.raws:
                    window.raise_to(window.raws[len(window.raws) // 2][0])

    def _let_go(self) -> None:
        for at, window in self.windows.items():
            reached = [to for reader in self._readers if (to := reader.read_to(at)) is not None and to >= window.floor]
            if reached and window.raws:
                window.raise_to(min(*reached, window.last))

    def _held(self) -> int:
        return sum([len(window.raws) for window in self.windows.values()])

    def _other(self) -> None:
        self.generation += 1
        self._tell()

    def _tell(self) -> None:
        for reader in self._readers:
            reader.news()

    def _strange(self, message: Any, error: Exception) -> None:
        self._strangers[message.topic] += 1
        if self._strangers[message.topic] <= 3:
            log.error("%s/%s/%s is no event of ours: %s", message.topic, message.partition, message.offset, error)

    def lives(self, contexts: Iterable[str]) -> Mapping[str, UUID]:
        """Which life of each log the windows are of."""
        return {at[0]: window.life for at, window in self.windows.items() if at[0] in contexts}

"""Stored topics on Kafka: documents of the ERP come in, receipts go out. Offsets only say where to go on."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from engine.faults import Lost
from engine.kafka.access import Access, Unreachable, asking, said
from engine.kafka.admin import Layout, counts, forget
from engine.kafka.clients import bounded, started
from engine.kafka.sending import Entry, Sender
from engine.ports import PARTS
from engine.tabletopics import part_of
from engine.topics import Message, Record

log = logging.getLogger("kehu.kafka")
NAMED = "kehu.{group}"
LATE = 10.0
"""Seconds between two looks whether the topics are still there."""


class KafkaTopics:
    """Topics of a cluster. `name` is that of the service, in the names of its groups and clients."""

    def __init__(self, layout: Layout, name: str) -> None:
        self._layout, self._access, self._name = layout, layout.access, name
        self._sender = Sender(self._access, f"kehu-{name}-documents")
        self._sending = asyncio.Lock()
        self._groups: dict[str, tuple[str, ...]] = {}

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Add the messages in their order; acknowledged when this returns. Raises Unreachable: perhaps some are in.

        Where there is none to add, the topic is there afterwards.
        """
        await self._layout.present([self._access.named(topic)])
        if not messages:
            return
        entries: defaultdict[tuple[str, int], list[Entry]] = defaultdict(list)
        for message in messages:
            at = self._access.named(topic), part_of(message)
            entries[at].append(Entry(message.key, message.value, message.headers))
        async with self._sending:
            try:
                await self._sender.send(entries)
            except Unreachable:
                self._layout.doubt()
                raise

    async def read(self, group: str, topics: Sequence[str], member: str) -> "KafkaReading":
        """Join `group`; its members share the parts of `topics`. Raises Unreachable, Halted."""
        self._groups[group] = tuple(topics)  # at once: what it read before is swept at the start, too
        await self._layout.present(map(self._access.named, topics))
        reading = KafkaReading(self._layout, self._access.named(NAMED.format(group=group)), topics, member)
        await reading.start()
        return reading

    async def sweep(self, keep: timedelta, topics: Sequence[str] | None = None) -> int:
        """Remove what was read in those of `topics` that may keep nothing; all else the broker's retention removes.

        How many offsets were passed.
        """
        if keep or not topics:
            return 0
        return sum([await self._swept(group, topics) for group in list(self._groups)])

    async def _swept(self, group: str, topics: Sequence[str]) -> int:
        mine = [topic for topic in self._groups[group] if topic in topics]
        if not mine:
            return 0
        name, named = self._access.named(NAMED.format(group=group)), [self._access.named(topic) for topic in mine]
        await self._layout.present(named)
        return await _forget_read(self._access, name, named)

    async def close(self) -> None:
        """Nothing more is published."""
        await self._sender.close()


class KafkaReading(ConsumerRebalanceListener):  # type: ignore[misc]
    """Membership of one reader; not for use by several tasks at a time."""

    def __init__(self, layout: Layout, group: str, topics: Sequence[str], member: str) -> None:
        access = layout.access
        self._layout, self._looked = layout, monotonic()
        self._names = {access.named(topic): topic for topic in topics}
        self._group, self._unbegun = group, set[TopicPartition]()
        self._assignment, self._beginning = 0, asyncio.Lock()
        self._consumer = AIOKafkaConsumer(
            **access.options(),
            **access.membership(),
            client_id=member,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=[RangePartitionAssignor],
        )

    async def start(self) -> None:
        """Become a member. Raises Unreachable."""
        with asking(self._group):
            try:
                await started(self._consumer)
                self._consumer.subscribe(sorted(self._names), listener=self)
            except KafkaError:
                await self.close()
                raise

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:
        """The next records of the parts held, at most `limit`, waiting at most `timeout` seconds for the first."""
        with asking(self._group):
            if self._unbegun:
                await self._begin()
            try:
                found = await self._consumer.getmany(timeout_ms=int(timeout * 1000), max_records=limit)
            except (OffsetOutOfRangeError, NoOffsetForPartitionError):
                self._unbegun |= self._consumer.assignment()
                return []
            if monotonic() - self._looked > LATE:
                await self._look()
        return [self._record(m) for messages in found.values() for m in messages]

    async def _look(self) -> None:
        """Of topics that are gone we have no part, and nobody would ever say so. Raises Halted, Unreachable."""
        self._looked = monotonic()
        if {part.topic for part in self._consumer.assignment()} != self._names.keys():
            self._layout.doubt()
            await self._layout.present(self._names)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Whoever reads these (topic, part) next begins there. Raises Lost where one is not held any more."""
        names = {topic: name for name, topic in self._names.items()}
        try:
            await self._consumer.commit({TopicPartition(names[t], p): offset for (t, p), offset in offsets.items()})
        except (CommitFailedError, IllegalStateError) as other:
            raise Lost(f"{self._group}: a part is another member's now") from other
        except KafkaError as error:
            raise Unreachable(f"{self._group}: {said(error)}") from error

    async def assigned(self) -> Sequence[tuple[str, int]]:
        """The (topic, part) pairs held now."""
        return [(self._names[p.topic], p.partition) for p in self._consumer.assignment() - self._unbegun]

    async def close(self) -> None:
        """Leave the group; the parts go to the others."""
        await bounded(self._consumer.stop())

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """What was fetched of them and not committed comes again, to whoever has them then."""
        self._unbegun.clear()
        self._assignment += 1

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin where the group committed. What fails here is done by the next fetch, again."""
        self._unbegun = set(assigned)
        self._assignment += 1
        with contextlib.suppress(Exception):
            await self._begin()

    async def _begin(self) -> None:
        """One at a time: who seeks back when somebody has read on would get it all again."""
        async with self._beginning:
            parts, consumer, assignment = set(self._unbegun), self._consumer, self._assignment
            if not parts:
                return
            oldest = await consumer.beginning_offsets(parts)
            committed = {part: await consumer.committed(part) for part in parts}
            if assignment == self._assignment:
                for part, at in committed.items():
                    self._missed(part, at, oldest[part])
                    consumer.seek(part, max(at or 0, oldest[part]))
                self._unbegun -= parts

    def _missed(self, part: TopicPartition, committed: int | None, oldest: int) -> None:
        if committed is not None and committed < oldest:
            log.critical(
                "%s: %s/%s: documents %s to %s were removed before they were read: have them sent again",
                self._group, part.topic, part.partition, committed, oldest - 1,
            )  # fmt: skip

    def _record(self, message: Any) -> Record:
        published = datetime.fromtimestamp(message.timestamp / 1000, UTC)
        return Record(
            self._names[message.topic], message.partition, message.offset, message.key, message.value or b"",
            tuple((name, value or b"") for name, value in message.headers), published,
        )  # fmt: skip


async def everything(access: Access, topic: str) -> list[Any]:
    """All records that lie in `topic` now, part by part, but none that was undone. Raises Unreachable."""
    parts = await _parts(access, [topic])
    if not parts:
        return []
    consumer = AIOKafkaConsumer(
        **access.options(), enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    found: list[Any] = []
    with asking(topic):
        try:
            await started(consumer)
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
            left = list(parts)
            while left := [part for part in left if await consumer.position(part) < ends[part]]:
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    found += messages
        finally:
            await bounded(consumer.stop())
    return found


async def _parts(access: Access, topics: Sequence[str]) -> list[TopicPartition]:
    return [TopicPartition(topic, part) for topic, n in (await counts(access, topics)).items() for part in range(n)]


class Listening:
    """Hears what is published in a topic from now on, in no group: nobody else hears less for it."""

    def __init__(self, access: Access, topic: str) -> None:
        self._name, self._topic = access.named(topic), topic
        self._consumer = AIOKafkaConsumer(**access.options())

    async def start(self) -> None:
        """What is published after this is heard. Raises Unreachable."""
        with asking(self._topic):
            try:
                await started(self._consumer)
                parts = [TopicPartition(self._name, part) for part in range(PARTS)]
                self._consumer.assign(parts)
                ends = await self._consumer.end_offsets(parts)
                for part, end in ends.items():
                    self._consumer.seek(part, end)
            except KafkaError:
                await self.close()
                raise

    async def fetch(self, timeout: float) -> Sequence[bytes]:
        """The next values, waiting at most `timeout` seconds for the first."""
        with asking(self._topic):
            found = await self._consumer.getmany(timeout_ms=int(timeout * 1000))
        return [message.value or b"" for messages in found.values() for message in messages]

    async def close(self) -> None:
        """Hear no more."""
        await bounded(self._consumer.stop())


async def _forget_read(access: Access, group: str, topics: Sequence[str]) -> int:
    """Remove what `group` has committed in these topics."""
    parts = await _parts(access, topics)
    consumer = AIOKafkaConsumer(**access.options(), group_id=group, enable_auto_commit=False)
    with asking(group):
        try:
            await started(consumer)
            consumer.assign(parts)  # it learns where these lie, and of no others
            oldest = await consumer.beginning_offsets(parts)
            read = {part: await consumer.committed(part) or 0 for part in parts}
        finally:
            await bounded(consumer.stop())
    passed = {part: at for part, at in read.items() if at > oldest.get(part, 0)}
    if passed:
        await forget(access, passed)
    return sum(at - oldest[part] for part, at in passed.items())

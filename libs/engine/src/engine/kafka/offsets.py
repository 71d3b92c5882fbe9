"""Where a group that keeps its places in Kafka goes on reading: shown, and put back by a person."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError
from aiokafka.protocol.group import LeaveGroupRequest

from engine.kafka.access import Access, Unreachable, asking
from engine.kafka.admin import administering, counts
from engine.kafka.clients import bounded, started

PATIENCE = 30.0
PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Offset:
    """A part as a group has read it. `position` None: it has committed nothing; `oldest` to `end` is what is kept."""

    topic: str
    part: int
    position: int | None
    oldest: int
    end: int

    @property
    def lag(self) -> int:
        """Records that are kept and were not read."""
        return self.end - max(self.position or 0, self.oldest)


async def show(access: Access, group: str, topics: Sequence[str]) -> list[Offset]:
    """Every part of these topics that are there, by their names in the cluster. Raises Unreachable."""
    parts = await _parts(access, topics)
    async with _reading(access, group) as consumer:
        oldest, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        return [Offset(p.topic, p.partition, await consumer.committed(p), oldest[p], ends[p]) for p in parts]


async def places(access: Access, group: str, topics: Sequence[str], since: datetime) -> dict[TopicPartition, int]:
    """By part the first record that came at `since` or later; the end where none did. Raises Unreachable."""
    parts = await _parts(access, topics)
    async with _reading(access, group) as consumer:
        ends = await consumer.end_offsets(parts)
        found = await consumer.offsets_for_times(dict.fromkeys(parts, int(since.timestamp() * 1000)))
    return {part: at.offset if (at := found.get(part)) else ends[part] for part in parts}


async def reset(access: Access, group: str, to: Mapping[TopicPartition, int]) -> None:
    """Have the group go on at these places. Its members are sent away first: they join again, and begin there.

    Raises Unreachable, also where they are back sooner than we as often as we try.
    """
    until = asyncio.get_running_loop().time() + PATIENCE
    async with administering(access) as client, _reading(access, group) as consumer:
        consumer.assign(list(to))
        while True:
            await _empty(client, group)
            try:
                await consumer.commit(dict(to))
            except CommitFailedError as member:
                if asyncio.get_running_loop().time() > until:
                    raise Unreachable(
                        f"{group}: its members do not let go; stop the role intake and try again"
                    ) from member
            else:
                return
            await asyncio.sleep(PAUSE)


async def _empty(client: AIOKafkaAdminClient, group: str) -> None:
    """Send all members of the group away."""
    coordinator = await client.find_coordinator(group)
    (answer,) = await client.describe_consumer_groups([group], coordinator)
    ((_, _, _, _, _, members, *_),) = answer.groups
    for member, *_ in members:
        await client._send_request(LeaveGroupRequest(group, member), coordinator)  # noqa: SLF001 - it has no other way


async def _parts(access: Access, topics: Sequence[str]) -> list[TopicPartition]:
    return [TopicPartition(topic, part) for topic, n in (await counts(access, topics)).items() for part in range(n)]


@contextlib.asynccontextmanager
async def _reading(access: Access, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that asks and commits in the name of the group without being a member."""
    consumer = AIOKafkaConsumer(**access.options(), group_id=group, enable_auto_commit=False)
    with asking(group):
        try:
            await started(consumer)
            yield consumer
        finally:
            await bounded(consumer.stop())

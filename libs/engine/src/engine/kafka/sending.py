"""How records get into Kafka: in batches, each part in its order, never past one that failed."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, ProducerFenced

from engine.faults import Halted, Lost
from engine.kafka.access import Access, Unreachable, said
from engine.kafka.clients import bounded, started

log = logging.getLogger("kehu.kafka")

PATIENCE = 30.0
"""Seconds a send may take: longer than a leader's failover, shorter than a client that hangs for ever."""
BATCH = 900_000
"""Bytes of a batch before compression, below what a broker takes by default."""
LARGEST = 8_000_000

At = tuple[str, int]


def _not_fenced(record: logging.LogRecord) -> bool:
    """Whether a line is about anything but being shut out, of which the client leaves notes that nobody reads."""
    return not (record.exc_info and isinstance(record.exc_info[1], ProducerFenced))


logging.getLogger("asyncio").addFilter(_not_fenced)


class Entry(NamedTuple):
    """A record to be sent. No value: the key is removed from a compacted topic.

    Its time is that of sending: what is dated in the past a broker removes as expired.
    """

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Sender:
    """An idempotent producer that is made anew whenever it failed or hung. For one task at a time.

    `fence`: a name under which one sender works at a time. Whoever is ready last shuts all before it out, for good:
    nothing that one of them still sends is taken, and what it had begun is undone.
    """

    def __init__(self, access: Access, client: str, fence: str | None = None) -> None:
        self._access, self._client, self._fence = access, client, fence
        self._producer: AIOKafkaProducer | None = None

    async def ready(self) -> None:
        """Have a producer; with a fence, be the one behind it. Raises Unreachable."""
        try:
            async with asyncio.timeout(PATIENCE):
                self._producer or await self._started()
        except (KafkaError, TimeoutError) as failed:
            await self.drop()
            raise Unreachable(f"{self._client}, getting ready to send: {said(failed)}") from failed

    async def send(self, entries: Mapping[At, Sequence[Entry]]) -> None:
        """Send to each (topic, part) its entries in order; acknowledged by all in-sync replicas when this returns.

        Raises Unreachable where one failed or took too long: then of each part a first stretch, perhaps none of it, is
        there. Nothing follows later: the producer is gone. Raises Halted where a record is larger than a broker takes,
        Lost where somebody else has our fence: then nothing of it is there.
        """
        sending: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(PATIENCE):
                producer = self._producer or await self._started()
                if self._fence:
                    await producer.begin_transaction()
                sending += [
                    asyncio.create_task(_in_order(producer, topic, part, records))
                    for (topic, part), records in entries.items()
                ]
                await asyncio.gather(*sending)
                if self._fence:
                    await producer.commit_transaction()
        except BaseException as failed:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            await self.drop()
            if isinstance(failed, MessageSizeTooLargeError):
                raise _too_large(", ".join({topic for topic, _ in entries}), *entries.values()) from failed
            if isinstance(failed, ProducerFenced):
                raise Lost(f"{self._client}: another process sends by now") from failed
            if isinstance(failed, (KafkaError, TimeoutError)):
                topics = ", ".join(sorted({topic for topic, _ in entries}))
                raise Unreachable(f"sending to {topics}: {_why(failed)}") from failed
            raise

    async def _started(self) -> AIOKafkaProducer:
        self._producer = producer = AIOKafkaProducer(
            **self._access.options(),
            client_id=self._client,
            enable_idempotence=True,
            transactional_id=self._fence,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH,
            max_request_size=LARGEST,
            request_timeout_ms=int(PATIENCE * 1000),
        )
        await started(producer)
        return producer

    async def drop(self) -> None:
        """Let go of the producer and all it still has to send; it may hang even in stopping."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await bounded(producer.stop())

    async def close(self) -> None:
        """Nothing more is sent."""
        await self.drop()


async def _in_order(producer: AIOKafkaProducer, topic: str, part: int, entries: Sequence[Entry]) -> None:
    """A batch is sent when the one before it is acknowledged."""
    batch = producer.create_batch()
    for entry in entries:
        if not _appended(batch, entry):
            await (await producer.send_batch(batch, topic, partition=part))
            batch = producer.create_batch()
            if not _appended(batch, entry):
                raise _too_large(topic, [entry])
    await (await producer.send_batch(batch, topic, partition=part))


def _why(failed: Exception) -> str:
    if isinstance(failed, (TimeoutError, KafkaTimeoutError)):
        return f"not acknowledged within {PATIENCE:g} s: do the brokers run, are enough copies in sync?"
    return said(failed)


def _too_large(topic: str, *entries: Sequence[Entry]) -> Halted:
    largest = max((entry for some in entries for entry in some), key=lambda entry: len(entry.value or b""))
    key = (largest.key or b"").decode(errors="replace")
    return Halted(
        f"a record of {len(largest.value or b'')} bytes (key {key}) is larger than the broker takes in {topic}: raise "
        "the topic's max.message.bytes and the broker's, then restart this worker"
    )


def _appended(batch: Any, entry: Entry) -> bool:
    return batch.append(timestamp=None, key=entry.key, value=entry.value, headers=list(entry.headers)) is not None

"""Sends drafted documents to the topics of a Kafka, as an ERP with one would, and waits for their receipts."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson

from all_in_one.importing import PATIENCE, ImportStopped, Intake, attributes
from all_in_one.mapping import BY_TYPE
from all_in_one.spool import Queued
from chassis.buses import layout
from chassis.settings import Kafka
from engine.kafka.access import Access, Unreachable
from engine.kafka.messages import KafkaTopics, Listening
from engine.topics import Message
from events.topics import RECEIPTS

LOOK = 0.2
Receipt = Mapping[str, Any]
Key = tuple[str, str]


class Producer:
    """Documents go to their topics; what is heard in the topic of receipts is their answer."""

    def __init__(self, topics: KafkaTopics, access: Access) -> None:
        self._topics, self._access = topics, access
        self._asked: dict[Key, asyncio.Future[Receipt]] = {}
        self._heard = 0

    async def produce(self, intake: Intake, batch: Sequence[Queued]) -> Sequence[Receipt]:
        """Send a batch and wait for all its receipts, in its order. Raises ImportStopped."""
        loop = asyncio.get_running_loop()
        answers = {(intake.source, queued.id): loop.create_future() for queued in batch}
        self._asked |= answers
        by_topic: defaultdict[str, list[Message]] = defaultdict(list)
        for queued in batch:
            by_topic[BY_TYPE[queued.type].topic].append(_message(intake, queued))
        try:
            for topic, messages in by_topic.items():
                await self._topics.publish(topic, messages)
            await self._all(answers)
            return [answers[intake.source, queued.id].result() for queued in batch]
        except Unreachable as away:
            raise ImportStopped(f"Kafka at {self._access.bootstrap}: {away}") from None
        finally:
            for key in answers:
                self._asked.pop(key, None)

    async def _all(self, answers: Mapping[Key, asyncio.Future[Receipt]]) -> None:
        """Until each has its receipt. Raises ImportStopped where none comes for a while."""
        heard, waited = self._heard, 0.0
        while left := [key for key, answer in answers.items() if not answer.done()]:
            await asyncio.wait([answers[key] for key in left], timeout=LOOK)
            waited = 0.0 if heard != self._heard else waited + LOOK
            heard = self._heard
            if waited > PATIENCE:
                raise ImportStopped(
                    f"{len(left)} documents have no receipt after {PATIENCE:.0f} s, the first {left[0][1]}: does Kehu "
                    f"read from Kafka at {self._access.bootstrap}? (kehu doctor)"
                )

    async def hear(self, listening: Listening) -> None:
        """Hand out what comes in the topic of receipts, until cancelled."""
        while True:
            with suppress(Unreachable):
                for value in await listening.fetch(LOOK):
                    receipt = orjson.loads(value)
                    self._heard += 1
                    answer = self._asked.get((receipt.get("source"), receipt.get("id")))
                    if answer is not None and not answer.done():
                        answer.set_result(receipt)


@asynccontextmanager
async def producing(given: Kafka) -> AsyncIterator[Producer]:
    """A producer that hears receipts while the block lasts. Raises Unreachable, engine.faults.Halted."""
    at = layout(given)
    await at.present([at.access.named(RECEIPTS)])
    topics, listening = KafkaTopics(at, "import"), Listening(at.access, RECEIPTS)
    await listening.start()
    producer = Producer(topics, at.access)
    hearing = asyncio.create_task(producer.hear(listening))
    try:
        yield producer
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await listening.close()
        await topics.close()


def _message(intake: Intake, queued: Queued) -> Message:
    """Binary: attributes in headers; the key is the customer's, so that what concerns one stays in order."""
    said = attributes(intake, queued) | ({"origin": "initial_load"} if intake.initial_load else {})
    customer = orjson.loads(queued.data).get("customer")
    headers = [("content-type", said.pop("datacontenttype").encode())]
    headers += [(f"ce_{name}", value.encode()) for name, value in said.items()]
    return Message(customer.encode() if customer else None, queued.data, tuple(headers))

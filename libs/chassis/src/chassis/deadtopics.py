"""Dead letters by topic: what was parked is published with its message; what is to be replayed can be read there.

The table of dead letters stays the truth: it is written with what the reader did. A topic tells others of it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.buses import access, told
from chassis.runtime import OWNERS, Runtime
from engine import deadletters
from engine.deadletters import DeadLetter
from engine.lifecycle import unless_stopped
from engine.topics import Header, Message
from events import topics

AT_ONCE = 200
WAIT = 1.0
"""Seconds between two looks for what was parked."""


@dataclass(slots=True)
class Undertaker:
    """Publishes dead letters once each, or again where we die in it: a letter is known by its group and position."""

    runtime: Runtime

    @property
    def name(self) -> str:
        return "dead-letters"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            if await deadletters.tell(self.runtime.database.pool, self.give, AT_ONCE) < AT_ONCE:
                await unless_stopped(stop, asyncio.sleep(WAIT))

    async def give(self, letters: Sequence[DeadLetter]) -> None:
        """Publish these, each to the topic of its group."""
        found: defaultdict[str, list[Message]] = defaultdict(list)
        for letter in letters:
            found[topic_of(self.runtime, letter.topic, letter.group)].append(await self._message(letter))
        for topic, messages in found.items():
            await self.runtime.topics.publish(topic, messages)

    async def _message(self, letter: DeadLetter) -> Message:
        from engine.kafka.records import written  # noqa: PLC0415 - only those with a Kafka need it

        runtime = self.runtime
        (delivery,) = await runtime.bus.feed(letter.topic, letter.part, letter.position - 1, 1)
        service = OWNERS.get(letter.topic, runtime.service.name)
        key, value, headers = written(delivery.raw, service, delivery.previous, delivery.incarnation)
        return Message(key, value, (*headers, *_why(letter, runtime.service.name)))


def _why(letter: DeadLetter, service: str) -> list[Header]:
    """What went wrong, for our tools and, by their names, for those of Kafka Streams."""
    topic, part = topics.of_context(letter.topic), str(letter.part)
    said = {
        "dlq_service": service,
        "dlq_group": letter.group,
        "dlq_customer": letter.customer,
        "dlq_kind": letter.kind,
        "dlq_exception": letter.error or "",
        "dlq_place": letter.place or "",
        "dlq_topic": topic,
        "dlq_partition": part,
        "dlq_position": str(letter.position),
        "dlq_attempts": str(letter.attempts),
        "dlq_first_failure_at": letter.parked_at.isoformat(),
        "__streams.errors.exception": letter.error or "",
        "__streams.errors.topic": topic,
        "__streams.errors.partition": part,
    }
    return [(name, value.encode()) for name, value in said.items()]


def topic_of(runtime: Runtime, context: str, group: str) -> str:
    """The topic of a group's dead letters; how it has to be is known from then on."""
    topic = topics.dead_letters(topics.of_context(context), f"{runtime.service.name}.{group}")
    if runtime.relay is not None:
        runtime.relay.layout.add(told(runtime.relay.layout.access, topic))
    return topic.name


async def customers_in(runtime: Runtime, topic: str) -> list[tuple[str, str]]:
    """Group and customer of each letter of this service that lies in `topic`, once. Raises Unreachable."""
    from engine.kafka.messages import everything  # noqa: PLC0415 - as above

    into = access(runtime.settings.kafka)
    said = [dict(record.headers) for record in await everything(into, into.named(topic))]
    mine = [s for s in said if s.get("dlq_service") == runtime.service.name.encode()]
    return list(dict.fromkeys((s["dlq_group"].decode(), s["dlq_customer"].decode()) for s in mine))

"""Topics looked at and put right by a person: what is there, what differs from how it has to be."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from engine.kafka.access import Unreachable, said
from engine.kafka.admin import Layout, Topic, administering, ensure


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as it is. `differs`: setting -> (as it is, as it has to be); `parts` 0: it is not there."""

    topic: Topic
    parts: int
    copies: int
    differs: dict[str, tuple[str, str]]

    @property
    def wrong(self) -> bool:
        """Another number of parts than it has to have: nobody may put that right in place."""
        return self.parts not in (0, self.topic.parts)


async def look(layout: Layout) -> list[Found]:
    """All topics of the layout, as they are. Raises Unreachable."""
    topics = list(layout.topics.values())
    async with administering(layout.access) as client:
        described = {t["topic"]: t["partitions"] for t in await client.describe_topics([t.name for t in topics])}
        there = [t for t in topics if described.get(t.name)]
        settings = {t.name: await _settings(client, t) for t in there}
    return [_found(topic, described.get(topic.name) or [], settings.get(topic.name, {})) for topic in topics]


def _found(topic: Topic, parts: Sequence[dict[str, list[int]]], settings: dict[str, str]) -> Found:
    differs = {k: (settings.get(k, ""), v) for k, v in topic.settings.items() if parts and settings.get(k) != v}
    return Found(topic, len(parts), len(parts[0]["replicas"]) if parts else 0, differs)


async def apply(layout: Layout) -> list[Found]:
    """Make what is missing, put settings right; what was changed. Raises Halted where parts are wrong, Unreachable."""
    before = [found for found in await look(layout) if not found.parts or found.differs or found.wrong]
    await ensure(layout.access, [found.topic for found in before])
    changing = [found.topic for found in before if found.parts]
    async with administering(layout.access) as client:
        for topic in changing:
            await _set(client, topic)
        await _settled(client, changing)
    return before


async def _settled(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Until the broker answers with what it was told: it takes a moment."""
    async with asyncio.timeout(30):
        for topic in topics:
            while (await _settings(client, topic)) != dict(topic.settings):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def _settings(client: AIOKafkaAdminClient, topic: Topic) -> dict[str, str]:
    asked = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=dict(topic.settings))
    if not topic.settings:
        return {}
    (answer,) = await client.describe_configs([asked])
    ((code, _, _, _, entries),) = answer.resources
    if code:
        raise Unreachable(f"{topic.name}: {said(for_code(code)())}")
    return {entry[0]: entry[1] for entry in entries}


async def _set(client: AIOKafkaAdminClient, topic: Topic) -> None:
    """All settings of the topic that are not the broker's own: those that are not named are the broker's again."""
    (answer,) = await client.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=dict(topic.settings))]
    )
    for code, message, *_ in answer.resources:
        if code:
            raise Unreachable(f"{topic.name}: {said(for_code(code)(message or ''))}")

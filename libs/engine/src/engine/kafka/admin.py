"""Topics as code: made as they are meant to be, looked at before anything is read or written."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import TopicPartition

from engine.faults import Halted
from engine.kafka.access import Access, Unreachable, asking, said
from engine.kafka.clients import bounded, started
from engine.kafka.refusals import reason
from engine.ports import PARTS

_THERE = TopicAlreadyExistsError.errno


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it has to be. `settings` are the broker's, given when it is made."""

    name: str
    parts: int = PARTS
    settings: Mapping[str, str] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def administering(access: Access) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for the block. Raises Unreachable."""
    client = AIOKafkaAdminClient(**access.options(), client_id="kehu-admin", request_timeout_ms=30_000)
    with asking(f"Kafka at {access.bootstrap}"):
        try:
            await _begun(client, access)
            yield client
        finally:
            await bounded(client.close())


async def _begun(client: AIOKafkaAdminClient, access: Access) -> None:
    try:
        await started(client)
    except KafkaConnectionError as error:
        raise Unreachable(f"Kafka cannot be reached: {await reason(access)}") from error


class Layout:
    """The topics of a cluster as they have to be; each is made, or looked at, when this process first uses it.

    And again when there is doubt: topics are deleted, clusters are lost while we run. Topics that are not told of have
    12 parts and the broker's settings. `make`: missing ones are made.
    """

    def __init__(self, access: Access, topics: Sequence[Topic] = (), *, make: bool = True) -> None:
        self.access = access
        self.topics = {t.name: t for t in topics}
        self._make, self._present, self._looking = make, set[str](), asyncio.Lock()

    def add(self, topic: Topic) -> None:
        """One more topic as it has to be."""
        self.topics.setdefault(topic.name, topic)

    async def present(self, names: Iterable[str]) -> None:
        """Raises Halted where one is not as it has to be, Unreachable."""
        async with self._looking:
            new = [self.topics.get(name, Topic(name)) for name in sorted(set(names) - self._present)]
            if new:
                await ensure(self.access, new, make=self._make)
                self._present |= {topic.name for topic in new}

    def doubt(self) -> None:
        """Something went wrong that a missing topic explains: `present` looks anew."""
        self._present.clear()


async def counts(access: Access, names: Sequence[str]) -> dict[str, int]:
    """How many parts each of these topics has; 0 for one that does not exist."""
    async with administering(access) as client:
        return await _counts(client, names)


async def _counts(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    found = {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics(list(names))}
    return {name: found.get(name, 0) for name in names}


async def ensure(access: Access, topics: Sequence[Topic], *, make: bool = True) -> list[str]:
    """Make those that are missing (their names are returned) and look at the others.

    Raises Halted where one has another number of parts: a customer's events would go elsewhere from there on; or where
    one is missing and `make` is False.
    """
    async with administering(access) as client:
        there = await _counts(client, [t.name for t in topics])
        missing = [t for t in topics if not there[t.name]]
        refuse_wrong(topics, there)
        if missing and not make:
            raise Halted(
                f"these topics are missing: {', '.join(t.name for t in missing)}; make them: kehu topics apply"
            )
        if missing:
            await _made(client, missing, access.copies)
            await _known(client, missing)
        return [t.name for t in missing]


def refuse_wrong(topics: Sequence[Topic], there: Mapping[str, int]) -> None:
    """Raises Halted where a topic that is there has another number of parts than it has to have."""
    wrong = [f"{t.name} has {there[t.name]} partitions" for t in topics if there[t.name] not in (0, t.parts)]
    if wrong:
        raise Halted(
            f"{'; '.join(wrong)}, not {PARTS}: a customer's events would change their partition. Remove the topic and "
            "have it filled again (kehu relay resend), or use another namespace (KEHU_KAFKA__NAMESPACE)"
        )


async def _made(client: AIOKafkaAdminClient, topics: Sequence[Topic], copies: int | None) -> None:
    # The client refuses "as many as the broker makes by default" (-1) unless it is told of assignments, here none.
    default: dict[int, list[int]] | None = {} if copies is None else None
    new = [NewTopic(t.name, t.parts, copies or -1, default, dict(t.settings)) for t in topics]
    answer = await client.create_topics(new, timeout_ms=30_000)
    for name, code, *_ in answer.topic_errors:
        if code not in (0, _THERE):
            raise Unreachable(f"{name} could not be made: {said(for_code(code)())}")


async def _known(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Until every broker we ask knows them."""
    async with asyncio.timeout(30):
        while not all((await _counts(client, [t.name for t in topics])).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def remove(access: Access, names: Sequence[str]) -> None:
    """Remove these topics and all that is in them."""
    async with administering(access) as client:
        await client.delete_topics(list(names))


async def forget(access: Access, offsets: Mapping[TopicPartition, int]) -> None:
    """Remove what lies below these offsets."""
    async with administering(access) as client:
        await client.delete_records({at: RecordsToDelete(before_offset=offset) for at, offset in offsets.items()})


async def ready(access: Access, within: float = 60.0) -> None:
    """Wait until the cluster answers and a group may be joined there. Raises Unreachable."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        try:
            async with administering(access) as client:
                await client.find_coordinator(access.named("kehu.ready"))
                return
        except (KafkaError, OSError):
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(0.2)

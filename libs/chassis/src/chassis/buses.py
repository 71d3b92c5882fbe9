"""What the services meet on: the database alone, or Kafka."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.service import Service
from chassis.settings import Kafka, Settings
from engine.database import Database
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.tabletopics import TableTopics
from engine.topics import Topics
from events import topics

if TYPE_CHECKING:
    from engine.kafka.access import Access
    from engine.kafka.admin import Layout, Topic
    from engine.kafka.relay import Relay

LARGEST = 8_000_000
"""Bytes a broker takes in one message: far above the largest document and what is decided upon it."""


@dataclass(frozen=True, slots=True)
class Buses:
    """The bus of events, the topics of documents, and who publishes the service's log (nobody: it is read in place)."""

    bus: TableBus
    topics: Topics
    relay: "Relay | None" = None


def buses(service: Service, settings: Settings, owners: Mapping[str, Database], store: PostgresStore) -> Buses:
    """Those of one process of `service`; `owners` by topic."""
    own, wakeups = store.database.pool, store.wakeups
    readers = {topic: database.reader for topic, database in owners.items()}
    if settings.bus.kind == "table":
        return Buses(TableBus(readers, own, wakeups=wakeups), TableTopics(own, wakeups=wakeups))
    return _on_kafka(service, layout(settings.kafka), owners, store)


def _on_kafka(service: Service, layout: "Layout", owners: Mapping[str, Database], store: PostgresStore) -> Buses:
    from engine.kafka.bus import KafkaBus  # noqa: PLC0415 - a tenth of a second that only those with a Kafka need
    from engine.kafka.messages import KafkaTopics  # noqa: PLC0415 - as above
    from engine.kafka.relay import Relay  # noqa: PLC0415 - as above

    readers = {topic: database.reader for topic, database in owners.items()}
    bus = KafkaBus(layout, service.name, readers, store.database.pool, wakeups=store.wakeups)
    return Buses(bus, KafkaTopics(layout, service.name), Relay(store, service.name, service.contexts, layout))


def access(given: Kafka) -> "Access":
    """The cluster that is named in the settings."""
    from engine.kafka.access import Access  # noqa: PLC0415 - as above

    return Access(
        given.bootstrap,
        given.security,
        given.mechanism,
        given.username,
        given.password.get_secret_value() if given.password else None,
        str(given.ca) if given.ca else None,
        given.namespace,
        given.session,
        given.replication,
    )


def layout(given: Kafka) -> "Layout":
    """Its topics as they have to be."""
    from engine.kafka.admin import Layout  # noqa: PLC0415 - as above

    into = access(given)
    return Layout(into, [told(into, topic) for topic in topics.TOPICS], make=given.make_topics)


def told(into: "Access", topic: topics.Topic) -> "Topic":
    """A topic as a broker is told of it."""
    from engine.kafka.admin import Topic  # noqa: PLC0415 - as above

    return Topic(into.named(topic.name), topic.parts, {**topic.settings, "max.message.bytes": str(LARGEST)})

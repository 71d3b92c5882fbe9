"""The list of topics says what the services do: who owns one, who reads documents, where data of persons lies."""

import pytest

from all_in_one.services import SERVICES
from engine.personal import holds_personal
from events.registry import ALL
from events.topics import TOPICS, Topic, of_context

EVENTS = [t for t in TOPICS if t.kind == "events"]
DOCUMENTS = [t for t in TOPICS if t.kind == "documents" and not t.reserved]


def test_a_topic_of_events_belongs_to_the_service_that_owns_the_context() -> None:
    owners = {of_context(context): s.name for s in SERVICES for context in s.contexts}
    assert {t.name: t.owner for t in EVENTS} == owners


def test_a_topic_of_documents_belongs_to_the_one_service_that_reads_it() -> None:
    readers = {d.topic: s.name for s in SERVICES for d in s.intake}
    assert {t.name: t.owner for t in DOCUMENTS} == readers
    assert len({(d.topic, s.name) for s in SERVICES for d in s.intake}) == len(readers)


@pytest.mark.parametrize("topic", EVENTS, ids=lambda t: t.name)
def test_personal_data_in_events_is_sealed_and_said_so(topic: Topic) -> None:
    personal = any(holds_personal(e) for e in ALL if of_context(e.context()) == topic.name)
    assert topic.personal == ("sealed" if personal else "none")


@pytest.mark.parametrize("topic", DOCUMENTS, ids=lambda t: t.name)
def test_personal_data_in_documents_can_be_read_and_is_said_so(topic: Topic) -> None:
    personal = any(holds_personal(d) for s in SERVICES for d in s.intake if d.topic == topic.name)
    assert topic.personal == ("plain" if personal else "none")

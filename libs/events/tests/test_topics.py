"""The topics of a cluster: one for each context, one for each kind of document, all in twelve parts."""

from datetime import timedelta

from events.erp import DOCUMENTS
from events.registry import CONTEXTS
from events.topics import ACCOUNT_STATE, BY_NAME, PARTS, RECEIPTS, TOPICS, dead_letters, of_context


def test_each_context_has_a_topic_for_its_events() -> None:
    assert [t.name for t in TOPICS if t.kind == "events"] == [of_context(c) for c in CONTEXTS]


def test_what_an_erp_sends_has_a_topic_and_no_topic_is_left_without_documents_unless_it_is_reserved() -> None:
    told = {t.name for t in TOPICS if t.kind == "documents" and not t.reserved}
    assert {d.topic for d in DOCUMENTS} == told


def test_every_topic_is_named_once_and_has_twelve_parts() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert {t.parts for t in TOPICS} == {PARTS} == {12}


def test_only_state_is_compacted_and_it_has_no_end() -> None:
    assert [t.name for t in TOPICS if t.cleanup == "compact"] == [ACCOUNT_STATE]
    assert [t.name for t in TOPICS if t.retention is None] == [ACCOUNT_STATE]
    assert BY_NAME[ACCOUNT_STATE].settings == {"cleanup.policy": "compact"}


def test_a_broker_is_told_how_long_to_keep_messages() -> None:
    assert BY_NAME[RECEIPTS].settings == {"cleanup.policy": "delete", "retention.ms": str(30 * 86_400_000)}


def test_dead_letters_lie_in_a_topic_named_after_the_topic_and_the_group_for_a_month() -> None:
    letters = dead_letters("kehu.customer.events.v1", "credit.exposure")
    assert letters.name == "kehu.customer.events.v1.credit.exposure.dlq"
    assert (letters.owner, letters.personal, letters.retention) == ("customer", "sealed", timedelta(days=30))

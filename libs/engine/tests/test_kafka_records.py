"""What an event looks like in Kafka: CloudEvents in binary mode, and the same event again when it is read."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from engine import cloudevents
from engine.kafka.records import NotOurs, position_of, read, written
from engine.ports import Meta, RawEvent
from engine.serde import write_meta

LIFE = UUID("018f7a00-0000-7000-8000-000000000001")
META = Meta("zhao", UUID(int=7), UUID(int=8), "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
EVENT = RawEvent(
    4711, 5, "invoice-I-1", 2, UUID(int=9), "credit.InvoiceIssued", 1, "客户-1", "main", '{"发票": "I-1"}',
    write_meta(META), date(2026, 3, 1), datetime(2026, 3, 2, 1, 2, 3, 4, UTC),
)  # fmt: skip


def test_an_event_that_is_read_is_the_one_that_was_written() -> None:
    key, value, headers = written(EVENT, "credit", 4700, LIFE)
    assert key == "客户-1".encode()
    assert (position_of(headers), read(5, value, headers)) == (4711, (LIFE, 4700, EVENT))


def test_an_event_about_no_customer_has_its_stream_as_key_and_stays_without_one() -> None:
    event = EVENT._replace(customer=None, meta=write_meta(Meta("zhao", UUID(int=7))))
    key, value, headers = written(event, "credit", 0, LIFE)
    assert key == b"invoice-I-1"
    assert read(5, value, headers).raw == event


def test_the_headers_are_the_attributes_of_the_feed_and_where_the_event_stands() -> None:
    said = {name: value.decode() for name, value in written(EVENT, "credit", 4700, LIFE)[2]}
    assert said.pop("content-type") == "application/json"
    assert said.pop("traceparent") == META.traceparent
    assert (said.pop("ce_kehuprev"), said.pop("ce_kehulife")) == (f"{4700:020d}", str(LIFE))
    assert said == {f"ce_{name}": str(value) for name, value in cloudevents.attributes(EVENT, "credit").items()}


@pytest.mark.parametrize("wrong", ["ce_sequence", "ce_type", "ce_kehuprev", "ce_kehulife", "ce_recordedtime"])
def test_a_record_that_lacks_what_identifies_it_is_not_ours(wrong: str) -> None:
    _, value, headers = written(EVENT, "credit", 4700, LIFE)
    with pytest.raises(NotOurs):
        read(5, value, [(name, said) for name, said in headers if name != wrong])


def test_what_somebody_else_wrote_is_not_ours() -> None:
    with pytest.raises(NotOurs):
        position_of([("content-type", b"text/plain")])
    _, value, headers = written(EVENT, "credit", 4700, LIFE)
    with pytest.raises(NotOurs):
        read(5, value, [*headers, ("ce_streamversion", b"two")])

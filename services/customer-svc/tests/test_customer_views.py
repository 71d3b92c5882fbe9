"""What the views of customers and of their blocks say after events."""

from datetime import UTC, date, datetime
from typing import Any

from customer_svc.projections.blocks import BLOCKS
from customer_svc.projections.customers import CUSTOMERS
from engine.projection import View
from engine.testing.spec import envelope, given
from events.base import Event
from events.customer import (
    Basics,
    CharacteristicsRecorded,
    CustomerRegistered,
    CustomerUpdated,
    DealingsRecorded,
    OwnerAssigned,
    RecordVerified,
)
from events.envelope import Envelope
from events.record import Characteristics, Collected, Dealings, LargeForm

SINCE, KNOWN = date(1998, 5, 1), datetime(2025, 6, 1, 9, tzinfo=UTC)
BASICS = Basics(name="沪东机械", type="dealer", currency="CNY")
REGISTERED = envelope(
    CustomerRegistered(customer="C-1", basics=BASICS, since=SINCE), 1, version=1, effective=SINCE, recorded=KNOWN
)


def day(month: int, year: int = 2026) -> Collected:
    return Collected(on=date(year, month, 1), how="visit", by="zhao")


def east(month: int, area: str = "华东") -> CharacteristicsRecorded:
    return CharacteristicsRecorded(customer="C-1", collected=day(month), block=Characteristics(market_area=area))


def dealings(month: int, form: LargeForm, *types: str) -> DealingsRecorded:
    return DealingsRecorded(customer="C-1", collected=day(month), block=Dealings(business_types=types, form=form))


def verified(month: int) -> RecordVerified:
    return RecordVerified(customer="C-1", collected=day(month))


def record(*events: Event) -> list[Envelope[Any]]:
    """Events of the record's stream, in the order they arrived."""
    return [envelope(e, n + 1, stream="record-C-1", version=n) for n, e in enumerate(events, 1)]


def only_row(view: View, *envelopes: Envelope[Any]) -> dict[str, Any]:
    (row,) = given(envelopes).project(view).rows
    return dict(zip(view.table.c.keys(), row, strict=True))


def test_a_customer_is_verified_when_its_record_is_made_not_when_dealings_began() -> None:
    row = only_row(CUSTOMERS, REGISTERED)
    assert (row["since"], row["updated_on"], row["verified_on"]) == (SINCE, SINCE, KNOWN.date())


def test_anything_found_out_verifies_a_customer_and_what_was_found_earlier_does_not_age_it() -> None:
    row = only_row(CUSTOMERS, REGISTERED, *record(east(3), east(1), verified(2)))
    assert row["verified_on"] == date(2026, 3, 1)
    changed = CustomerUpdated(customer="C-1", basics=BASICS)
    later = envelope(changed, 9, version=2, effective=date(2026, 5, 1))
    assert only_row(CUSTOMERS, REGISTERED, *record(east(3)), later)["verified_on"] == date(2026, 5, 1)


def test_another_owner_verifies_nothing() -> None:
    assigned = envelope(OwnerAssigned(customer="C-1", owner="chen", previous=None), 2, version=2)
    row = only_row(CUSTOMERS, REGISTERED, assigned)
    assert (row["owner"], row["verified_on"]) == ("chen", KNOWN.date())


def test_the_versions_of_basics_and_record_are_counted_apart() -> None:
    assigned = envelope(OwnerAssigned(customer="C-1", owner="chen", previous=None), 8, version=2)
    row = only_row(CUSTOMERS, REGISTERED, *record(east(1), east(2), verified(3)), assigned)
    assert (row["version"], row["record_version"]) == (2, 3)


def test_dealings_of_the_latest_day_are_shown_whenever_they_arrive() -> None:
    late = record(dealings(3, "key_customer", "罐体", "盖"), dealings(1, "general_agent", "旧"))
    row = only_row(CUSTOMERS, REGISTERED, *late)
    assert (row["form"], row["business_types"]) == ("key_customer", ["罐体", "盖"])
    corrected = only_row(CUSTOMERS, REGISTERED, *late, *record(dealings(3, "large_industrial", "盖")))
    assert (corrected["form"], corrected["business_types"]) == ("large_industrial", ["盖"])


def test_a_block_reads_as_found_on_the_latest_day() -> None:
    row = only_row(BLOCKS, *record(east(2), east(3, "华南"), east(1, "华北")))
    assert (row["content"]["market_area"], row["collected_on"], row["version"]) == ("华南", date(2026, 3, 1), 2)
    assert (row["how"], row["collected_by"]) == ("visit", "zhao")


def test_looking_the_record_through_verifies_every_block_there_is_and_makes_none() -> None:
    assert given(record(verified(4))).project(BLOCKS).rows == ()
    blocks = given(record(east(2), dealings(1, "key_customer"), verified(4))).project(BLOCKS)
    assert [(row[1], row[8]) for row in blocks.rows] == [
        ("characteristics", date(2026, 4, 1)),
        ("dealings", date(2026, 4, 1)),
    ]

"""Every event has a name of its own for ever, and says what it is about in the same way."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from events import credit
from events.base import LARGEST, Event, Money, NonNegativeMoney, PositiveMoney, Value, personal_fields
from events.currencies import in_minor_units
from events.customer import Contact
from events.erp import DOCUMENTS, Document
from events.registry import ALL, BY_TYPE, CONTEXTS, UnknownType, event_class
from events.samples import sample

TYPE = re.compile(r"^(company|customer|credit|complaint|analytics)\.[A-Z][A-Za-z]+$")


def classes_of(module: object) -> set[type[Event]]:
    return {c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Event) and c is not Event}


@pytest.mark.parametrize("event", ALL, ids=lambda e: e.__name__)
class TestEveryEvent:
    def test_its_type_is_its_context_and_a_name(self, event: type[Event]) -> None:
        assert TYPE.match(event.type)
        assert event_class(event.type) is event
        assert event.qualified() == f"{event.type}.v{event.version}"

    def test_it_says_what_happened(self, event: type[Event]) -> None:
        assert event.__doc__

    def test_it_is_immutable_and_refuses_unknown_fields(self, event: type[Event]) -> None:
        made = sample(event)
        with pytest.raises(ValidationError):
            setattr(made, next(iter(event.model_fields)), "other")
        with pytest.raises(ValidationError):
            event.model_validate({**made.model_dump(), "unknown": 1})

    def test_it_survives_json(self, event: type[Event]) -> None:
        made = sample(event)
        assert event.model_validate_json(made.model_dump_json()) == made

    def test_its_date_and_customer_are_plain(self, event: type[Event]) -> None:
        made = sample(event)
        assert isinstance(made.effective_on(), date | None)
        assert isinstance(made.about, str | None)
        assert (made.about is not None) == ("customer" in event.model_fields)


def test_no_event_of_a_context_is_left_out() -> None:
    assert classes_of(credit) == set(credit.EVENTS)
    assert len(BY_TYPE) == len(ALL)
    assert {e.context() for e in ALL} == set(CONTEXTS)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UnknownType):
        event_class("credit.Nothing")


def test_the_three_names_the_user_gave_are_there() -> None:
    assert {"customer.OrderPlaced", "credit.PaymentDelayed", "complaint.ComplaintOpened"} <= set(BY_TYPE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.type)
def test_a_document_of_the_erp_names_its_type_and_topic(document: type[Document]) -> None:
    assert re.match(r"^erp\.[A-Z][A-Za-z]+\.v\d+$", document.type)
    assert re.match(r"^erp\.[a-z]+\.v1$", document.topic)
    assert document.model_validate_json(sample(document).model_dump_json()) == sample(document)


def money(amount: str, currency: str, of: type[Money] = Money) -> Money:
    return of.model_validate({"amount": amount, "currency": currency})


@pytest.mark.parametrize(("amount", "currency"), [("1.5", "JPY"), ("1.234", "CNY"), ("1.2345", "KWD"), ("1", "XQX")])
def test_money_finer_than_its_currency_or_in_none_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValidationError):
        money(amount, currency)


def test_zeroes_behind_the_last_place_do_no_harm() -> None:
    assert money("1.500", "CNY") == money("1.5", "CNY")


@pytest.mark.parametrize(
    ("amount", "code", "written"),
    [("0", "CNY", "0.00"), ("-0.000", "CNY", "0.00"), ("12", "KWD", "12.000"), ("7.00", "JPY", "7"),
     ("1.2340", "CNY", "1.234"), ("98765432109876543210987654321.5", "CNY", "98765432109876543210987654321.50")],
)  # fmt: skip
def test_an_amount_is_written_in_the_minor_units_of_its_currency_and_never_rounded(
    amount: str, code: str, written: str
) -> None:
    assert str(in_minor_units(Decimal(amount), code)) == written


def test_money_of_two_currencies_does_not_add_up() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        money("1", "CNY") + money("1", "USD")


@pytest.mark.parametrize(("of", "amount"), [(NonNegativeMoney, "-0.01"), (PositiveMoney, "0"), (PositiveMoney, "-1")])
def test_amounts_below_their_bound_are_refused(of: type[Money], amount: str) -> None:
    with pytest.raises(ValidationError):
        money(amount, "CNY", of)


def models(of: Any, seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    for part in getattr(of, "__args__", ()):
        models(part, seen)
    if isinstance(of, type) and issubclass(of, BaseModel) and of not in seen:
        seen.add(of)
        for field in of.model_fields.values():
            models(field.annotation, seen)
    return seen


def test_a_model_with_personal_data_names_the_person() -> None:
    seen: set[type[BaseModel]] = set()
    for event in ALL:
        models(event, seen)
    holders = [m for m in seen if personal_fields(m)]
    assert Contact in holders
    assert all("person" in m.model_fields for m in holders)


class Dated(Value):
    day: date
    moment: datetime | None = None
    count: int = 0
    settled: bool = False


@pytest.mark.parametrize("day", [20260301, 0, "20260301", "0.5", "1772323200", "1899-12-31", "3000-01-01", None, True])
def test_a_number_is_no_date(day: Any) -> None:
    """20260301 was taken for seconds since 1970: an invoice of 23 August 1970."""
    with pytest.raises(ValidationError) as refused:
        Dated.model_validate({"day": day})
    assert refused.value.errors()[0]["loc"] == ("day",)


def test_a_date_is_written_as_people_write_it() -> None:
    assert Dated.model_validate({"day": "2026-03-01"}).day == date(2026, 3, 1)
    assert Dated.model_validate({"day": date(2026, 3, 1), "moment": "2026-03-01T08:00:00Z"}).moment is not None
    with pytest.raises(ValidationError):
        Dated.model_validate({"day": "2026-03-01", "moment": 5})


@pytest.mark.parametrize("settled", [1, 0, "true", "yes", None])
def test_only_true_and_false_are_true_and_false(settled: Any) -> None:
    with pytest.raises(ValidationError):
        Dated.model_validate({"day": "2026-03-01", "settled": settled})


def test_a_whole_number_no_reader_keeps_exactly_is_refused() -> None:
    assert Dated.model_validate({"day": "2026-03-01", "count": LARGEST}).count == LARGEST
    with pytest.raises(ValidationError):
        Dated.model_validate({"day": "2026-03-01", "count": LARGEST + 1})

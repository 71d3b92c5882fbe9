"""Every event has a sentence in both languages, made of its fields and never of personal ones."""

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from events.analytics import AlertChanged
from events.base import Event, Money, NonNegativeMoney, PositiveMoney, personal_fields
from events.credit import AccountOpened, ExposureChanged, Instalment, InvoiceIssued, LimitSet, OrderHeld
from events.customer import CustomerRegistered, OwnerAssigned
from events.registry import ALL
from events.samples import sample
from events.sentences import SENTENCES, Language, said, sentence

LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")
MARK = "what only the person may know"
CHINESE = re.compile(r"[一-鿿]")


class Dice:
    """Numbers that look drawn and are the same every time."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self, n: int) -> int:
        self.state = (self.state * 1_103_515_245 + 12_345) % 2**31
        return (self.state >> 8) % n


def told(event: Event, language: Language) -> str:
    """As it is told after what it said was kept."""
    return sentence(event.type, json.loads(json.dumps(said(event))), language)


def samples(event: type[Event], number: int = 25) -> list[Event]:
    """The whole one, and others in which fields are missing and codes differ."""
    found = [sample(event)]
    for seed in range(number):
        try:
            found.append(sample(event, Dice(seed)))
        except ValidationError:
            continue
    return found


def with_personal(value: Any) -> Any:
    """`value` with the same words in every personal field."""
    if isinstance(value, BaseModel):
        marked = dict.fromkeys(personal_fields(type(value)), MARK)
        parts = {name: with_personal(part) for name, part in value.__dict__.items()}
        return value.model_copy(update={**parts, **marked})
    return tuple(map(with_personal, value)) if isinstance(value, tuple) else value


def cny(amount: str, of: type[Money] = PositiveMoney) -> Any:
    return of(amount=Decimal(amount), currency="CNY")


def test_every_event_has_a_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(ALL)


@pytest.mark.parametrize("event", ALL, ids=lambda e: e.type)
def test_a_sentence_is_whole_whatever_is_missing_and_whichever_code_stands(event: type[Event]) -> None:
    for made in samples(event):
        for language in LANGUAGES:
            text = told(made, language)
            assert not re.search(r"[{}\[\]]|None|  |, ,|，，", text), text
            assert bool(CHINESE.search(re.sub("客户已确认", "", text))) == (language == "zh-CN"), text


@pytest.mark.parametrize("event", ALL, ids=lambda e: e.type)
def test_a_sentence_never_says_what_is_personal(event: type[Event]) -> None:
    made = with_personal(sample(event))
    assert MARK not in json.dumps(said(made))


def test_an_invoice_says_when_it_is_due() -> None:
    first = Instalment(number=1, due=date(2030, 2, 6), amount=cny("600"))
    on, parts = date(2030, 1, 6), (first,)
    whole = InvoiceIssued(
        customer="C-1", invoice="I-1", order=None, invoice_date=on, amount=cny("600"), instalments=parts
    )
    assert told(whole, "en") == "Invoice I-1 over CNY 600.00, due 2030-02-06"
    assert told(whole, "zh-CN") == "发票 I-1，金额 600.00 元，2030-02-06 到期"
    second = Instalment(number=2, due=date(2030, 3, 6), amount=cny("1200.50"))
    halves = whole.model_copy(update={"amount": cny("1800.5"), "instalments": (first, second)})
    assert told(halves, "en") == "Invoice I-1 over CNY 1,800.50, due in 2 instalments until 2030-03-06"
    assert told(halves, "zh-CN") == "发票 I-1，金额 1,800.50 元，分 2 期，最后一期 2030-03-06 到期"


def test_no_limit_and_the_limit_zero_are_told_apart() -> None:
    opened = AccountOpened(customer="C-1", currency="CNY", limit=None, risk_class="CA3", opened_on=date(2030, 1, 6))
    assert told(opened, "en") == "Credit account opened in CNY, limit unlimited, class CA3"
    none = opened.model_copy(update={"limit": cny("0", NonNegativeMoney)})
    assert told(none, "en") == "Credit account opened in CNY, limit CNY 0.00, class CA3"
    raised = LimitSet(
        customer="C-1",
        limit=cny("5000", NonNegativeMoney),
        previous=cny("0", NonNegativeMoney),
        valid_from=date(2030, 1, 6),
    )
    assert told(raised, "zh-CN") == "信用额度设为 5,000.00 元，原额度 0.00 元，2030-01-06 起生效"


def test_cash_lowers_the_exposure_and_invoices_raise_it() -> None:
    moved = ExposureChanged(
        customer="C-1",
        document="P-1",
        cause="cash_allocated",
        changes={"open_invoices": cny("-600", Money), "unallocated_cash": cny("-600", Money)},
        on=date(2030, 1, 6),
    )
    assert told(moved, "en") == "Exposure changed by CNY 0.00: cash allocated (P-1)"
    granted = moved.model_copy(update={"cause": "order_granted", "changes": {"open_orders": cny("600", Money)}})
    assert told(granted, "zh-CN") == "信用敞口变动 600.00 元：订单获得信用（P-1）"


def test_a_customer_is_introduced_with_the_words_of_the_catalogue() -> None:
    registered = sample(CustomerRegistered)
    named = registered.basics.model_copy(update={"name": "沪东机械", "type": "dealer", "owner": "zhao"})
    assert told(registered.model_copy(update={"basics": named}), "zh-CN") == "客户建档：沪东机械，经销商，负责人 zhao"
    first = OwnerAssigned(customer="C-1", owner="zhao", previous=None)
    assert told(first, "en") == "zhao became the owner"


def test_all_reasons_of_a_hold_are_named() -> None:
    held = sample(OrderHeld)
    reasons = tuple(held.reasons[0].model_copy(update={"rule": rule}) for rule in ("over-limit", "overdue"))
    assert told(held.model_copy(update={"reasons": reasons}), "en").endswith("held: over-limit, overdue")


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [("overdue", "45", "45 days against 30 days"), ("receivables_line", "0.275", "27.5% against 3,000%"),
     ("limit_breach", "1000", "CNY 1,000.00 against CNY 30.00")],
)  # fmt: skip
def test_what_an_alert_measured_is_told_in_its_unit(rule: str, value: str, shown: str) -> None:
    changes = {"rule": rule, "value": Decimal(value), "threshold": Decimal(30), "currency": "CNY"}
    assert told(sample(AlertChanged).model_copy(update=changes), "en").endswith(shown)


def test_a_long_text_is_cut() -> None:
    long = sample(OwnerAssigned).model_copy(update={"owner": "x" * 500})
    assert len(told(long, "en")) < 200

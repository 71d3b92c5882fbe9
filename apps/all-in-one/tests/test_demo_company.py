"""What is invented holds together: on any last day, without a server."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest
from demo_worlds import LAST_DAYS, LATER, firm, later, told

from all_in_one.demo.company.buyers import HISTORY
from all_in_one.demo.company.document import Document, digest
from all_in_one.demo.company.history import documents
from all_in_one.demo.company.seasons import AUTUMN, SPRING, feast_of, season, working_day
from all_in_one.mapping import BY_TYPE
from events import erp
from events.base import Money

D = TypeVar("D", bound=erp.Document)
A_DAY = LAST_DAYS[0]
AS_EVER = "62a77564d45e663166dfdc078660470b6d726539ae0b5ea9f0998725cf7cec1c"
each_last_day = pytest.mark.parametrize("day", LAST_DAYS, ids=str)


def of(sent: Sequence[Document], kind: type[D]) -> Iterator[D]:
    return (kind.model_validate(d.data) for d in sent if d.type == kind.type)


def test_the_same_seed_and_day_give_the_same_documents() -> None:
    again = documents(firm(A_DAY), A_DAY)
    assert digest(again) == digest(told(A_DAY))
    assert digest(again) != digest(told(A_DAY, seed=2))
    assert digest(again) != digest(again[:-1])
    assert digest(again) == AS_EVER, "a demo company that lives would contradict its past: raise EDITION of the marker"


@each_last_day
def test_every_document_is_one_the_intake_understands_and_stands_under_an_id_of_its_own(day: date) -> None:
    for d in told(day):
        BY_TYPE[d.type].model_validate(d.data)
    assert max(Counter(d.id for d in later(day)).values()) == 1
    assert [d.order for d in told(day)] == sorted(d.order for d in told(day))
    assert all(d.known <= day for d in told(day))


@each_last_day
def test_time_that_goes_on_adds_documents_and_changes_none(day: date) -> None:
    assert [d for d in later(day) if d.known <= day] == told(day)
    assert len(later(day)) > len(told(day)) + 50


@each_last_day
def test_instalments_and_lines_add_up_to_their_invoice(day: date) -> None:
    for invoice in of(told(day), erp.Invoice):
        lines = sum((line.net.amount + (line.tax or line.net).amount for line in invoice.lines), Decimal(0))
        assert lines == invoice.amount.amount
        if invoice.instalments:
            assert sum(i.amount.amount for i in invoice.instalments) == invoice.amount.amount


@each_last_day
def test_nobody_pays_before_the_invoice_unless_in_advance_by_agreement_and_nobody_pays_too_much(day: date) -> None:
    invoices = {i.invoice: i for i in of(later(day), erp.Invoice)}
    settled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for payment in of(later(day), erp.Payment):
        name = paid_for(payment)
        settled[name] += payment.amount.amount
        if name in invoices and invoices[name].invoice_date > payment.value_date:
            assert (invoices[name].invoice_date - payment.value_date).days <= 6
    for note in of(later(day), erp.CreditNote):
        settled[note.invoice or ""] += note.amount.amount
    assert all(amount <= invoices[name].amount.amount for name, amount in settled.items() if name in invoices)


def paid_for(payment: erp.Payment) -> str:
    """The invoice a payment is for, also where it does not say so."""
    invoice = f"INV-{payment.payment.removeprefix('PAY-').rpartition('-')[0]}"
    assert payment.names in ((invoice,), ())
    return invoice


@each_last_day
def test_no_more_leaves_than_was_ordered_and_nothing_before_the_order_or_after_its_cancellation(day: date) -> None:
    orders = {o.order: o for o in of(told(day), erp.Order)}
    cancelled = {c.order for c in of(told(day), erp.OrderCancellation)}
    left: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for delivery in of(told(day), erp.Delivery):
        assert delivery.delivered_on >= orders[delivery.order].order_date
        assert delivery.order not in cancelled
        for line in delivery.lines:
            left[delivery.order, line.product] += line.quantity
    ordered = {(o.order, line.product): line.quantity for o in orders.values() for line in o.lines}
    assert all(quantity <= ordered[key] for key, quantity in left.items())


@each_last_day
def test_history_is_three_years_long_and_its_customers_are_of_all_types(day: date) -> None:
    placed = [d.effective for d in told(day) if d.type == erp.Order.type]
    assert min(placed) >= day - timedelta(days=HISTORY)
    assert (min(placed) - firm(day).first).days < 30
    customers = list(of(told(day), erp.Customer))
    assert len(customers) == 120
    assert {c.basics.type for c in customers} == {
        "dealer",
        "retailer",
        "agent",
        "industrial_customer",
        "consumer",
        "other",
    }
    assert len({c.basics.owner for c in customers}) == 6
    assert len({c.basics.name for c in customers}) == 120
    groups = Counter(c.basics.group for c in customers if c.basics.group)
    assert len(groups) == 6
    assert min(groups.values()) >= 2


@each_last_day
def test_some_payments_do_not_say_what_they_are_for(day: date) -> None:
    named = Counter(bool(payment.names) for payment in of(told(day), erp.Payment))
    assert named[True] > named[False] > 0


@each_last_day
def test_some_documents_come_late_and_some_correct_others(day: date) -> None:
    late = [d for d in told(day) if (d.known - d.effective).days >= 5]
    assert {d.type for d in late} >= {erp.Payment.type, erp.CreditNote.type, erp.BalanceSheet.type}
    assert any(d.type == erp.OrderCancellation.type for d in later(day))


@each_last_day
def test_limits_and_classes_change_over_the_years(day: date) -> None:
    decided: defaultdict[str, list[tuple[Decimal, str | None]]] = defaultdict(list)
    for terms in of(told(day), erp.CreditTerms):
        assert terms.limit is not None
        decided[terms.customer].append((terms.limit.amount, terms.risk_class))
    assert sum(len(set(d)) > 1 for d in decided.values()) > 80
    assert {c for d in decided.values() for _, c in d} == {"CA1", "CA2", "CA3", "CA4", "CA5"}


def test_goods_that_were_held_leave_are_billed_and_paid_later() -> None:
    delay = timedelta(days=12)
    moved = [d.later(delay) for d in later(A_DAY) if d.needs]
    for before, after in zip((d for d in later(A_DAY) if d.needs), moved, strict=True):
        assert after.id == before.id
        assert (after.known, after.effective) == (before.known + delay, before.effective + delay)
    assert [day + delay for day in due_dates(later(A_DAY))] == due_dates(moved)


def due_dates(sent: Sequence[Document]) -> list[date]:
    return [due for i in of(sent, erp.Invoice) for due in ([i.due] if i.due else [x.due for x in i.instalments])]


def test_amounts_are_written_in_yuan_and_fen() -> None:
    for d in told(A_DAY):
        if "amount" in d.data:
            assert Money.model_validate(d.data["amount"]).amount.as_tuple().exponent == -2


@pytest.mark.parametrize(("year", "day"), [(2025, "2025-01-29"), (2026, "2026-02-17"), (2027, "2027-02-06")])
def test_spring_festival_is_where_the_moon_puts_it(year: int, day: str) -> None:
    assert str(feast_of(SPRING, year)) == day


@pytest.mark.parametrize(("year", "day"), [(2025, "2025-10-06"), (2026, "2026-09-25"), (2031, "2031-10-01")])
def test_mid_autumn_too(year: int, day: str) -> None:
    assert str(feast_of(AUTUMN, year)) == day


def test_gift_boxes_are_ordered_before_spring_festival_and_drinks_cans_before_the_summer() -> None:
    assert season("gift boxes", date(2025, 12, 20)) > 3 > 1 > season("gift boxes", date(2026, 3, 20))
    assert season("two-piece cans", date(2026, 5, 10)) > 1.5 > 0.9 > season("two-piece cans", date(2026, 10, 10))


def test_offices_are_closed_on_weekends_and_feasts() -> None:
    assert working_day(date(2026, 2, 14)) == date(2026, 2, 24)
    assert working_day(date(2026, 2, 13)) == date(2026, 2, 13)


def test_two_months_are_looked_ahead() -> None:
    assert max(d.known for d in later(A_DAY)) > A_DAY + LATER - timedelta(days=4)

"""What is invented holds together: for any seed and any last day, without a server."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from all_in_one.demo.company.buyers import HISTORY, Firm
from all_in_one.demo.company.document import Document, digest
from all_in_one.demo.company.history import documents
from all_in_one.demo.company.seasons import AUTUMN, SPRING, feast_of, season, working_day
from all_in_one.mapping import BY_TYPE
from events import erp
from events.base import Money

THIN = 0.15
"""Documents enough to find a mistake in."""
LAST_DAYS = st.one_of(
    st.dates(date(2024, 1, 1), date(2040, 12, 31)),
    st.sampled_from([date(2028, 2, 29), date(2027, 1, 31), date(2026, 12, 31), date(2027, 3, 1), date(2027, 2, 6)]),
)
FIRMS = st.builds(Firm.seeded, st.integers(0, 10_000), LAST_DAYS, st.just(THIN))
some = settings(max_examples=4, deadline=None)


def of(told: Sequence[Document], kind: type[erp.Document]) -> list[erp.Document]:
    return [kind.model_validate(d.data) for d in told if d.type == kind.type]


def test_the_same_seed_and_day_give_the_same_documents_on_every_machine() -> None:
    firm = Firm.seeded(7, date(2026, 11, 27), THIN)
    assert digest(documents(firm, firm.until)) == digest(documents(firm, firm.until))
    assert digest(documents(firm, firm.until)) != digest(documents(Firm.seeded(8, firm.until, THIN), firm.until))


@some
@given(FIRMS)
def test_every_document_is_one_the_intake_understands_and_stands_under_an_id_of_its_own(firm: Firm) -> None:
    told = documents(firm, firm.until)
    for d in told:
        BY_TYPE[d.type].model_validate(d.data)
    assert max(Counter(d.id for d in told).values()) == 1
    assert [d.order for d in told] == sorted(d.order for d in told)
    assert all(d.known <= firm.until for d in told)


@some
@given(FIRMS, st.integers(1, 70))
def test_time_that_goes_on_adds_documents_and_changes_none(firm: Firm, days: int) -> None:
    before, later = documents(firm, firm.until), documents(firm, firm.until + timedelta(days=days))
    assert [d for d in later if d.known <= firm.until] == before


@some
@given(FIRMS)
def test_instalments_and_lines_add_up_to_their_invoice(firm: Firm) -> None:
    for invoice in of(documents(firm, firm.until), erp.Invoice):
        assert isinstance(invoice, erp.Invoice)
        lines = sum((line.net.amount + (line.tax or line.net).amount for line in invoice.lines), Decimal(0))
        assert lines == invoice.amount.amount
        if invoice.instalments:
            assert sum(i.amount.amount for i in invoice.instalments) == invoice.amount.amount


@some
@given(FIRMS)
def test_nobody_pays_before_there_is_an_invoice_unless_in_advance_by_agreement_nor_more_than_it_says(
    firm: Firm,
) -> None:
    told = documents(firm, firm.until + timedelta(days=10))
    invoices = {i.invoice: i for i in of(told, erp.Invoice) if isinstance(i, erp.Invoice)}
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    for payment in of(told, erp.Payment):
        assert isinstance(payment, erp.Payment)
        [name] = payment.names
        paid[name] += payment.amount.amount
        if name in invoices and invoices[name].invoice_date > payment.value_date:
            assert (invoices[name].invoice_date - payment.value_date).days <= 6
    assert all(amount <= invoices[name].amount.amount for name, amount in paid.items() if name in invoices)


@some
@given(FIRMS)
def test_no_more_leaves_than_was_ordered_and_nothing_before_the_order(firm: Firm) -> None:
    told = documents(firm, firm.until)
    orders = {o.order: o for o in of(told, erp.Order) if isinstance(o, erp.Order)}
    left: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for delivery in of(told, erp.Delivery):
        assert isinstance(delivery, erp.Delivery)
        assert delivery.delivered_on >= orders[delivery.order].order_date
        for line in delivery.lines:
            left[delivery.order, line.product] += line.quantity
    ordered = {(o.order, line.product): line.quantity for o in orders.values() for line in o.lines}
    assert all(quantity <= ordered[key] for key, quantity in left.items())


@some
@given(FIRMS)
def test_history_is_three_years_long_and_its_customers_are_of_all_types(firm: Firm) -> None:
    told = documents(firm, firm.until)
    effective = [d.effective for d in told if d.type == erp.Order.type]
    assert min(effective) >= firm.until - timedelta(days=HISTORY)
    assert (min(effective) - firm.first).days < 30
    types = Counter(c.basics.type for c in of(told, erp.Customer) if isinstance(c, erp.Customer))
    assert types.total() == 120
    assert types.keys() == {"dealer", "retailer", "agent", "industrial_customer", "consumer", "other"}


def test_amounts_are_written_in_yuan_and_fen() -> None:
    firm = Firm.seeded(1, date(2026, 11, 27), THIN)
    for d in documents(firm, firm.until):
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

"""Every measure, for two dates in business and two times of knowing, against a naive reading of the same events."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from analytics_history import EARLY, LATE, MARCH, MAY, Fact
from analytics_reading import (
    ageing,
    by_product,
    credit_sales,
    exposures,
    gross_profit,
    limits,
    open_items,
    order_intake,
    outstanding,
    paid,
    paid_items,
    sales_by_customer,
)
from analytics_reading import tiers as tiers_of
from analytics_stored import DISPUTED, LOG, POINTS, four_answers, scope

from analytics_svc.domain.figures import Edges, Point, Window, dso
from analytics_svc.domain.measures import aged
from analytics_svc.domain.tiers import Tiering
from analytics_svc.projections import tiers
from analytics_svc.projections.stored import StoredMeasures
from events.complaint import ComplaintOpened


async def test_the_balance_depends_on_both_times(measures: StoredMeasures) -> None:
    answers = []
    for as_of, known_at in POINTS:
        found = await measures.balance(scope(as_of, known_at))
        facts = list(LOG.known(as_of, known_at))
        receivable = sum(left for _, left in open_items(facts).values())
        assert found.outstanding == outstanding(facts)
        assert (found.receivable, found.unallocated) == (receivable, found.outstanding - receivable)
        answers.append(found)
    four_answers(answers)


async def test_the_ageing_depends_on_both_times_and_adds_up_to_the_balance(measures: StoredMeasures) -> None:
    answers = []
    for as_of, known_at in POINTS:
        buckets = aged(await measures.by_date(scope(as_of, known_at)), as_of, Edges())
        facts = list(LOG.known(as_of, known_at))
        assert {b.bucket: b.amount for b in buckets} == ageing(facts, as_of)
        assert sum(b.amount for b in buckets) == outstanding(facts)
        answers.append(buckets)
    four_answers(answers)


async def test_dso_depends_on_both_times(measures: StoredMeasures) -> None:
    answers = []
    for as_of, known_at in POINTS:
        window = scope(as_of, known_at, Window.of_days(60, as_of))
        sold = await measures.credit_sales(window)
        owed = await measures.balance(scope(as_of, known_at))
        facts = list(LOG.known(as_of, known_at))
        assert sold == credit_sales(facts, as_of, 60) == (await measures.totals(window)).credit_sales
        answers.append(dso(owed.outstanding, sold, 60).value)
    four_answers(answers)


@pytest.mark.parametrize("measure", ["exposure", "balance"])
async def test_limit_use_depends_on_both_times(measures: StoredMeasures, measure: str) -> None:
    answers = []
    for as_of, known_at in POINTS:
        facts = list(LOG.known(as_of, known_at))
        uses = await measures.limit_use(scope(as_of, known_at), "exposure" if measure == "exposure" else "balance")
        assert {u.customer: u.limit for u in uses} == limits(facts)
        used = exposures(facts) if measure == "exposure" else _owed(facts)
        assert {u.customer: u.used for u in uses} == {c: used.get(c, Decimal(0)) for c in limits(facts)}
        answers.append([(u.used, u.limit, u.breached) for u in uses])
    four_answers(answers)


def _owed(facts: Sequence[Fact]) -> dict[str, Decimal]:
    names = {f.customer for f in facts if f.customer}
    return {c: outstanding(f for f in facts if f.customer == c) for c in names}


async def test_totals_depend_on_both_times(measures: StoredMeasures) -> None:
    answers = []
    for as_of, known_at in POINTS:
        found = await measures.totals(scope(as_of, known_at))
        facts = list(LOG.known(as_of, known_at))
        assert found.order_intake == order_intake(facts)
        assert found.gross_profit == gross_profit(facts)
        assert found.paid == paid(facts)
        assert found.sales == sum(sales_by_customer(facts).values())
        assert (found.orders, found.invoices, found.payments, found.customers, found.cancelled_orders) == tuple(
            sum(1 for f in facts if f.type.endswith("." + name))
            for name in ("OrderPlaced", "InvoiceIssued", "PaymentReceived", "CustomerRegistered", "OrderCancelled")
        )
        answers.append(found)
    for name in ("order_intake", "billed", "paid", "gross_profit", "orders", "invoices", "payments", "customers"):
        assert len({getattr(a, name) for a in answers}) > 1, name
    four_answers(answers)


RANKED: dict[str, Callable[[Sequence[Fact]], dict[str, Decimal]]] = {
    "sales": sales_by_customer,
    "order_intake": lambda facts: _by_customer(facts, order_intake),
    "gross_profit": lambda facts: _by_customer(facts, gross_profit),
    "paid": lambda facts: _by_customer(facts, paid),
}


def _by_customer(facts: Sequence[Fact], of: Callable[[list[Fact]], Decimal]) -> dict[str, Decimal]:
    return {c: of([f for f in facts if f.customer == c]) for c in {f.customer for f in facts if f.customer}}


@pytest.mark.parametrize("measure", ["sales", "order_intake", "gross_profit", "paid"])
async def test_tiers_depend_on_both_times(measures: StoredMeasures, measure: str) -> None:
    answers = []
    for as_of, known_at in POINTS:
        facts = list(LOG.known(as_of, known_at))
        query = tiers.of_customers(scope(as_of, known_at), Tiering(measure=measure))  # type: ignore[arg-type]
        found = {r["subject"]: r for r in await measures.facts.rows(query)}
        known = {f.customer: Decimal(0) for f in facts if f.customer and f.type == "customer.CustomerRegistered"}
        naive = known | {c: a for c, a in RANKED[measure](facts).items() if a}
        assert {c: r["amount"] for c, r in found.items()} == naive
        assert {c: r["tier"] for c, r in found.items()} == tiers_of(naive)
        answers.append({c: (r["amount"], r["tier"]) for c, r in found.items()})
    four_answers(answers)


async def test_products_depend_on_both_times(measures: StoredMeasures) -> None:
    answers = []
    for as_of, known_at in POINTS:
        query = tiers.of_products(scope(as_of, known_at), Tiering(measure="order_intake"))
        found = {r["subject"]: r["amount"] for r in await measures.facts.rows(query)}
        assert found == by_product(list(LOG.known(as_of, known_at)))
        answers.append(sorted(found.items()))
    four_answers(answers)


async def test_total_assets_are_the_last_reported_by_then(measures: StoredMeasures) -> None:
    found = [await measures.assets(Point(as_of, at)) for as_of, at in ((MARCH, EARLY), (MARCH, LATE))]
    assert [a and a.amount for a in found] == [Decimal(4000), Decimal(5000)]
    assert await measures.assets(Point(date(2023, 1, 1), LATE)) is None


async def test_overdue_counts_from_the_day_after_the_due_date(measures: StoredMeasures) -> None:
    for as_of in (date(2024, 3, 20), date(2024, 3, 21), MAY):
        found = {o.customer: (o.oldest, o.amount) for o in await measures.overdue(scope(as_of, LATE))}
        late: dict[str, tuple[date, Decimal]] = {}
        for customer in ("C1", "C2"):
            facts = [f for f in LOG.known(as_of, LATE) if f.customer == customer]
            items = [(due, left) for due, left in open_items(facts).values() if left > 0 and due < as_of]
            if items:
                late[customer] = (min(d for d, _ in items), sum((a for _, a in items), Decimal(0)))
        assert found == late


async def test_the_ageing_adds_up_to_the_balance_on_every_date(measures: StoredMeasures) -> None:
    for n in range(180):
        as_of = date(2024, 1, 1) + timedelta(days=n)
        amounts = await measures.by_date(scope(as_of, LATE))
        total = (await measures.balance(scope(as_of, LATE))).outstanding
        assert sum(b.amount for b in aged(amounts, as_of, Edges())) == total == outstanding(LOG.known(as_of, LATE))


async def test_a_payment_recorded_later_never_changes_what_was_known_before(measures: StoredMeasures) -> None:
    times = [EARLY + timedelta(days=n) for n in range(0, 80, 5)]
    totals = [(await measures.balance(scope(MAY, at))).outstanding for at in times]
    assert [a != b for a, b in pairwise(totals)].count(True) == 1


async def test_what_was_paid_of_invoices_once_disputed_is_told_apart(measures: StoredMeasures) -> None:
    answers = []
    for as_of, known_at in POINTS:
        facts = list(LOG.known(as_of, known_at))
        complained = [f.event for f in facts if isinstance(f.event, ComplaintOpened)]
        disputed = {(e.customer, e.invoice) for e in complained if e.disputed}
        at = scope(as_of, known_at, Window(first=None, last=as_of))
        for wanted in DISPUTED[1:]:
            settled = [i for i in paid_items(facts) if ((i.customer, i.invoice) in disputed) == (wanted == "only")]
            found = await measures.paid(at, wanted)
            assert (found.instalments, found.days_late) == (len(settled), sum(i.days_late for i in settled))
            answers.append((wanted, found.instalments, len(paid_items(facts))))
    assert ("only", 1, 1) in answers
    assert ("excluded", 0, 1) in answers

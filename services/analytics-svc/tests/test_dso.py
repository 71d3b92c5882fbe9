"""The DSO family: its arithmetic, by group and by month against a naive reading, for two dates and two times."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from analytics_history import LATE, MAY, Fact
from analytics_reading import attribute, credit_sales, outstanding, paid_items, sums
from analytics_stored import LOG, POINTS, four_answers, scope

from analytics_svc.domain.dso import (
    FamilySums,
    cash_tied_up,
    countback,
    counted_since,
    effectiveness,
    exhausted,
    family,
    month_of,
)
from analytics_svc.domain.figures import Window
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import SUMS, GroupBy, Period, calendar_months, months_up_to, recent_months
from analytics_svc.projections import dso, groups, sales
from analytics_svc.projections.facts import TOGETHER
from analytics_svc.projections.stored import StoredMeasures
from analytics_svc.projections.sums import by_month

D = Decimal


def of_type(facts: Sequence[Fact], by: GroupBy, name: str) -> list[Fact]:
    known = attribute(facts, by)
    return [f for f in facts if by == "company" or known.get(f.customer or "", "") == name]


async def sold(measures: StoredMeasures, at: Scope, of: Any, name: str) -> dict[int, Decimal]:
    rows = await measures.facts.rows(sales.monthly(at, of, [name]))
    return {r["month"]: r["credit_sales"] for r in rows}


@pytest.mark.parametrize("by", ["company", "type", "owner"])
async def test_the_family_of_every_group_depends_on_both_times(measures: StoredMeasures, by: GroupBy) -> None:
    answers = []
    for as_of, known_at in POINTS:
        at, period = scope(as_of, known_at), Period(Window(first=months_up_to(as_of, 2), last=as_of), 60)
        of = groups.of(at, by)
        for row in await measures.facts.rows(dso.page(at, period, of, "name")[0]):
            found = FamilySums.model_validate(dict(row))
            mine = of_type(list(LOG.known(as_of, known_at)), by, found.name)
            expected = sums(mine, (period.first, as_of))
            settled = [i for i in paid_items(mine) if period.dso.first and period.dso.first <= i.paid_on <= as_of]
            expected |= {"credit_sales": credit_sales(mine, as_of, 60), "settled": sum(i.paid for i in settled)}
            expected |= {"settled_days": sum(i.paid_days for i in settled)}
            for name, value in found.model_dump(exclude={"name", "customers"}).items():
                assert value == expected[name], (name, found.name, as_of, known_at)
            months = await sold(measures, at, of, found.name)
            assert months == monthly(mine)
            answers.append(family(found, months, period, 2))
    assert len({str(a) for a in answers}) >= 4
    if by == "company":
        four_answers(answers)


def monthly(facts: Sequence[Fact]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for fact in facts:
        if sold := credit_sales([fact], fact.effective, 1):
            month = month_of(fact.effective)
            found[month] = found.get(month, D(0)) + sold
    return found


@pytest.mark.parametrize("by", ["company", "type"])
async def test_every_month_of_every_group_is_what_it_was_at_its_end(measures: StoredMeasures, by: GroupBy) -> None:
    at = scope(MAY, LATE)
    facts, months = list(LOG.known(MAY, LATE)), recent_months(MAY, 5, 45)
    rows = list(await measures.facts.rows(by_month(at, months, groups.of(at, by))))
    for row in rows:
        month, mine = months[row["n"]], of_type(facts, by, row["name"])
        then = [f for f in mine if f.effective <= month.last]
        expected = sums(then, (month.first, month.last)) | {"credit_sales": credit_sales(then, month.last, 45)}
        registered = sum(1 for f in then if f.type == "customer.CustomerRegistered")
        assert (row["month"], row["customers"]) == (f"{month.last:%Y-%m}", registered)
        for name, value in expected.items():
            assert row[name] == value, (row["name"], row["month"], name)
        settled = [i for i in paid_items(then) if month.dso.first and i.paid_on >= month.dso.first]
        assert row["settled"] == sum(i.paid for i in settled)
        assert row["settled_days"] == sum(i.paid_days for i in settled)
    assert len(rows) == 5 * (1 if by == "company" else len({r["name"] for r in rows}))
    assert {name for name in SUMS if any(row[name] for row in rows)} == set(SUMS), "every sum is tried"


async def test_the_opening_of_a_month_is_the_end_of_the_one_before(measures: StoredMeasures) -> None:
    rows = await measures.facts.rows(by_month(scope(MAY, LATE), recent_months(MAY, 5), TOGETHER))
    by_number = {r["n"]: r for r in rows}
    assert [by_number[n]["opening"] for n in range(1, 5)] == [by_number[n]["outstanding"] for n in range(4)]
    assert by_number[4]["outstanding"] == outstanding(LOG.known(MAY, LATE))


# --- arithmetic ---------------------------------------------------------------------------------------------------

SUMS_OF = FamilySums(
    name="", customers=1, opening=D(700), period_sales=D(900), outstanding=D(500), current=D(300), overdue=D(250),
    credit_sales=D(900), settled=D(110), settled_days=D(1050),
)  # fmt: skip
PERIOD = Period(Window(first=date(2024, 3, 1), last=date(2024, 5, 31)), 90)


def test_unallocated_cash_reduces_the_receivables_and_is_neither_current_nor_overdue() -> None:
    """500 are outstanding: 300 not yet due, 250 overdue, 50 unallocated."""
    found = family(SUMS_OF, {month_of(date(2024, 5, 1)): D(900)}, PERIOD, 3)
    assert found.dso.value == D("50.00")
    assert (found.best_possible.value, found.average_days_delinquent.value) == (D("30.00"), D("20.00"))
    assert (found.days_credit_granted.value, found.delinquent.value) == (D("25.00"), D("25.00"))
    assert found.weighted_days_to_pay.value == D("9.55")


def test_without_sales_every_ratio_of_them_is_null_and_says_why() -> None:
    found = family(SUMS_OF.model_copy(update={"credit_sales": D(0), "period_sales": D(0)}), {}, PERIOD, 3)
    for ratio in (found.dso, found.best_possible, found.average_days_delinquent, found.delinquent):
        assert (ratio.value, ratio.reason) == (None, "no_sales_in_window")
    assert (found.countback.value, found.countback.reason) == (None, "no_sales_in_window")


def test_a_countback_takes_whole_months_and_then_the_fraction_of_one() -> None:
    """As of 10 May: 100 in May (10 days), 200 in April (30), 400 in March (31 days)."""
    months = {month_of(date(2024, m, 1)): D(s) for m, s in ((5, 100), (4, 200), (3, 400))}
    found = countback(D(400), months, date(2024, 5, 10))
    assert found.value == D("47.75"), "10 + 30 + 100/400 x 31"
    assert (found.months, found.skipped) == (["2024-05", "2024-04", "2024-03"], [])
    assert counted_since(found, date(2024, 5, 10)) == date(2024, 3, 1)


def test_a_countback_passes_over_months_without_sales_and_names_them() -> None:
    months = {month_of(date(2024, m, 1)): D(s) for m, s in ((5, 100), (3, -50), (2, 300))}
    found = countback(D(250), months, date(2024, 5, 31))
    assert (found.value, found.skipped) == (D("45.50"), ["2024-04", "2024-03"])


def test_a_countback_needs_sales_enough() -> None:
    assert countback(D(0), {}, MAY).value == 0
    assert countback(D(-10), {month_of(MAY): D(5)}, MAY).value == 0
    more = countback(D(10), {month_of(MAY): D(5)}, MAY)
    assert (more.value, more.reason) == (None, "receivables_exceed_all_sales")


def test_a_countback_of_periods_of_any_length() -> None:
    assert exhausted(D(150), [("q2", D(100), 91), ("q1", D(100), 90)]).value == D(136)


def test_collection_effectiveness_is_monthly() -> None:
    assert effectiveness(D(6200), D(10890), 3, D(6340), D(3590)).value == D("55.93")
    nothing = effectiveness(D(0), D(0), 3, D(0), D(0))
    assert (nothing.value, nothing.reason) == (None, "nothing_to_collect")


def test_cash_tied_up_is_null_while_nothing_is_known_of_stock_and_payables() -> None:
    found = cash_tied_up(D(300), D(500), D(800), 90)
    assert (found.receivable_days, found.days) == (D("45.00"), None)
    assert found.reasons == ["no_stock_facts", "no_payables_facts"]


def test_months_end_with_the_day_asked_for() -> None:
    assert months_up_to(date(2005, 6, 9), 3) == date(2005, 3, 10)
    assert months_up_to(date(2024, 5, 31), 3) == date(2024, 3, 1)
    assert months_up_to(date(2024, 5, 29), 3) == date(2024, 2, 29)
    found = calendar_months(Window(first=date(2024, 1, 20), last=date(2024, 3, 5)))
    assert [(m.first.day, m.last.day, m.name) for m in found] == [
        (20, 31, "2024-01"), (1, 29, "2024-02"), (1, 5, "2024-03"),
    ]  # fmt: skip

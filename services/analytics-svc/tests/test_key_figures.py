"""Key figures by group: against a naive reading, adding up to the total, beside the period before."""

from collections import Counter
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from analytics_history import LATE, MAY, Fact
from analytics_reading import attribute, sales_by_customer, sums, tiers
from analytics_stored import LOG, POINTS, four_answers, scope

from analytics_svc.domain.figures import Window, year_to
from analytics_svc.domain.key_figures import BEFORE, KEY_MEASURES, NOW, group_of
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import FLOWS, By, Period, before, calendar_months
from analytics_svc.projections import key_figures
from analytics_svc.projections.stored import StoredMeasures


def periods(as_of: date) -> dict[str, Period]:
    period = Period(Window.of_days(60, as_of))
    return {NOW: period, BEFORE: before(period)}


async def rows(measures: StoredMeasures, at: Scope, by: By) -> dict[str, dict[str, Any]]:
    query = key_figures.rows(at, periods(at.point.as_of), by)
    return {r["name"]: dict(r) for r in await measures.facts.rows(query)}


def of_group(facts: list[Fact], by: By, name: str) -> list[Fact]:
    """The facts of the customers in a group; those of nobody's are of customers not registered yet."""
    if by == "company":
        return facts
    if by == "customer":
        return [f for f in facts if f.customer == name]
    known = attribute(facts, by)
    return [f for f in facts if known.get(f.customer or "", "") == name]


@pytest.mark.parametrize("by", ["company", "type", "owner", "city", "risk_class", "customer"])
async def test_key_figures_of_every_group_depend_on_both_times(measures: StoredMeasures, by: By) -> None:
    answers = []
    for as_of, known_at in POINTS:
        found = await rows(measures, scope(as_of, known_at), by)
        facts = list(LOG.known(as_of, known_at))
        for name, row in found.items():
            mine = of_group(facts, by, name)
            assert row["customers"] == sum(1 for f in mine if f.type == "customer.CustomerRegistered"), (name, as_of)
            for prefix, period in periods(as_of).items():
                expected = sums(mine, (period.first, period.last))
                assert {n: row[prefix + n] for n in expected} == expected, (name, as_of, known_at, prefix)
        answers.append(found)
    four_answers(answers)


@pytest.mark.parametrize("by", ["type", "owner", "group", "city", "risk_class", "tier", "vip", "customer"])
async def test_groups_add_up_to_the_total(measures: StoredMeasures, by: By) -> None:
    for as_of, known_at in POINTS:
        found = (await rows(measures, scope(as_of, known_at), by)).values()
        total = (await rows(measures, scope(as_of, known_at), "company"))[""]
        for name in total:
            assert name == "name" or sum(row[name] for row in found) == total[name], (name, as_of, known_at)


async def test_customers_are_in_the_group_they_were_in_on_that_day_as_then_known(measures: StoredMeasures) -> None:
    by_type = [
        {name: row["customers"] for name, row in (await rows(measures, scope(*point), "type")).items() if name}
        for point in POINTS
    ]
    march, may = [{"dealer": 1}, {"dealer": 1, "agent": 1}], [{"dealer": 1, "retailer": 1}, {"retailer": 2, "agent": 1}]
    assert by_type == march + may


async def test_a_share_is_of_the_total_and_a_change_of_what_was_before(measures: StoredMeasures) -> None:
    at = scope(MAY, LATE)
    total = (await rows(measures, at, "company"))[""]
    [mine] = [row for name, row in (await rows(measures, at, "customer")).items() if name == "C2"]
    group = group_of(mine, total, KEY_MEASURES)
    assert group.share["outstanding"] == round(mine["now_outstanding"] / total["now_outstanding"], 6)
    assert group.figures.margin == round(mine["now_gross_profit"] / mine["now_with_cost"], 6)
    assert (group.before.orders, group.figures.orders, group.change["orders"]) == (1, 1, Decimal(0))
    assert "dso" not in group.share, "a ratio has no share"


async def test_a_ratio_without_a_divisor_is_null_and_says_why(measures: StoredMeasures) -> None:
    [mine] = [row for name, row in (await rows(measures, scope(MAY, LATE), "customer")).items() if name == "C3"]
    group = group_of(mine, mine, KEY_MEASURES)
    assert (group.figures.margin, group.figures.average_order_value, group.figures.dso) == (None, None, None)
    assert group.figures.reasons == {
        "margin": "no_order_intake_of_known_cost",
        "average_order_value": "no_orders",
        "dso": "no_sales_in_window",
    }
    assert group.change["sales"] is None, "there is no change of nothing"


@pytest.mark.parametrize(
    ("first", "last", "earlier"),
    [
        (date(2024, 2, 1), date(2024, 2, 29), (date(2024, 1, 1), date(2024, 1, 31))),
        (date(2024, 1, 1), date(2024, 12, 31), (date(2023, 1, 1), date(2023, 12, 31))),
        (date(2024, 2, 16), date(2024, 5, 15), (date(2023, 11, 16), date(2024, 2, 15))),
        (date(2024, 3, 5), date(2024, 3, 11), (date(2024, 2, 27), date(2024, 3, 4))),
        (date(2024, 1, 31), date(2024, 3, 30), (date(2023, 12, 2), date(2024, 1, 30))),
    ],
)
def test_the_period_before_is_as_many_whole_months_or_else_days(
    first: date, last: date, earlier: tuple[date, date]
) -> None:
    found = before(Period(Window(first=first, last=last)))
    assert (found.first, found.last) == earlier


def test_a_period_without_a_beginning_has_none_before_it() -> None:
    with pytest.raises(ValueError, match="without a beginning"):
        before(Period(Window(first=None, last=MAY)))


@pytest.mark.parametrize(("by", "scheme"), [("tier", "ABC"), ("vip", "VIP")])
async def test_customers_are_grouped_by_their_tier_by_sales_of_the_12_months(
    measures: StoredMeasures, by: By, scheme: str
) -> None:
    for as_of, known_at in POINTS:
        facts = list(LOG.known(as_of, known_at))
        sold = sales_by_customer(f for f in facts if f.effective >= year_to(as_of))
        known = {f.customer for f in facts if f.type == "customer.CustomerRegistered" and f.customer}
        expected = tiers(dict.fromkeys(known, Decimal(0)) | sold, scheme)
        found = await rows(measures, scope(as_of, known_at), by)
        assert {name: row["customers"] for name, row in found.items() if name} == Counter(expected[c] for c in known)


async def test_months_are_groups_of_what_happened_each_beside_the_month_before(measures: StoredMeasures) -> None:
    for as_of, known_at in POINTS:
        found = await rows(measures, scope(as_of, known_at), "month")
        facts, whole = list(LOG.known(as_of, known_at)), periods(as_of)[NOW]
        months = calendar_months(whole.window)
        assert sorted(found) == [m.name for m in months]
        for month in months:
            expected = sums([f for f in facts if f.effective <= month.last], (month.first, month.last))
            assert {n: found[month.name][NOW + n] for n in expected} == expected, month
        for earlier, later in pairwise(found[m.name] for m in months):
            assert {n: earlier[NOW + n] for n in FLOWS} == {n: later[BEFORE + n] for n in FLOWS}
        total = (await rows(measures, scope(as_of, known_at), "company"))[""]
        for name in FLOWS:
            assert sum(row[NOW + name] for row in found.values()) == total[NOW + name], (name, as_of)


async def test_what_is_open_at_the_ends_of_months_has_no_share_of_the_total(measures: StoredMeasures) -> None:
    total = (await rows(measures, scope(MAY, LATE), "company"))[""]
    found = (await rows(measures, scope(MAY, LATE), "month"))["2024-05"]
    shares = set(group_of(total, total, KEY_MEASURES).share)
    assert shares - set(group_of(found, total, KEY_MEASURES, "month").share) == {"outstanding", "overdue"}

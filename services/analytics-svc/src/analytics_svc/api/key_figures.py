"""Key figures by group: a pivot over customers, with the period before, shares and the events behind."""

from typing import Annotated, Literal

from fastapi import Depends, Query

from analytics_svc.answering import AsOf, Customer, Explanation, Figure, Figures, Page, Part, checked, over
from analytics_svc.domain.figures import Window, window_of, year_to
from analytics_svc.domain.key_figures import BEFORE, KEY_MEASURES, NOW, Group, KeyMeasure, group_of
from analytics_svc.domain.periods import By, Period, before
from analytics_svc.projections import customers, groups, key_figures, profiles, receivables, sales, sums, terms
from analytics_svc.projections.facts import TOGETHER
from chassis.context import Paged
from chassis.parameters import Day
from chassis.routes import Routes

router = Routes(tags=["figures"])
Known = Annotated[Figures, over(sales.VIEW, receivables.VIEW, terms.VIEW, profiles.VIEW, customers.VIEW)]
Sort = Literal["name", "order_intake", "billed", "sales", "gross_profit", "paid", "orders", "outstanding", "overdue"]
Sorted = Annotated[Sort, Query(description="By name, or by a figure, the largest first.")]
GroupedBy = Annotated[By, Query(description="What customers are grouped by, as known of them at as_of.")]
Wanted = Annotated[list[KeyMeasure] | None, Query(alias="measures", description="Only these; repeat it for several.")]
GroupName = Annotated[str | None, Query(description="Only the group of this name; all otherwise.", examples=["dealer"])]
WhichPeriod = Annotated[Literal["period", "before"], Query(alias="of", description="The period, or the one before it.")]


class KeyFiguresFigure(Figure):
    """The groups on this page, and the total of all groups; figures that add up add up to it exactly."""

    by: By
    window: Window
    before: Window
    measures: list[KeyMeasure]
    total: Group
    groups: Paged[Group]


async def periods(
    as_of: AsOf,
    first: Annotated[Day | None, Query(alias="from", description="First day; 12 months up to as_of otherwise.")] = None,
) -> dict[str, Period]:
    """The window asked for and the one before it."""
    period = Period(checked(lambda: window_of(first or year_to(as_of), as_of)))
    return {NOW: period, BEFORE: before(period)}


Periods = Annotated[dict[str, Period], Depends(periods)]


@router.get("/key-figures", summary="Key figures by group", response_model_exclude_unset=True)
async def by_group(
    figures: Known,
    page: Page,
    periods: Periods,
    by: GroupedBy = "company",
    measures: Wanted = None,
    customer: Customer = None,
    sort: Sorted = "name",
) -> KeyFiguresFigure:
    """R-074, R-075, R-128: what groups ordered, were billed, paid and owe, beside the period before and the total."""
    wanted = KEY_MEASURES if measures is None else measures
    scope = await figures.scope(customer)
    (total,) = await figures.facts.rows(sums.by_group(scope, periods, TOGETHER))
    query, order = key_figures.page(scope, periods, by, sort)
    return KeyFiguresFigure(
        **figures.stated,
        currency=scope.currency or "",
        by=by,
        window=periods[NOW].window,
        before=periods[BEFORE].window,
        measures=list(wanted),
        total=group_of(total, total, wanted),
        groups=await figures.page(
            page, query, *order, make=lambda row: group_of(row, total, wanted, by), descending=sort != "name"
        ),
    )


@router.get("/key-figures/explain", summary="The events behind a key figure")
async def explain(
    figures: Known,
    page: Page,
    periods: Periods,
    by: GroupedBy = "company",
    group: GroupName = None,
    customer: Customer = None,
    which: WhichPeriod = "period",
    part: Part = "sales",
) -> Explanation:
    """Parts: the figures that add up, and what ratios are made of.

    margin is gross_profit / with_cost, average_order_value order_intake / orders, dso outstanding / credit_sales x 90.
    """
    scope = await figures.scope(customer)
    period = {"period": periods[NOW], "before": periods[BEFORE]}[which]
    of = groups.of(scope, by)
    parts = {name: groups.only(query, of, group) for name, query in sums.entries(scope, period).items()}
    return await figures.explain(page, scope, parts, part, alone=True, counted={"orders"})

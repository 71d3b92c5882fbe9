"""Days sales outstanding and its family: of all, of a customer, by group, by month, with the events behind."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import Field

from analytics_svc.answering import Customer, Explanation, Figure, Figures, Page, Part, over
from analytics_svc.domain.dso import (
    CEI_MONTHS,
    DsoFamily,
    FamilySums,
    MonthSums,
    countback,
    counted_since,
    family,
    sales_by_month,
)
from analytics_svc.domain.figures import DSO_DAYS, Ratio, Window, dso
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import GroupBy, Period, months_up_to, recent_months
from analytics_svc.projections import customers, groups, profiles, receivables, sales, terms
from analytics_svc.projections import dso as selections
from analytics_svc.projections.dso import FamilyFigure, Sort
from analytics_svc.projections.facts import TOGETHER, Groups
from chassis.context import Paged
from chassis.routes import Routes

router = Routes(tags=["figures"])
OwedAndSold = Annotated[Figures, over(receivables.VIEW, sales.VIEW, terms.VIEW, customers.VIEW)]
Known = Annotated[Figures, over(receivables.VIEW, sales.VIEW, terms.VIEW, profiles.VIEW, customers.VIEW)]
Days = Annotated[int, Query(ge=1, le=3660, description="Calendar days of the window, ending at as_of.")]
Months = Annotated[int, Query(ge=1, le=60, description="Months that end with as_of.")]
CeiMonths = Annotated[int, Query(alias="months", ge=1, le=60, description="Months of the CEI, ending with as_of.")]
GroupedBy = Annotated[GroupBy, Query(description="What customers are grouped by, as known of them at as_of.")]
OnlyGroup = Annotated[str | None, Query(description="Only the group of this name.", examples=["dealer"])]
SortedBy = Annotated[Sort, Query(description="By name, or by an amount, the largest first.")]


class DsoFigure(Figure):
    """R-122, standard form: receivables / sales x days. `dso` is null with the `reason` where sales are not above 0."""

    customer: str | None
    measure: str = "receivables / (billed - credit notes, gross of tax) x days"
    window: Window
    dso: Decimal | None = Field(examples=["55.35"])
    reason: str | None
    ratio: Ratio


class FamiliesFigure(Figure):
    """The family of every group on this page, and of all together. `window` is that of S, `period` that of the CEI."""

    by: GroupBy
    window: Window
    period: Window
    months: int
    total: DsoFamily
    groups: Paged[DsoFamily]


class TrendPoint(DsoFamily):
    """The family at the end of a month; the CEI is that of the month."""

    month: str = Field(examples=["2024-05"])
    last: date


class TrendFigure(Figure):
    """R-122, R-123: the family at the end of every month; the last one ends with as_of."""

    by: GroupBy
    days: int
    months: int
    points: Paged[TrendPoint]


@router.get("/dso", summary="Days sales outstanding")
async def days_sales_outstanding(figures: OwedAndSold, customer: Customer = None, days: Days = DSO_DAYS) -> DsoFigure:
    """Receivables at as_of by the sales of the days before, in days of sales; with a customer, of its own."""
    window = Window.of_days(days, figures.point.as_of)
    scope = await figures.scope(customer)
    owed = await figures.measures.balance(scope)
    sold = await figures.measures.credit_sales(replace(scope, window=window))
    ratio = dso(owed.outstanding, sold, days)
    return DsoFigure(
        **figures.stated,
        currency=scope.currency or "",
        customer=customer,
        window=window,
        dso=ratio.value,
        reason=ratio.reason,
        ratio=ratio,
    )


@router.get("/dso/explain", summary="The events behind a DSO")
async def explain_dso(
    figures: OwedAndSold, page: Page, customer: Customer = None, days: Days = DSO_DAYS, part: Part = "numerator"
) -> Explanation:
    """Parts: numerator (receivables), denominator (sales of the window)."""
    scope = await figures.scope(customer)
    sold = await figures.scope(customer, Window.of_days(days, figures.point.as_of))
    parts = {"numerator": receivables.entries(scope), "denominator": sales.entries(sold, "credit_sales")}
    return await figures.explain(page, scope, parts, part)


@router.get("/dso/family", summary="The DSO family by group")
async def families(
    figures: Known,
    page: Page,
    by: GroupedBy = "company",
    customer: Customer = None,
    days: Days = DSO_DAYS,
    months: CeiMonths = CEI_MONTHS,
    sort: SortedBy = "name",
) -> FamiliesFigure:
    """R-122..R-124: DSO, best possible, delinquent, by exhaustion, CEI, days to pay, cash tied up; null with why."""
    period = _period(figures, days, months)
    scope = await figures.scope(customer)
    of = groups.of(scope, by)
    query, order = selections.page(scope, period, of, sort)
    found = await figures.page(page, query, *order, make=FamilySums.model_validate, descending=sort != "name")
    sold = await _sold(figures, scope, of, found.items)
    return FamiliesFigure(
        **figures.stated,
        currency=scope.currency or "",
        by=by,
        window=period.dso,
        period=period.window,
        months=months,
        total=await _together(figures, scope, period, months),
        groups=Paged(items=[family(s, sold[s.name], period, months) for s in found.items], next=found.next),
    )


@router.get("/dso/family/explain", summary="The events behind a figure of the DSO family")
async def explain_family(
    figures: Known,
    page: Page,
    by: GroupedBy = "company",
    group: OnlyGroup = None,
    customer: Customer = None,
    days: Days = DSO_DAYS,
    months: CeiMonths = CEI_MONTHS,
    figure: Annotated[FamilyFigure, Query(description="The figure to be taken apart.")] = "dso",
    part: Part = "numerator",
) -> Explanation:
    """Parts: numerator and denominator; of the CEI opening, sales, closing and closing_current."""
    period = _period(figures, days, months)
    scope = await figures.scope(customer)
    of = groups.of(scope, by)
    one, name = (TOGETHER, "") if group is None else (of, group)
    since = await _counted_since(figures, scope, period, one, name)
    parts = selections.entries(scope, period, figure, since)
    return await figures.explain(
        page, scope, {name: groups.only(query, of, group) for name, query in parts.items()}, part
    )


@router.get("/dso/trend", summary="The DSO family month by month")
async def trend(
    figures: Known,
    page: Page,
    by: GroupedBy = "company",
    group: OnlyGroup = None,
    customer: Customer = None,
    days: Days = DSO_DAYS,
    months: Months = 12,
) -> TrendFigure:
    """Of every group, or of one, at the end of each calendar month up to as_of; all as known at the same time."""
    periods = recent_months(figures.point.as_of, months, days)
    scope = await figures.scope(customer)
    of = groups.of(scope, by)
    query, order = selections.trend(scope, periods, of, group)
    found = await figures.page(page, query, *order, make=MonthSums.model_validate)
    sold = await _sold(figures, scope, of, found.items)
    return TrendFigure(
        **figures.stated,
        currency=scope.currency or "",
        by=by,
        days=days,
        months=months,
        points=Paged(items=[_point(s, sold[s.name], periods[s.n]) for s in found.items], next=found.next),
    )


def _period(figures: Figures, days: int, months: int) -> Period:
    last = figures.point.as_of
    return Period(Window(first=months_up_to(last, months), last=last), days)


async def _together(figures: Figures, scope: Scope, period: Period, months: int) -> DsoFamily:
    query, _ = selections.page(scope, period, TOGETHER, "name")
    [row] = await figures.facts.rows(query)
    found = FamilySums.model_validate(dict(row))
    return family(found, (await _sold(figures, scope, TOGETHER, [found]))[found.name], period, months)


async def _counted_since(figures: Figures, scope: Scope, period: Period, of: Groups, name: str) -> date:
    """The first day of the sales that the countback of the group of this name has counted."""
    query, _ = selections.page(scope, period, of, "name")
    found = [FamilySums.model_validate(dict(row)) for row in await figures.facts.rows(selections.named(query, name))]
    sold = await _sold(figures, scope, of, found)
    counts = [countback(s.outstanding, sold[s.name], period.last) for s in found]
    return min((counted_since(c, period.last) for c in counts), default=period.last)


async def _sold(
    figures: Figures, scope: Scope, of: Groups, rows: Sequence[FamilySums]
) -> Mapping[str, Mapping[int, Decimal]]:
    """By group of these rows, the sales of each month."""
    names = sorted({row.name for row in rows})
    return sales_by_month(names, await figures.facts.rows(sales.monthly(scope, of, names)))


def _point(sums: MonthSums, sold: Mapping[int, Decimal], month: Period) -> TrendPoint:
    return TrendPoint(**dict(family(sums, sold, month, 1)), month=month.name, last=month.last)

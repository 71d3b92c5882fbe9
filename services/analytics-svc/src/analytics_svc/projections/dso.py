"""The DSO family by group and by month, and the events behind each of its figures."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from analytics_svc.domain.dso import FamilySums
from analytics_svc.domain.figures import Edges, Window
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period
from analytics_svc.projections import payment_behaviour, receivables, sales, sums
from analytics_svc.projections.facts import Expression, Groups

Sort = Literal["name", "outstanding", "overdue", "credit_sales"]
FamilyFigure = Literal[
    "dso",
    "best_possible",
    "average_days_delinquent",
    "days_credit_granted",
    "delinquent",
    "countback",
    "effectiveness",
    "weighted_days_to_pay",
]
NUMERATORS: dict[str, tuple[receivables.Standing, ...]] = {
    "dso": ("current", "overdue", "unallocated"),
    "countback": ("current", "overdue", "unallocated"),
    "best_possible": ("current",),
    "average_days_delinquent": ("overdue", "unallocated"),
    "days_credit_granted": ("current", "unallocated"),
    "delinquent": ("overdue",),
}
"""What of the receivables each figure divides by sales."""
_FIELDS = tuple(FamilySums.model_fields)


def page(scope: Scope, period: Period, of: Groups, sort: Sort) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """`FamilySums` of every group, and what they are sorted by on a page."""
    rows, paid = sums.by_group(scope, {"": period}, of).subquery(), _settled(scope, period, of).subquery()
    settled = [sa.func.coalesce(paid.c[name], 0).label(name) for name in sums.SETTLED]
    joined = rows.outerjoin(paid, paid.c.name == rows.c.name)
    columns = (rows.c[name] for name in _FIELDS if name not in sums.SETTLED)
    found = sa.select(*columns, *settled).select_from(joined).subquery()
    return sa.select(found), ((found.c.name,) if sort == "name" else (found.c[sort], found.c.name))


def named(families: sa.Select[Any], name: str) -> sa.Select[Any]:
    """Those of the group of this name."""
    rows = families.subquery()
    return sa.select(rows).where(rows.c.name == name)


def _settled(scope: Scope, period: Period, of: Groups) -> sa.Select[Any]:
    return payment_behaviour.by_group(replace(scope, window=period.dso), of)


def trend(
    scope: Scope, months: Sequence[Period], of: Groups, only: str | None
) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """`FamilySums` of every group, or of one, in every month, with its number `n`; and what they are sorted by."""
    rows = sums.by_month(scope, months, of).subquery()
    query = sa.select(rows.c.n, *(rows.c[name] for name in _FIELDS))
    return (query if only is None else query.where(rows.c.name == only)), (rows.c.name, rows.c.n)


def entries(scope: Scope, period: Period, figure: FamilyFigure, since: date) -> dict[str, sa.Select[Any]]:
    """The events behind each part of a figure; a countback has counted the sales since the day `since`."""
    standing = NUMERATORS.get(figure)
    if standing is not None:
        sold = Window(first=since, last=period.last) if figure == "countback" else period.dso
        window = replace(scope, window=sold)
        denominator = sales.entries(window, "credit_sales")
        return {"numerator": receivables.entries_of(scope, standing), "denominator": denominator}
    if figure == "effectiveness":
        return _collected(scope, period)
    paid = payment_behaviour.entries(replace(scope, window=period.dso), Edges())
    return {"numerator": paid["paid_days"], "denominator": paid["paid"]}


def _collected(scope: Scope, period: Period) -> dict[str, sa.Select[Any]]:
    start = replace(scope, point=replace(scope.point, as_of=period.first - timedelta(days=1)))
    return {
        "opening": receivables.entries(start),
        "sales": sales.entries(replace(scope, window=period.window), "credit_sales"),
        "closing": receivables.entries(scope),
        "closing_current": receivables.entries_of(scope, NUMERATORS["best_possible"]),
    }

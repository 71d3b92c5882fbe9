"""Key figures by group: one scan of the sales ledger and one of the receivables, for a period and the one before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.figures import Window
from analytics_svc.domain.key_figures import NOW, SUMS, Period
from analytics_svc.domain.measures import Scope
from analytics_svc.projections import groups, receivables, sales
from analytics_svc.projections.facts import Expression


def by_group(scope: Scope, periods: Mapping[str, Period], of: sa.Subquery | None) -> sa.Select[Any]:
    """Every group: its `name`, the number of its `customers`, every sum of each of `periods` under its prefix.

    A group without facts has zeros; facts of customers nobody registered are in the group named `""`.
    """
    parts = [
        groups.members(scope, of).subquery(),
        sales.by_group(scope, periods, of).subquery(),
        receivables.by_group(scope, periods, of).subquery(),
    ]
    names = sa.union(*(sa.select(part.c.name) for part in parts)).subquery()
    rows: sa.FromClause = names
    for part in parts:
        rows = rows.outerjoin(part, part.c.name == names.c.name)
    numbers = [_number(parts, "customers"), *(_number(parts, p + s) for p in periods for s in SUMS)]
    return sa.select(names.c.name, *numbers).select_from(rows)


def _number(parts: list[sa.Subquery], name: str) -> Expression:
    (column,) = (part.c[name] for part in parts if name in part.c)
    return sa.func.coalesce(column, 0).label(name)


def page(
    scope: Scope, periods: Mapping[str, Period], of: sa.Subquery | None, sort: str
) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The groups, and what they are sorted by on a page: their name, or a sum of the present period, then the name."""
    rows = by_group(scope, periods, of).subquery()
    order = (rows.c.name,) if sort == "name" else (rows.c[NOW + sort], rows.c.name)
    return sa.select(rows), order


def entries(scope: Scope, period: Period) -> dict[str, sa.Select[Any]]:
    """The events behind each sum of a period; a count lists its members."""
    inside, standing = replace(scope, window=period.window), _at(scope, period.last)
    sold = {part: sales.entries(replace(inside, window=_window(part, period)), part) for part in sales.PARTS}
    return {
        **{part: query for part, query in sold.items() if part in SUMS},
        "orders": sales.counted(inside, "orders"),
        "paid": receivables.paid_entries(inside),
        "outstanding": receivables.entries(standing),
        "overdue": receivables.entries(standing, last=period.last - timedelta(days=1), unallocated=False),
    }


def _at(scope: Scope, day: date) -> Scope:
    return replace(scope, point=replace(scope.point, as_of=day))


def _window(part: str, period: Period) -> Window:
    return period.dso if part == "credit_sales" else period.window

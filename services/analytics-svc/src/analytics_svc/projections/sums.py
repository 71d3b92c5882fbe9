"""What is added up by group, for a period and others beside it or for many months: a scan of each ledger.

A group without facts has zeros; facts of customers nobody registered are in the group named `""`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import SUMS, Period
from analytics_svc.projections import customers, payment_behaviour, receivables, sales
from analytics_svc.projections.facts import Expression, Groups, listed

Parts = Sequence[sa.Subquery]
SETTLED = ("settled", "settled_days")


def by_group(scope: Scope, periods: Mapping[str, Period], of: Groups) -> sa.Select[Any]:
    """Every group: its `name`, the number of its `customers`, every sum of each of `periods` under its prefix."""
    parts = [
        customers.by_group(scope, of).subquery(),
        sales.by_group(scope, periods, of).subquery(),
        receivables.by_group(scope, periods, of).subquery(),
    ]
    names = sa.union(*(sa.select(part.c.name) for part in parts)).subquery()
    rows: sa.FromClause = names
    for part in parts:
        rows = rows.outerjoin(part, part.c.name == names.c.name)
    columns = ["customers", *(prefix + name for prefix in periods for name in SUMS)]
    return sa.select(names.c.name, *(_number(parts, name) for name in columns)).select_from(rows)


def by_month(scope: Scope, months: Sequence[Period], of: Groups) -> sa.Select[Any]:
    """Every group in every month: `name`, `n`, `month`, `first` and `last` day, `customers`, every sum, `settled`."""
    known = replace(scope, currency=None)
    parts = [
        customers.by_month(known, months, of).subquery(),
        sales.by_month(scope, months, of).subquery(),
        receivables.by_month(scope, months, of).subquery(),
        payment_behaviour.by_month(scope, months, of).subquery(),
    ]
    names = sa.union(*(sa.select(part.c.name) for part in parts)).subquery()
    m = listed(months)
    rows: sa.FromClause = names.join(m, sa.true())
    for part in parts:
        rows = rows.outerjoin(part, sa.and_(part.c.name == names.c.name, part.c.n == m.c.n))
    numbers = [_number(parts, name) for name in ("customers", *SUMS, *SETTLED)]
    columns = (names.c.name, m.c.n, m.c.name.label("month"), m.c.first, m.c.last)
    return sa.select(*columns, *numbers).select_from(rows)


def _number(parts: Parts, name: str) -> Expression:
    (column,) = (part.c[name] for part in parts if name in part.c)
    return sa.func.coalesce(column, 0).label(name)


def entries(scope: Scope, period: Period) -> dict[str, sa.Select[Any]]:
    """The events behind each sum of a period; a count lists its members."""
    inside, standing = replace(scope, window=period.window), _at(scope, period.last)
    sold: dict[str, sa.Select[Any]] = {name: sales.entries(inside, part) for name, part in sales.PERIODIC.items()}
    return {
        **sold,
        "credit_sales": sales.entries(replace(scope, window=period.dso), "credit_sales"),
        "orders": sales.counted(inside, "orders"),
        "paid": receivables.paid_entries(inside),
        "opening": receivables.entries(_at(scope, period.first - timedelta(days=1))),
        "outstanding": receivables.entries(standing),
        "current": receivables.entries(standing, first=period.last, unallocated=False),
        "overdue": receivables.entries(standing, last=period.last - timedelta(days=1), unallocated=False),
    }


def _at(scope: Scope, day: date) -> Scope:
    return replace(scope, point=replace(scope.point, as_of=min(day, scope.point.as_of)))

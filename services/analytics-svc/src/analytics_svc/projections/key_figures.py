"""Key figures by group or by month, each row with the sums of the period (`now_`) and of the one before (`before_`)."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.key_figures import BEFORE, NOW
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import SUMS, By, Period, calendar_months, with_month_before
from analytics_svc.projections import groups, sums
from analytics_svc.projections.facts import TOGETHER, Expression


def rows(scope: Scope, periods: Mapping[str, Period], by: By) -> sa.Select[Any]:
    """The groups; or the months of the period, each beside the month before it."""
    if by == "month":
        return _months(scope, periods[NOW])
    return sums.by_group(scope, periods, groups.of(scope, by))


def _months(scope: Scope, period: Period) -> sa.Select[Any]:
    months = with_month_before(calendar_months(period.window, period.days))
    m = sums.by_month(scope, months, TOGETHER).subquery().c
    columns = [c.label(prefix + name) for name in SUMS for prefix, c in ((NOW, m[name]), (BEFORE, _previous(m, name)))]
    found = sa.select(m.n, m.month.label("name"), m.customers, *columns).subquery()
    kept = [c for c in found.c if c.name != "n"]
    return sa.select(*kept).where(found.c.n > 0)


def _previous(m: Any, name: str) -> Expression:
    return sa.func.coalesce(sa.func.lag(m[name]).over(order_by=m.n), 0)


def page(
    scope: Scope, periods: Mapping[str, Period], by: By, sort: str
) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The rows, and what they are sorted by on a page: their name, or a sum of the present period, then the name."""
    found = rows(scope, periods, by).subquery()
    order = (found.c.name,) if sort == "name" else (found.c[NOW + sort], found.c.name)
    return sa.select(found), order

"""Sums over the instalments that were paid in full, from the receivables ledger; the window is
that of their last payment.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.ageing import Disputed
from analytics_svc.domain.figures import Edges
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period
from analytics_svc.projections import complaints, facts, receivables
from analytics_svc.projections.facts import Expression, Groups, listed

Items = sa.Subquery


def _items(scope: Scope, disputed: Disputed = "included") -> Items:
    """One row an instalment paid in full within the window: `days_to_pay`, `days_late`, `paid_days` and what it was."""
    c = receivables.closed(replace(scope, window=None)).subquery().c
    late = c.paid_on - c.due
    query = sa.select(
        *(c.customer, c.currency, c.item, c.invoice, c.amount, c.paid, c.paid_on, c.closed_on),
        (c.paid_on - c.issued).label("days_to_pay"),
        sa.case((late > 0, late), else_=0).label("days_late"),
        (c.paid_days - c.paid * (c.issued - receivables.NO_DAY)).label("paid_days"),
    )
    window = scope.window
    if window is not None:
        query = query.where(c.paid_on <= window.last)
        query = query if window.first is None else query.where(c.paid_on >= window.first)
    if disputed != "included":
        of_dispute = sa.tuple_(c.customer, c.invoice).in_(complaints.ever_disputed(scope))
        query = query.where(of_dispute if disputed == "only" else ~of_dispute)
    return query.subquery()


def _sums(items: Items) -> list[sa.Label[Any]]:
    """The fields of PaidSums."""
    c, late = items.c, sa.func.count().filter(items.c.days_late > 0)
    added = {name: sa.func.coalesce(sa.func.sum(c[name]), 0) for name in _ADDED}
    squared = sa.func.coalesce(sa.func.sum(c.days_late * c.days_late), 0)
    most = sa.func.coalesce(sa.func.max(c.days_late), 0)
    counts = {"instalments": sa.func.count(), "late": late, "days_late_squared": squared, "most_days_late": most}
    return [expression.label(name) for name, expression in {**added, **counts}.items()]


_ADDED = ("amount", "paid", "days_to_pay", "days_late", "paid_days")


def sums(scope: Scope, disputed: Disputed) -> sa.Select[Any]:
    """One row: PaidSums."""
    return sa.select(*_sums(_items(scope, disputed)))


def by_customer(scope: Scope, disputed: Disputed) -> sa.Select[Any]:
    """PaidSums of each `customer`."""
    items = _items(scope, disputed)
    return sa.select(items.c.customer, *_sums(items)).group_by(items.c.customer)


def by_group(scope: Scope, groups: Groups) -> sa.Select[Any]:
    """By group: `settled`, the money that closed instalments in the window, and `settled_days`: money x days to pay."""
    items = _items(scope)
    return facts.by_group(items, groups, [], *_money(items))


def by_month(scope: Scope, months: Sequence[Period], groups: Groups) -> sa.Select[Any]:
    """By group and number `n` of the month: the same of what was paid in full by its end, in its DSO window."""
    items = _items(replace(scope, window=None))
    keys = (items.c.paid_on, items.c.closed_on)
    daily, m = facts.by_group(items, groups, [], *_money(items), keys=keys).subquery(), listed(months)
    d = daily.c
    closed = sa.and_(d.closed_on <= m.c.last, d.paid_on >= m.c.dso_first)
    sums = [sa.func.sum(d[name]).label(name) for name in ("settled", "settled_days")]
    return sa.select(d.name, m.c.n, *sums).select_from(daily.join(m, closed)).group_by(d.name, m.c.n)


def _money(items: Items) -> list[sa.Label[Any]]:
    return [sa.func.sum(items.c.paid).label("settled"), sa.func.sum(items.c.paid_days).label("settled_days")]


def by_days_late(scope: Scope, disputed: Disputed) -> sa.Select[Any]:
    """By `days_late`: the number of `instalments` and their `amount`."""
    items = _items(scope, disputed)
    days, amount = items.c.days_late, sa.func.sum(items.c.amount).label("amount")
    return sa.select(days, sa.func.count().label("instalments"), amount).group_by(days).order_by(days)


def entries(scope: Scope, edges: Edges, disputed: Disputed = "included") -> dict[str, sa.Select[Any]]:
    """By the name of a sum or bucket the events behind it: of every instalment the one that brought its last money."""
    items, last = _items(scope, disputed), receivables.last_money(replace(scope, window=None)).subquery()
    joined = items.join(last, sa.and_(items.c.customer == last.c.customer, items.c.item == last.c.item))
    late = items.c.days_late

    def behind(amount: Expression, *where: Expression) -> sa.Select[Any]:
        found = (items.c.invoice.label("document"), sa.literal("paid").label("kind"), amount.label("amount"))
        when = (last.c.effective, last.c.recorded, last.c.topic, last.c.position)
        return sa.select(last.c.event, last.c.customer, *found, *when).select_from(joined).where(amount != 0, *where)

    counts = {"instalments": behind(sa.literal(1)), "late": behind(sa.literal(1), late > 0)}
    added = {name: behind(items.c[name]) for name in _ADDED}
    buckets = {name: behind(items.c.amount, *_between(late, *edges.days(name))) for name in edges.names}
    return counts | added | buckets


def _between(days: Expression, least: int, most: int | None) -> list[Expression]:
    return [days >= least] if most is None else [days >= least, days <= most]

"""What is open by age: by date, as a matrix of groups and buckets, and the events behind a bucket."""

from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.ageing import Disputed, columns
from analytics_svc.domain.figures import UNALLOCATED, Basis, Edges
from analytics_svc.domain.measures import Scope
from analytics_svc.projections import complaints, receivables
from analytics_svc.projections.facts import Expression, Groups, by_group


def amounts(scope: Scope, basis: Basis, disputed: Disputed) -> sa.Select[Any]:
    """`customer`, the `day` its age is counted from, and the `amount` open; without a day it is unallocated."""
    if disputed == "included":
        return receivables.by_date(scope, basis)
    rows = _disputed(scope).subquery()
    sign = 1 if disputed == "only" else -1
    taken = sa.select(rows.c.customer, _day(rows, basis).label("day"), (sign * rows.c.amount).label("amount"))
    if disputed == "only":
        return taken
    return receivables.by_date(scope, basis).union_all(taken).subquery().select()


def _day(rows: sa.Subquery, basis: Basis) -> Expression:
    day: Expression = rows.c.due if basis == "due" else rows.c.issued
    return day


def _disputed(scope: Scope) -> sa.Select[Any]:
    """Where disputes lie on the open instalments of their invoices: the event of each, `due`, `issued`, `amount`.

    Laid end to end, the disputes of an invoice and its instalments (the oldest due first) overlap where they meet.
    """
    disputes, items = _laid_disputes(scope).subquery(), _laid_items(scope).subquery()
    d, i = disputes.c, items.c
    overlap = sa.func.least(d.until, i.until) - sa.func.greatest(d.start, i.start)
    origin = (d.event, d.customer, d.effective, d.recorded, d.topic, d.position, d.complaint)
    same = sa.and_(d.customer == i.customer, d.invoice == i.invoice)
    query = sa.select(*origin, i.due, i.issued, overlap.label("amount")).select_from(disputes.join(items, same))
    return query.where(overlap > 0)


def _laid_disputes(scope: Scope) -> sa.Select[Any]:
    rows = complaints.disputes(scope).subquery()
    c = rows.c
    until = _up_to(c.disputed, (c.customer, c.invoice), (c.position, c.complaint))
    return sa.select(rows, until.label("until"), (until - c.disputed).label("start"))


def _laid_items(scope: Scope) -> sa.Select[Any]:
    rows = receivables.open_items(scope).subquery()
    c = rows.c
    until = _up_to(c.amount, (c.customer, c.invoice), (c.due, c.item))
    return sa.select(rows, until.label("until"), (until - c.amount).label("start"))


def _up_to(amount: Expression, of: tuple[Expression, ...], order: tuple[Expression, ...]) -> Expression:
    return sa.func.sum(amount).over(partition_by=of, order_by=order, rows=(None, 0))


def by_date(scope: Scope, basis: Basis, disputed: Disputed) -> sa.Select[Any]:
    """What is open by `day`; without a day what is unallocated."""
    rows = amounts(scope, basis, disputed).subquery()
    return sa.select(rows.c.day, sa.func.sum(rows.c.amount).label("amount")).group_by(rows.c.day)


def matrix(scope: Scope, edges: Edges, disputed: Disputed, groups: Groups) -> sa.Select[Any]:
    """Every group with something open: its `name`, each bucket, `unallocated` and `outstanding`."""
    rows = amounts(scope, edges.basis, disputed).subquery()
    names = columns(edges)
    sums = [_sum(rows, _in(rows.c.day, scope, edges, name)).label(names[name]) for name in edges.names]
    unallocated = _sum(rows, rows.c.day.is_(None)).label(UNALLOCATED)
    outstanding = sa.func.coalesce(sa.func.sum(rows.c.amount), 0).label("outstanding")
    found = by_group(rows, groups, [], *sums, unallocated, outstanding).subquery()
    return sa.select(found).where(sa.or_(*(found.c[name] != 0 for name in names.values())))


def _sum(rows: sa.Subquery, where: Expression) -> Expression:
    return sa.func.coalesce(sa.func.sum(rows.c.amount).filter(where), 0)


def _in(day: Expression, scope: Scope, edges: Edges, bucket: str) -> Expression:
    first, last = edges.dates(bucket, scope.point.as_of)
    bounds = [*([] if first is None else [day >= first]), *([] if last is None else [day <= last])]
    return sa.and_(day.is_not(None), *bounds)


def page(
    scope: Scope, edges: Edges, disputed: Disputed, groups: Groups, sort: str
) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The matrix, and what it is sorted by on a page: `name`, or a bucket or `outstanding`, then the name."""
    rows = matrix(scope, edges, disputed, groups).subquery()
    column = {**columns(edges), "outstanding": "outstanding"}
    return sa.select(rows), ((rows.c.name,) if sort == "name" else (rows.c[column[sort]], rows.c.name))


def entries(scope: Scope, edges: Edges, disputed: Disputed) -> dict[str, sa.Select[Any]]:
    """By bucket the events behind it; of disputes the ones that opened the complaints, taken off where excluded."""
    found: dict[str, sa.Select[Any]] = {}
    sign = -1 if disputed == "excluded" else 1
    for name in edges.names:
        owed, in_dispute = _owed(scope, edges, name), _in_dispute(scope, edges, name, sign)
        found[name] = {"included": owed, "only": in_dispute, "excluded": _both(owed, in_dispute)}[disputed]
    money = receivables.entries(scope, unallocated=True)
    return found | {UNALLOCATED: money.where(sa.false()) if disputed == "only" else money}


def _owed(scope: Scope, edges: Edges, bucket: str) -> sa.Select[Any]:
    first, last = edges.dates(bucket, scope.point.as_of)
    if edges.basis == "document":
        return receivables.entries_issued(scope, first, last)
    return receivables.entries(scope, first=first, last=last, unallocated=False)


def _in_dispute(scope: Scope, edges: Edges, bucket: str, sign: int) -> sa.Select[Any]:
    rows = _disputed(scope).subquery()
    c, day = rows.c, _day(rows, edges.basis)
    kind, amount = sa.literal_column("'disputed'", sa.Text), sign * sa.func.sum(c.amount)
    told = (c.event, c.customer, c.complaint.label("document"), kind.label("kind"), amount.label("amount"))
    when = (c.effective, c.recorded, c.topic, c.position)
    query = sa.select(*told, *when).where(_in(day, scope, edges, bucket))
    return query.group_by(c.event, c.customer, c.complaint, *when)


def _both(one: sa.Select[Any], other: sa.Select[Any]) -> sa.Select[Any]:
    return one.union_all(other).subquery().select()

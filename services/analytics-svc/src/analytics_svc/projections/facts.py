"""What every fact row carries, and how a figure is taken apart into the events behind it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.figures import Window
from analytics_svc.domain.measures import Scope
from engine.projection import Row
from events.envelope import Envelope

Expression = sa.ColumnElement[Any]


def origin() -> list[sa.Column[Any]]:
    """The columns every fact starts with: its event, its place in it, whom it concerns, its two times, its position."""
    return [
        sa.Column("event", sa.Uuid, primary_key=True),
        sa.Column("n", sa.SmallInteger, primary_key=True),
        sa.Column("customer", sa.Text),
        sa.Column("effective", sa.Date, nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    ]


def origin_of(envelope: Envelope[Any], n: int = 0) -> Row:
    """The values of those columns for the n-th row of an event."""
    e = envelope
    return (e.id, n, e.customer, e.effective, e.recorded, e.topic, e.position)


def within(table: sa.Table, scope: Scope) -> list[Expression]:
    """The predicates of `scope` on a table of facts."""
    found: list[Expression] = [table.c.effective <= scope.point.as_of, table.c.recorded <= scope.point.known_at]
    if scope.customers is not None:
        found.append(_among(table.c.customer, scope.customers))
    if scope.currency is not None:
        found.append(table.c.currency == scope.currency)
    return found + _dated(table, scope.window)


def _among(column: Expression, names: Sequence[str]) -> Expression:
    return column == names[0] if len(names) == 1 else column == sa.any_(sa.literal(list(names), sa.ARRAY(sa.Text)))


def _dated(table: sa.Table, window: Window | None) -> list[Expression]:
    if window is None:
        return []
    last = table.c.effective <= window.last
    return [last] if window.first is None else [last, table.c.effective >= window.first]


def shares(
    table: sa.Table, where: Sequence[Expression], *, kind: Expression, document: Expression, amount: Expression
) -> sa.Select[Any]:
    """The events behind the rows that meet `where`, each with its sum of `amount`, left out where that is nothing."""
    t = table.c
    total = sa.func.sum(amount)
    return (
        sa.select(
            t.event,
            t.customer,
            sa.func.min(document).label("document"),
            sa.func.min(kind).label("kind"),
            total.label("amount"),
            t.effective,
            t.recorded,
            t.topic,
            t.position,
        )
        .where(*where)
        .group_by(t.event, t.customer, t.effective, t.recorded, t.topic, t.position)
        .having(total != 0)
    )


def largest(entries: sa.Select[Any], most: int, *, by_customer: bool) -> sa.Select[Any]:
    """The `most` largest entries (of each customer): `customer`, `event`, `amount`, `known_at`: the last recorded."""
    e = entries.subquery().c
    each = e.customer if by_customer else None
    order = (sa.func.abs(e.amount).desc(), e.event)
    place = sa.func.row_number().over(partition_by=each, order_by=order).label("place")
    known_at = sa.func.max(e.recorded).over(partition_by=each).label("known_at")
    rows = sa.select(e.customer, e.event, e.amount, known_at, place).subquery()
    return sa.select(rows).where(rows.c.place <= most)


def pageable(entries: sa.Select[Any]) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The entries, and what they are sorted by on a page: topic, position, event."""
    rows = entries.subquery()
    return sa.select(rows), (rows.c.topic, rows.c.position, rows.c.event)


async def summed(read: AsyncConnection, entries: sa.Select[Any]) -> Decimal:
    """What the entries add up to."""
    rows = entries.subquery()
    total = await read.execute(sa.select(sa.func.coalesce(sa.func.sum(rows.c.amount), 0)))
    return Decimal(total.scalar_one())

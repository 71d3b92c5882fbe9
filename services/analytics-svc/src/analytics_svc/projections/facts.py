"""What every fact row carries, and how a figure is taken apart into the events behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.figures import Window
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period
from engine.projection import Row
from events.envelope import Envelope

Expression = sa.ColumnElement[Any]
NOBODY: Expression = sa.literal_column("''", sa.Text)
"""The name of the group of those of whom the attribute is not known."""


def origin() -> list[sa.schema.SchemaItem]:
    """The columns every fact starts with: its event, its place in it, whom it concerns, its two times, its position.

    Positions rise with the rows, so what came in last is found by the pages' own bounds.
    """
    return [
        sa.Column("event", sa.Uuid, primary_key=True),
        sa.Column("n", sa.SmallInteger, primary_key=True),
        sa.Column("customer", sa.Text),
        sa.Column("effective", sa.Date, nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Index("position", "position", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
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
    return [] if window is None else [during(table, window)]


def during(table: sa.Table, window: Window) -> Expression:
    """Effective within the window."""
    last = table.c.effective <= window.last
    return last if window.first is None else sa.and_(last, table.c.effective >= window.first)


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


def latest(table: sa.Table, *columns: Expression, where: Sequence[Expression]) -> sa.Subquery:
    """Of each customer the last row that meets `where`: `customer` and `columns`."""
    t = table.c
    order = (t.effective.desc(), t.position.desc(), t.n.desc())
    place = sa.func.row_number().over(partition_by=t.customer, order_by=order).label("place")
    rows = sa.select(t.customer, *columns, place).where(*where).subquery()
    return sa.select(rows).where(rows.c.place == 1).subquery()


@dataclass(frozen=True, slots=True)
class Groups:
    """How customers are grouped: by `held`, which names the group of everyone; or `each` alone; or all together."""

    held: sa.Subquery | None = None
    each: bool = False

    @property
    def together(self) -> bool:
        return self.held is None and not self.each

    def named(self, rows: sa.FromClause, customer: Expression) -> tuple[Expression, sa.FromClause]:
        """The name of the group of each row, empty for customers in none, and what to select it from."""
        if self.each:
            return sa.func.coalesce(customer, NOBODY), rows
        if self.held is None:
            return NOBODY, rows
        joined = rows.outerjoin(self.held, self.held.c.customer == customer)
        return sa.func.coalesce(self.held.c.name, NOBODY), joined


TOGETHER = Groups()


def by_group(
    rows: sa.FromClause,
    groups: Groups,
    where: Sequence[Expression],
    *columns: Expression,
    keys: Sequence[Expression] = (),
) -> sa.Select[Any]:
    """`columns` of the rows that meet `where`, by the `name` of the customer's group and by `keys`."""
    name, source = groups.named(rows, rows.c.customer)
    by = keys if groups.together else (name, *keys)
    return sa.select(name.label("name"), *keys, *columns).select_from(source).where(*where).group_by(*by)


def listed(months: Sequence[Period]) -> sa.Subquery:
    """The months as rows: `n` in order, the `name`, `first` and `last` day, and the first one of the DSO window."""
    columns = (("n", sa.Integer), ("name", sa.Text), ("first", sa.Date), ("last", sa.Date), ("dso_first", sa.Date))
    rows = [(n, m.name, m.first, m.last, m.dso.first) for n, m in enumerate(months)]
    return sa.select(sa.values(*(sa.column(*c) for c in columns), name="months").data(rows)).subquery("month")


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


def total(entries: sa.Select[Any]) -> sa.Select[Any]:
    """One row: what the entries add up to, as `total`."""
    return sa.select(sa.func.coalesce(sa.func.sum(entries.subquery().c.amount), 0).label("total"))

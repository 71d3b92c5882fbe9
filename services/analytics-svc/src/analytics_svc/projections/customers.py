"""Since when each customer is one: the facts behind the number of customers."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period
from analytics_svc.projections import facts
from analytics_svc.projections.facts import Groups, listed, origin, origin_of, shares, within
from engine.projection import Ledger, Row
from events.customer import CustomerRegistered
from events.envelope import Envelope

TABLE = sa.Table("registrations", sa.MetaData(), *origin(), sa.Column("currency", sa.Text, nullable=False))


def fold(envelope: Envelope[CustomerRegistered]) -> Iterable[Row]:
    return [(*origin_of(envelope), envelope.event.basics.currency)]


VIEW = Ledger(table=TABLE, version=1, handles=(CustomerRegistered,), fold=fold)
_T = TABLE.c


def number(scope: Scope) -> sa.Select[Any]:
    """One row: the number of `customers`."""
    return sa.select(sa.func.count().label("customers")).where(*within(TABLE, scope))


def by_group(scope: Scope, groups: Groups) -> sa.Select[Any]:
    """By group: the number of `customers`."""
    known = Scope(scope.point, scope.customers)
    return facts.by_group(TABLE, groups, within(TABLE, known), sa.func.count().label("customers"))


def by_month(scope: Scope, months: Sequence[Period], groups: Groups) -> sa.Select[Any]:
    """By group and number `n` of the month: the `customers` there were at its end."""
    since = facts.by_group(TABLE, groups, within(TABLE, scope), sa.func.count().label("new"), keys=(_T.effective,))
    d, m = since.subquery(), listed(months)
    total = sa.cast(sa.func.sum(d.c.new), sa.BigInteger).label("customers")
    query = sa.select(d.c.name, m.c.n, total).select_from(d.join(m, d.c.effective <= m.c.last))
    return query.group_by(d.c.name, m.c.n)


def currencies(scope: Scope) -> sa.Select[Any]:
    """The currencies customers were registered with."""
    return sa.select(_T.currency).where(*within(TABLE, scope)).distinct()


def names(scope: Scope) -> sa.Select[Any]:
    """Every customer there is."""
    return sa.select(_T.customer).where(*within(TABLE, scope))


def entries(scope: Scope) -> sa.Select[Any]:
    """The registrations, each as one."""
    kind, one = sa.literal("customer"), sa.literal(1)
    return shares(TABLE, within(TABLE, scope), kind=kind, document=_T.customer, amount=one)

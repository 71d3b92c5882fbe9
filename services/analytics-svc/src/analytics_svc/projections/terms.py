"""The history of credit limits and risk classes: what held on a date is the latest row by then."""

from collections.abc import Iterable
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from analytics_svc.domain.measures import Scope
from analytics_svc.projections.facts import latest, origin, origin_of, shares, within
from engine.projection import Ledger, Row
from events.base import Money
from events.credit import AccountOpened, LimitSet, RiskClassSet
from events.envelope import Envelope

TABLE = sa.Table(
    "terms",
    sa.MetaData(),
    *origin(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("limit_amount", sa.Numeric),
    sa.Column("currency", sa.Text),
    sa.Column("risk_class", sa.Text),
    sa.Index("customer", "customer", "kind", "effective"),
)
"""Kinds: `limit` (`limit_amount` null: unlimited) and `class`."""


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    return [(*origin_of(envelope, n), *values) for n, values in enumerate(_rows(envelope.event))]


def _rows(event: AccountOpened | LimitSet | RiskClassSet) -> list[Row]:
    match event:
        case AccountOpened():
            currency = event.currency
            return [_limit(event.limit, currency), ("class", None, currency, event.risk_class)]
        case LimitSet():
            known = event.limit or event.previous
            return [_limit(event.limit, known.currency if known else None)]
        case RiskClassSet():
            return [("class", None, None, event.risk_class)]
        case _:
            assert_never(event)


def _limit(limit: Money | None, currency: str | None) -> Row:
    return ("limit", limit.amount if limit else None, currency, None)


VIEW = Ledger(table=TABLE, version=1, handles=(AccountOpened, LimitSet, RiskClassSet), touches=True, fold=fold)
_T = TABLE.c


def currencies(scope: Scope) -> sa.Select[Any]:
    """The currencies there are credit accounts in."""
    return sa.select(_T.currency).where(*within(TABLE, scope), _T.currency.is_not(None)).distinct()


def in_force(scope: Scope) -> sa.Select[Any]:
    """By customer: the limit in force (`limit_amount` null: unlimited) and the event that set it."""
    latest = (_T.customer, _T.effective.desc(), _T.position.desc())
    return (
        sa.select(_T.customer, _T.limit_amount, _T.currency, _T.event)
        .where(*within(TABLE, Scope(scope.point, scope.customers)), _T.kind == "limit")
        .ext(distinct_on(_T.customer))
        .order_by(*latest)
    )


def classes(scope: Scope) -> sa.Select[Any]:
    """By customer: the risk class in force, as `value`."""
    where = [*within(TABLE, Scope(scope.point)), _T.kind == "class"]
    held = latest(TABLE, _T.risk_class.label("value"), where=where)
    return sa.select(held.c.customer, held.c.value)


def entries(scope: Scope) -> sa.Select[Any]:
    """The events that set the limits in force."""
    held = in_force(scope).subquery()
    where = [_T.event.in_(sa.select(held.c.event)), _T.kind == "limit"]
    return shares(TABLE, where, kind=_T.kind, document=_T.kind, amount=_T.limit_amount)

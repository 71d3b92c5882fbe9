"""Customers scored by how lately, how often and for how much they ordered; the rule is in `domain.rfm`."""

from typing import Any, Literal

import sqlalchemy as sa

from analytics_svc.domain.figures import Measure
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.rfm import SEGMENTS
from analytics_svc.projections import receivables, sales
from analytics_svc.projections.facts import Expression

Sort = Literal["customer", "recency_days", "frequency", "monetary"]


def scored(scope: Scope, measure: Measure, bins: int) -> sa.Select[Any]:
    """Every customer with an order in the scope: what it bought, its three scores, its `segment`."""
    c = _bought(scope, measure).subquery().c
    recency = (scope.point.as_of - c.last).label("recency_days")
    points = [
        _score(c.last, bins).label("recency_score"),
        _score(c.frequency, bins).label("frequency_score"),
        _score(c.monetary, bins).label("monetary_score"),
    ]
    rows = sa.select(c.customer, c.last.label("last_order"), recency, c.frequency, c.monetary, *points).subquery()
    return sa.select(rows, _segment(rows, bins).label("segment"))


def _bought(scope: Scope, measure: Measure) -> sa.Select[Any]:
    bought = sales.buying(scope, measure)
    if measure != "paid":
        return bought
    b, came_in = bought.subquery(), receivables.paid(scope).subquery()
    monetary = sa.func.coalesce(came_in.c.amount, 0).label("monetary")
    joined = b.outerjoin(came_in, came_in.c.subject == b.c.customer)
    return sa.select(b.c.customer, b.c.last, b.c.frequency, monetary).select_from(joined)


def _score(value: Expression, bins: int) -> Expression:
    lower = sa.func.rank().over(order_by=value) - 1
    return sa.cast(sa.func.floor(lower * bins / sa.func.count().over()), sa.Integer) + 1


def _segment(rows: sa.Subquery, bins: int) -> Expression:
    points = (rows.c.recency_score, rows.c.frequency_score, rows.c.monetary_score)
    cases = [
        (sa.and_(*(p * 2 > bins if high else p * 2 <= bins for p, high in zip(points, highs, strict=True))), s.code)
        for highs, s in SEGMENTS.items()
    ]
    return sa.case(*cases)


def by_segment(scope: Scope, measure: Measure, bins: int) -> sa.Select[Any]:
    """By segment: how many `customers` and their `monetary` sum."""
    rows = scored(scope, measure, bins).subquery()
    total = sa.func.sum(rows.c.monetary).label("monetary")
    return sa.select(rows.c.segment, sa.func.count().label("customers"), total).group_by(rows.c.segment)


def page(
    scope: Scope, measure: Measure, bins: int, customer: str | None, segment: str | None, sort: Sort
) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The scored customers, one of them or those of a segment, and what they are sorted by on a page."""
    rows = scored(scope, measure, bins).subquery()
    query = sa.select(rows)
    if customer is not None:
        query = query.where(rows.c.customer == customer)
    if segment is not None:
        query = query.where(rows.c.segment == segment)
    return query, ((rows.c.customer,) if sort == "customer" else (rows.c[sort], rows.c.customer))

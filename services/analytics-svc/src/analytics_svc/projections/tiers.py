"""Customers and products in tiers, ranked in one query; what the tiers are is said in `domain.tiers`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import Period, before
from analytics_svc.domain.tiers import VIP_SHARES, TieredGroup, Tiering, share_of, tier_share
from analytics_svc.projections import customers, receivables, sales
from analytics_svc.projections.facts import TOGETHER, Expression, Groups


def of_customers(scope: Scope, tiering: Tiering, groups: Groups = TOGETHER) -> sa.Select[Any]:
    """Every customer with its tier among all, or within its group; those without any amount have 0."""
    found = receivables.paid(scope) if tiering.measure == "paid" else sales.ranking(scope, tiering.measure, "customer")
    amounts, known = found.subquery(), customers.names(Scope(scope.point, scope.customers)).subquery()
    subject = sa.func.coalesce(known.c.customer, amounts.c.subject).label("subject")
    amount = sa.func.coalesce(amounts.c.amount, 0).label("amount")
    joined = known.join(amounts, amounts.c.subject == known.c.customer, full=True)
    return ranked(sa.select(subject, amount).select_from(joined), tiering, groups)


def of_products(scope: Scope, tiering: Tiering) -> sa.Select[Any]:
    """Every product with an amount, and its class."""
    return ranked(sales.ranking(scope, tiering.measure, "product"), tiering, TOGETHER)


def with_margins(products: sa.Select[Any], scope: Scope) -> sa.Select[Any]:
    """The products, each with its quantity, also of the period before if there is one, and its margin's two parts."""
    rows, made = products.subquery(), sales.by_product(scope).subquery()
    joined = rows.join(made, made.c.subject == rows.c.subject)
    columns: list[Any] = [rows, made.c.quantity, made.c.gross_profit, made.c.with_cost]
    window = scope.window
    if window is None or window.first is None:
        return sa.select(*columns, sa.null().label("quantity_before")).select_from(joined)
    then = sales.by_product(replace(scope, window=before(Period(window)).window)).subquery()
    quantity = sa.func.coalesce(then.c.quantity, 0).label("quantity_before")
    return sa.select(*columns, quantity).select_from(joined.outerjoin(then, then.c.subject == rows.c.subject))


def ranked(amounts: sa.Select[Any], tiering: Tiering, groups: Groups) -> sa.Select[Any]:
    """`subject` and `amount` with their place: the columns of `domain.tiers.Ranked`."""
    given = amounts.subquery()
    name, source = groups.named(given, given.c.subject)
    rows = sa.select(name.label("name"), given.c.subject, given.c.amount).select_from(source).subquery()
    c, order = rows.c, (rows.c.amount.desc(), rows.c.subject)
    up_to = sa.func.sum(c.amount).over(partition_by=c.name, order_by=order, rows=(None, 0))
    columns = [
        c.name,
        sa.func.row_number().over(partition_by=c.name, order_by=order).label("rank"),
        c.subject,
        c.amount,
        (up_to - c.amount).label("before"),
        sa.func.sum(c.amount).over(partition_by=c.name).label("total"),
        sa.func.count().over(partition_by=c.name).label("members"),
    ]
    placed = sa.select(*columns).subquery()
    return sa.select(placed, _tier(placed, tiering).label("tier"))


def _tier(placed: sa.Subquery, tiering: Tiering) -> Expression:
    c, cuts = placed.c, tiering.cuts
    if tiering.scheme == "VIP":
        return sa.case(*((c.rank <= _first(share, c.members), tier) for tier, share in VIP_SHARES), else_="small")
    some = c.total > 0
    below_a, below_b = c.before < cuts.a * c.total, c.before < cuts.b * c.total
    return sa.case((sa.and_(some, below_a), "A"), (sa.and_(some, below_b), "B"), else_="C")


def _first(share: Decimal, members: Expression) -> Expression:
    return sa.func.ceil(share * members)


def by_tier(ranking: sa.Select[Any], tiering: Tiering, top: Decimal) -> sa.Select[Any]:
    """By group and tier: members and amount; and what of the group's `top_amount` and `first_cut` falls into it."""
    rows = ranking.subquery()
    c = rows.c
    up_to = c.before + c.amount
    columns = [
        sa.func.count().label("tier_members"),
        sa.func.sum(c.amount).label("amount"),
        sa.func.sum(c.amount).filter(c.rank <= _first(top, c.members)).label("top_amount"),
        sa.func.count().filter(c.total > 0, up_to <= tiering.cuts.a * c.total).label("first_cut"),
    ]
    keys = (c.name, c.tier, c.total, c.members)
    return sa.select(*keys, *columns).group_by(*keys).order_by(c.name, sa.func.min(c.rank))


def tiered_groups(found: Sequence[Mapping[Any, Any]]) -> list[TieredGroup]:
    """The groups out of the rows of `by_tier`."""
    rows: dict[str, list[Mapping[Any, Any]]] = {}
    for row in found:
        rows.setdefault(row["name"], []).append(row)
    return [_group(name, tiers) for name, tiers in rows.items()]


def _group(name: str, rows: Sequence[Mapping[Any, Any]]) -> TieredGroup:
    total, top = rows[0]["total"], sum((r["top_amount"] or Decimal(0) for r in rows), Decimal(0))
    return TieredGroup(
        name=name,
        members=rows[0]["members"],
        total=total,
        top_share=share_of(top, total),
        within_first_cut=sum(r["first_cut"] for r in rows),
        tiers=[tier_share(r["tier"], r["tier_members"], r["amount"], total) for r in rows],
    )


def page(ranking: sa.Select[Any], only: str | None) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The places, or that of one subject, and what they are sorted by on a page."""
    rows = ranking.subquery()
    query = sa.select(rows)
    return (query if only is None else query.where(rows.c.subject == only)), (rows.c.name, rows.c.rank)

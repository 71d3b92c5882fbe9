"""Customers by what is known of them at a point: the groups that figures are shown by."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.figures import Window, year_to
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import By
from analytics_svc.domain.tiers import Tiering
from analytics_svc.projections import customers, profiles, terms, tiers
from analytics_svc.projections.facts import NOBODY, TOGETHER, Groups


def of(scope: Scope, by: By) -> Groups:
    """The groups of all customers at the scope's point."""
    if by in ("company", "month"):
        return TOGETHER
    if by == "customer":
        return Groups(each=True)
    known = customers.names(Scope(scope.point, scope.customers)).subquery()
    held = _held(scope, by).subquery()
    joined = known.outerjoin(held, held.c.customer == known.c.customer)
    name = sa.func.coalesce(held.c.value, NOBODY).label("name")
    return Groups(sa.select(known.c.customer, name).select_from(joined).subquery())


def _held(scope: Scope, by: By) -> sa.Select[Any]:
    match by:
        case "tier":
            return _tier(scope, Tiering())
        case "vip":
            return _tier(scope, Tiering(scheme="VIP"))
        case "risk_class":
            return terms.classes(scope)
        case "type" | "owner" | "group" | "city":
            return profiles.held(scope, by)
        case _:
            raise ValueError(by)


def _tier(scope: Scope, tiering: Tiering) -> sa.Select[Any]:
    day = scope.point.as_of
    year = replace(scope, customers=None, window=Window(first=year_to(day), last=day))
    rows = tiers.of_customers(year, tiering).subquery()
    return sa.select(rows.c.subject.label("customer"), rows.c.tier.label("value"))


def only(entries: sa.Select[Any], groups: Groups, name: str | None) -> sa.Select[Any]:
    """The entries of an explanation that are of customers in the group `name`; None: of all groups."""
    if groups.together or name is None:
        return entries
    rows = entries.subquery()
    here, source = groups.named(rows, rows.c.customer)
    return sa.select(rows).select_from(source).where(here == name)


def beside(entries: sa.Select[Any], groups: Groups, customer: str | None) -> sa.Select[Any]:
    """The entries of an explanation that are of customers in the same group as `customer`; None: of all groups."""
    if groups.together or customer is None:
        return entries
    one = sa.select(sa.literal(customer).label("customer")).subquery()
    own, source = groups.named(one, one.c.customer)
    rows = entries.subquery()
    here, joined = groups.named(rows, rows.c.customer)
    same = sa.select(own).select_from(source).scalar_subquery()
    return sa.select(rows).select_from(joined).where(here == same)

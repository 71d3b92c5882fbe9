"""Customers by what is known of them at a point: the groups that figures are shown by."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.figures import Window, year_to
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import By
from analytics_svc.domain.tiers import Tiering
from analytics_svc.projections import customers, profiles, terms, tiers
from analytics_svc.projections.facts import NOBODY

Groups = sa.Subquery | None
"""Every customer with the name of its group; None: all are one."""


def of(scope: Scope, by: By) -> sa.Subquery | None:
    """Every registered customer and the `name` of its group at the scope's point; None: all are one."""
    if by in ("company", "month"):
        return None
    known = customers.names(Scope(scope.point, scope.customers)).subquery()
    if by == "customer":
        return sa.select(known.c.customer, known.c.customer.label("name")).subquery()
    held = _held(scope, by).subquery()
    name = sa.func.coalesce(held.c.value, NOBODY).label("name")
    joined = known.outerjoin(held, held.c.customer == known.c.customer)
    return sa.select(known.c.customer, name).select_from(joined).subquery()


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


def members(scope: Scope, groups: sa.Subquery | None) -> sa.Select[Any]:
    """By group: how many `customers` it has."""
    if groups is None:
        known = customers.number(Scope(scope.point, scope.customers)).subquery()
        return sa.select(NOBODY.label("name"), known.c.customers)
    return sa.select(groups.c.name, sa.func.count().label("customers")).group_by(groups.c.name)


def only(entries: sa.Select[Any], groups: sa.Subquery | None, name: str | None) -> sa.Select[Any]:
    """The entries of an explanation that are of customers in the group `name`; None: of all groups."""
    if groups is None or name is None:
        return entries
    rows = entries.subquery()
    joined = rows.outerjoin(groups, groups.c.customer == rows.c.customer)
    return sa.select(rows).select_from(joined).where(sa.func.coalesce(groups.c.name, NOBODY) == name)


def beside(entries: sa.Select[Any], groups: sa.Subquery | None, customer: str | None) -> sa.Select[Any]:
    """The entries of an explanation that are of customers in the same group as `customer`; None: of all groups."""
    if groups is None or customer is None:
        return entries
    rows, own = entries.subquery(), sa.select(groups.c.name).where(groups.c.customer == customer).scalar_subquery()
    joined = rows.outerjoin(groups, groups.c.customer == rows.c.customer)
    here = sa.func.coalesce(groups.c.name, NOBODY) == sa.func.coalesce(own, NOBODY)
    return sa.select(rows).select_from(joined).where(here)

"""What is known of each customer, and since when: its type, owner, group and city, one row for each time one is stated.

What held on a date is the latest row by then. Customers are grouped by it, whatever happened to it later.
"""

from collections.abc import Iterable
from typing import Any, Literal, assert_never

import sqlalchemy as sa

from analytics_svc.domain.measures import Scope
from analytics_svc.projections.facts import latest, origin, origin_of, within
from engine.projection import Ledger, Row
from events.customer import Basics, CustomerRegistered, CustomerUpdated, OwnerAssigned
from events.envelope import Envelope

Attribute = Literal["type", "owner", "group", "city"]

TABLE = sa.Table(
    "profiles",
    sa.MetaData(),
    *origin(),
    sa.Column("attribute", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Index("attribute", "attribute", "customer"),
)
"""`value` null: none from that date on. Only what one groups by: no names, no addresses."""


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    return [(*origin_of(envelope, n), *stated) for n, stated in enumerate(_stated(envelope.event))]


def _stated(event: CustomerRegistered | CustomerUpdated | OwnerAssigned) -> list[tuple[Attribute, str | None]]:
    match event:
        case CustomerRegistered() | CustomerUpdated():
            return _basics(event.basics)
        case OwnerAssigned():
            return [("owner", event.owner)]
        case _:
            assert_never(event)


def _basics(basics: Basics) -> list[tuple[Attribute, str | None]]:
    city = basics.address.city or None
    return [("type", basics.type), ("owner", basics.owner), ("group", basics.group), ("city", city)]


VIEW = Ledger(table=TABLE, version=1, handles=(CustomerRegistered, CustomerUpdated, OwnerAssigned), fold=fold)
_T = TABLE.c


def held(scope: Scope, attribute: Attribute) -> sa.Select[Any]:
    """By customer: the `value` of the attribute at the scope's point."""
    rows = latest(TABLE, _T.value, where=[*within(TABLE, Scope(scope.point)), _T.attribute == attribute])
    return sa.select(rows.c.customer, rows.c.value)

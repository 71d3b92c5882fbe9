"""The orders: one row each with its lines, how far it is delivered, and what credit says to it."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeAlias, assert_never, get_args

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import JSONB

from chassis.amounts import InCurrency
from chassis.context import missing
from customer_svc.domain.lines import quantities, remaining
from customer_svc.domain.order import NoSuchOrder
from engine.database import Connection
from engine.projection import Key, Row, Rows
from events.base import Amount
from events.customer import (
    DeliveredLine,
    OrderBlocked,
    OrderCancelled,
    OrderChanged,
    OrderConfirmed,
    OrderDelivered,
    OrderEvent,
    OrderLine,
    OrderPlaced,
)
from events.envelope import Envelope

State: TypeAlias = Literal["awaiting_credit", "held", "confirmed", "partly_delivered", "delivered", "cancelled"]
Credit: TypeAlias = Literal["not_decided", "granted", "held"]

orders = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("order", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("credit", sa.Text, nullable=False),
    sa.Column("reasons", JSONB, nullable=False),
    sa.Column("order_version", sa.Integer, nullable=False),
    sa.Column("order_date", sa.Date, nullable=False),
    sa.Column("requested_delivery", sa.Date),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("total", sa.Numeric, nullable=False),
    sa.Column("delivered", sa.Numeric, nullable=False),
    sa.Column("cancelled", sa.Numeric, nullable=False),
    sa.Column("cancelled_on", sa.Date),
    sa.Column("cancel_reason", sa.Text),
    sa.Column("lines", JSONB, nullable=False),
    sa.Column("deliveries", JSONB, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("customer", "customer", "order_date"),
    sa.Index("state", "state", "order_date"),
)
_NAMES = tuple(orders.c.keys())


class Delivered(BaseModel):
    """A delivery of an order; `despite`: what credit had not granted when the ERP reported it."""

    delivery: str
    delivered_on: date
    value: Amount
    lines: tuple[DeliveredLine, ...]
    despite: Literal["not_decided", "held"] | None = None


class OrderRow(InCurrency):
    """An order as shown. `total`, `delivered` and `cancelled` are values in `currency`; `reasons` are credit's rules.

    `order_version` rises when the order is changed; `version` is what If-Match names.
    """

    order: str = Field(examples=["O-10100"])
    customer: str
    state: State
    credit: Credit
    reasons: tuple[str, ...]
    order_version: int
    order_date: date
    requested_delivery: date | None
    currency: str
    total: Amount = Field(examples=["10223.83"])
    delivered: Amount
    cancelled: Amount
    cancelled_on: date | None
    cancel_reason: str | None
    lines: tuple[OrderLine, ...]
    deliveries: tuple[Delivered, ...]
    version: int


# --- fold ---------------------------------------------------------------------------------------------------------


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    return [(envelope.event.order,)]


def fold(_: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    event: OrderEvent = envelope.event
    if isinstance(event, OrderPlaced):
        found = _placed(event)
    elif row is None:
        return None
    else:
        before = dict(zip(_NAMES, row, strict=True))
        found = {**before, **_changes(event, before)}
    found |= {"version": envelope.version, "state": _state(found)}
    return tuple(found[n] for n in _NAMES)


def _placed(event: OrderPlaced) -> dict[str, Any]:
    return {
        **event.model_dump(include={"order", "customer", "order_version", "order_date", "requested_delivery"}),
        "currency": event.currency,
        "total": event.total.amount,
        "lines": _plain(event.lines),
        "credit": "not_decided",
        "reasons": [],
        "delivered": Decimal(0),
        "cancelled": Decimal(0),
        "cancelled_on": None,
        "cancel_reason": None,
        "deliveries": [],
    }


def _changes(event: OrderEvent, before: Mapping[str, Any]) -> dict[str, Any]:
    match event:
        case OrderPlaced() | OrderChanged():
            return {
                "order_version": event.order_version,
                "lines": _plain(event.lines),
                "total": event.total.amount,
                "requested_delivery": event.requested_delivery,
                "credit": "not_decided",
                "reasons": [],
            }
        case OrderCancelled(undelivered=undelivered, reason=reason, cancelled_on=on):
            return {"cancelled": undelivered.amount, "cancelled_on": on, "cancel_reason": reason}
        case OrderConfirmed():
            return {"credit": "granted", "reasons": []}
        case OrderBlocked():
            return {"credit": "held", "reasons": list(event.reasons)}
        case OrderDelivered():
            return _delivered(event, before)
        case _:
            assert_never(event)


def _delivered(event: OrderDelivered, before: Mapping[str, Any]) -> dict[str, Any]:
    delivery = {
        "delivery": event.delivery,
        "delivered_on": event.delivered_on.isoformat(),
        "value": str(event.value.amount),
        "lines": _plain(event.lines),
        "despite": event.despite,
    }
    return {"delivered": before["delivered"] + event.value.amount, "deliveries": [*before["deliveries"], delivery]}


def _state(row: Mapping[str, Any]) -> State:
    if row["cancelled_on"] is not None:
        return "cancelled"
    if not _left(row):
        return "delivered"
    if row["credit"] != "granted":
        return "held" if row["credit"] == "held" else "awaiting_credit"
    return "partly_delivered" if row["deliveries"] else "confirmed"


def _left(row: Mapping[str, Any]) -> tuple[OrderLine, ...]:
    gone = [(at["product"], Decimal(at["quantity"])) for d in row["deliveries"] for at in d["lines"]]
    return remaining((OrderLine.model_validate(at) for at in row["lines"]), quantities(gone))


def _plain(lines: Iterable[OrderLine | DeliveredLine]) -> list[dict[str, Any]]:
    return [line.model_dump(mode="json") for line in lines]


ORDERS = Rows(table=orders, version=1, handles=get_args(OrderEvent), keys=keys, fold=fold)

# --- queries ------------------------------------------------------------------------------------------------------


def matching(customer: str | None, state: str | None) -> sa.Select[Any]:
    """Orders of `customer`, in `state`; None: any."""
    query = sa.select(orders)
    if customer is not None:
        query = query.where(orders.c.customer == customer)
    if state is not None:
        query = query.where(orders.c.state == state)
    return query


BY_DATE = (orders.c.order_date, orders.c.order)


async def one(read: Connection, order: str) -> OrderRow:
    """Raises the problem 404."""
    found = (await read.execute(sa.select(orders).where(orders.c.order == order))).mappings().first()
    if found is None:
        raise missing(NoSuchOrder, order=order)
    return OrderRow.model_validate(dict(found))

"""Orders that are held, with all their reasons."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import JSONB

from chassis.amounts import InCurrency
from engine.projection import Key, Row, Rows
from events.base import Amount, AmountOrNone
from events.credit import CreditGranted, HoldDropped, HoldReason, HoldReleased, OrderHeld
from events.envelope import Envelope

TABLE = sa.Table(
    "holds",
    sa.MetaData(),
    sa.Column("order", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("order_version", sa.Integer, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("reasons", JSONB, nullable=False),
    sa.Column("limit", sa.Numeric),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text),
    sa.Column("held_since", sa.Date, nullable=False),
    sa.Index("customer", "customer"),
)
_T = TABLE.c


class HoldRow(InCurrency):
    """A held order: `amount` would be reserved were it released; `limit` and `because` as they stood when held."""

    order: str = Field(examples=["O-10100"])
    customer: str
    order_version: int
    amount: Amount = Field(examples=["8000.00"])
    currency: str = Field(examples=["CNY"])
    reasons: tuple[HoldReason, ...]
    limit: AmountOrNone = Field(examples=["50000.00"])
    because: str = Field(examples=["own-limit"])
    requested_by: str | None
    held_since: date


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """One row an order."""
    return [(envelope.event.order,)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    """The hold, as long as there is one."""
    event: OrderHeld | CreditGranted | HoldReleased | HoldDropped = envelope.event
    if not isinstance(event, OrderHeld):
        return None
    limit, same = event.decided.limit, row is not None and row[2] == event.order_version
    reasons = [r.model_dump(mode="json") for r in event.reasons]
    since = row[-1] if row is not None and same else envelope.effective
    about = (*key, event.customer, event.order_version, event.amount.amount, event.amount.currency, reasons)
    return (*about, limit.amount if limit else None, event.decided.because, event.requested_by, since)


VIEW = Rows(table=TABLE, version=1, handles=(OrderHeld, CreditGranted, HoldReleased, HoldDropped), keys=keys, fold=fold)


def listed(customer: str | None) -> sa.Select[Any]:
    """Holds, of one customer or all."""
    query = sa.select(TABLE)
    return query if customer is None else query.where(_T.customer == customer)

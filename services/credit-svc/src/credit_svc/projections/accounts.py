"""Credit accounts: class and exposure by category, beside the limit in force (projections/limits.py)."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.amounts import InCurrency
from credit_svc.domain.account import NEW_ACCOUNT_CLASS
from engine.database import Connection
from engine.projection import Key, Row, Rows, replaced
from events.base import Amount, AmountOrNone
from events.credit import AccountOpened, ExposureChanged, LimitSet, RiskClass, RiskClassSet
from events.envelope import Envelope

TABLE = sa.Table(
    "accounts",
    sa.MetaData(),
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("risk_class", sa.Text, nullable=False),
    sa.Column("open_orders", sa.Numeric, nullable=False),
    sa.Column("delivered", sa.Numeric, nullable=False),
    sa.Column("open_invoices", sa.Numeric, nullable=False),
    sa.Column("unallocated_cash", sa.Numeric, nullable=False),
    sa.Column("exposure", sa.Numeric, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
_NAMES = tuple(c.name for c in TABLE.columns)
_ZERO = Decimal(0)


class AccountRow(InCurrency):
    """An account. `limit` null is unlimited, 0 no credit; `available` is what an order may still add, null unlimited.

    exposure = open_orders + delivered + open_invoices - unallocated_cash, all in `currency`.
    """

    customer: str = Field(examples=["C-103"])
    currency: str = Field(examples=["CNY"])
    limit: AmountOrNone = Field(examples=["50000.00"])
    because: str = Field(description="The rule that set the limit.", examples=["own-limit"])
    available: AmountOrNone = Field(examples=["12000.00"])
    risk_class: RiskClass
    exposure: Amount = Field(examples=["38000.00"])
    open_orders: Amount = Field(examples=["8000.00"])
    delivered: Amount = Field(examples=["0.00"])
    open_invoices: Amount = Field(examples=["31000.00"])
    unallocated_cash: Amount = Field(examples=["1000.00"])
    version: int = Field(description="Version of the account's stream: limits and class.")


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """One row a customer."""
    return [(envelope.event.customer,)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row:
    """The row after one more event."""
    row = row or (*key, "", NEW_ACCOUNT_CLASS, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, 0)
    event = envelope.event
    if isinstance(event, ExposureChanged):
        return _moved(row, event)
    changes: dict[str, Any] = {"version": envelope.version}
    if isinstance(event, AccountOpened):
        changes["currency"] = event.currency
    if isinstance(event, AccountOpened | RiskClassSet):
        changes["risk_class"] = event.risk_class
    return replaced(_NAMES, row, changes)


def _moved(row: Row, event: ExposureChanged) -> Row:
    values = dict(zip(_NAMES, row, strict=True))
    for category, change in event.changes.items():
        values[category] += change.amount
        values["exposure"] += -change.amount if category == "unallocated_cash" else change.amount
    return tuple(values.values())


VIEW = Rows(
    table=TABLE, version=1, handles=(AccountOpened, LimitSet, RiskClassSet, ExposureChanged), keys=keys, fold=fold
)


async def currencies(connection: Connection, customers: Sequence[str], *, owing: bool) -> dict[str, str]:
    """The currency of each of these customers that has an account; `owing`: of all that owe or have paid too much."""
    c = TABLE.c
    chosen = c.customer == sa.any_(sa.literal(list(customers), ARRAY(sa.Text)))
    if owing:
        chosen |= (c.open_invoices != 0) | (c.unallocated_cash != 0)
    found = await connection.execute(sa.select(c.customer, c.currency).where(chosen, c.currency != ""))
    return {row.customer: row.currency for row in found}

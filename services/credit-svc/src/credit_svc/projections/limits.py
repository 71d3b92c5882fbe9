"""Every limit an account has had, and the one in force on a day."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import Field

from chassis.amounts import InCurrency
from credit_svc.domain.account import NEW_ACCOUNT, OWN_LIMIT
from credit_svc.projections import accounts
from engine.projection import Ledger, Row
from events.base import AmountOrNone
from events.credit import AccountOpened, LimitSet
from events.envelope import Envelope

TABLE = sa.Table(
    "limits",
    sa.MetaData(),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("limit", sa.Numeric),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
    sa.Index("customer", "customer", "valid_from"),
)


class LimitRow(InCurrency):
    """A limit as it was set: null is unlimited, 0 no credit."""

    position: int
    customer: str
    currency: str
    valid_from: date
    limit: AmountOrNone = Field(examples=["50000.00"])
    because: str = Field(examples=["own-limit"])
    reason: str
    set_by: str
    recorded: datetime


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    """One row a limit."""
    event: AccountOpened | LimitSet = envelope.event
    amount = event.limit.amount if event.limit else None
    if isinstance(event, AccountOpened):
        said = (event.opened_on, amount, NEW_ACCOUNT, "")
    else:
        said = (event.valid_from, amount, OWN_LIMIT, event.reason)
    return [(envelope.position, event.customer, *said, envelope.actor, envelope.recorded)]


VIEW = Ledger(table=TABLE, version=1, handles=(AccountOpened, LimitSet), fold=fold)


def history(customer: str) -> sa.Select[Any]:
    """All limits of a customer."""
    account = accounts.TABLE
    both = TABLE.join(account, account.c.customer == TABLE.c.customer)
    return sa.select(TABLE, account.c.currency).select_from(both).where(TABLE.c.customer == customer)


def accounts_on(day: date, customer: str | None = None) -> sa.Select[Any]:
    """Accounts with the limit in force on `day`, as AccountRow."""
    a, own = accounts.TABLE.c, TABLE.c
    default = own.because == NEW_ACCOUNT
    in_force = (
        sa.select(own.limit, own.because, (own.limit - a.exposure).label("available"))
        .where(own.customer == a.customer, default | (own.valid_from <= day))
        .order_by(default, own.valid_from.desc(), own.position.desc())
        .limit(1)
        .lateral("in_force")
    )
    both = accounts.TABLE.join(in_force, sa.true())
    query = sa.select(accounts.TABLE, *in_force.c).select_from(both)
    return query if customer is None else query.where(a.customer == customer)

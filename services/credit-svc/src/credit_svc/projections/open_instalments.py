"""What is owed, instalment by instalment: the candidates an unnamed payment is set against, oldest due first."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine import unfolded
from engine.database import Connection
from engine.projection import Key, Row, Rows, replaced
from events.credit import InvoiceIssued, InvoiceSettled
from events.envelope import Envelope

TABLE = sa.Table(
    "open_instalments",
    sa.MetaData(),
    sa.Column("invoice", sa.Text, primary_key=True),
    sa.Column("instalment", sa.Integer, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("due", sa.Date, nullable=False),
    sa.Column("invoice_date", sa.Date, nullable=False),
    sa.Column("open", sa.Numeric, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index("order", "customer", "due", "invoice_date", "invoice", "instalment"),
)
_NAMES = tuple(c.name for c in TABLE.columns)
_T = TABLE.c
AHEAD = 10
"""Instalments offered at least: what the view still shows as open may be settled already."""


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """The instalments an event concerns."""
    event: InvoiceIssued | InvoiceSettled = envelope.event
    if isinstance(event, InvoiceIssued):
        return [(event.invoice, i.number) for i in event.instalments]
    return [(event.invoice, event.instalment)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    """The instalment, as long as something of it is open."""
    event: InvoiceIssued | InvoiceSettled = envelope.event
    if isinstance(event, InvoiceIssued):
        owed = next(i for i in event.instalments if i.number == key[1])
        return (*key, event.customer, owed.due, event.invoice_date, owed.amount.amount, owed.amount.currency)
    if row is None or not event.open.amount:
        return None
    return replaced(_NAMES, row, {"open": event.open.amount})


VIEW = Rows(table=TABLE, version=1, handles=(InvoiceIssued, InvoiceSettled), keys=keys, fold=fold)


async def reached_by(connection: Connection, customer: str, amount: Decimal) -> tuple[str, ...]:
    """The invoices `amount` of the customer reaches, oldest due first, some more, and those not folded yet."""
    fresh = await unfolded.streams(connection, VIEW, customer, [InvoiceIssued])
    order = (_T.due, _T.invoice_date, _T.invoice, _T.instalment)
    before = (sa.func.sum(_T.open).over(order_by=order) - _T.open).label("before")
    rank = sa.func.row_number().over(order_by=order).label("rank")
    ranked = sa.select(*order, before, rank).where(_T.customer == customer).subquery()
    query = sa.select(ranked.c.invoice).where((ranked.c.before < amount) | (ranked.c.rank <= AHEAD))
    found = await connection.execute(query.order_by(*(ranked.c[c.name] for c in order)))
    return tuple(dict.fromkeys([*(row.invoice for row in found), *(key for _, key in fresh)]))

"""Invoices: what was issued, what is open, what was noticed as late."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.amounts import InCurrency
from credit_svc.domain.books import Booked
from engine.database import Connection
from engine.projection import Key, Row, Rows, replaced
from events.base import Amount, Value
from events.credit import InvoiceIssued, InvoiceSettled, PaymentDelayed
from events.envelope import Envelope

TABLE = sa.Table(
    "invoices",
    sa.MetaData(),
    sa.Column("invoice", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("order", sa.Text),
    sa.Column("invoice_date", sa.Date, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("open", sa.Numeric, nullable=False),
    sa.Column("instalments", JSONB, nullable=False),
    sa.Column("document_amount", sa.Numeric),
    sa.Column("document_currency", sa.Text),
    sa.Column("rate", sa.Numeric),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
    sa.Index("customer", "customer", "invoice_date"),
)
_NAMES = tuple(c.name for c in TABLE.columns)
_T = TABLE.c


class InstalmentRow(Value):
    """One instalment; `noticed` are the days after the due date on which it was noticed as late."""

    number: int
    due: date
    amount: Amount = Field(examples=["500.00"])
    open: Amount = Field(examples=["120.00"])
    noticed: tuple[int, ...] = ()


class InvoiceRow(InCurrency):
    """An invoice in the account's currency; `version` is that of its stream (ETag)."""

    invoice: str = Field(examples=["I-90017"])
    customer: str
    order: str | None
    invoice_date: date
    currency: str = Field(examples=["CNY"])
    amount: Amount = Field(examples=["500.00"])
    open: Amount = Field(examples=["120.00"])
    instalments: tuple[InstalmentRow, ...]
    document_amount: Decimal | None
    document_currency: str | None
    rate: Decimal | None
    version: int
    recorded: datetime = Field(description="When it became known here.")


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """One row an invoice."""
    return [(envelope.event.invoice,)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    """The invoice after one more event."""
    event: InvoiceIssued | InvoiceSettled | PaymentDelayed = envelope.event
    if isinstance(event, InvoiceIssued):
        return _issued(key, event, envelope)
    if row is None:
        return None
    values = dict(zip(_NAMES, row, strict=True))
    changes: dict[str, Any] = {"version": envelope.version}
    if isinstance(event, InvoiceSettled):
        changes["open"] = values["open"] - event.amount.amount
        changes["instalments"] = _changed(values["instalments"], event.instalment, {"open": str(event.open.amount)})
    else:
        known = next(i for i in values["instalments"] if i["number"] == event.instalment)
        noticed = {"noticed": [*known["noticed"], event.days]}
        changes["instalments"] = _changed(values["instalments"], event.instalment, noticed)
    return replaced(_NAMES, row, changes)


def _issued(key: Key, event: InvoiceIssued, envelope: Envelope[Any]) -> Row:
    instalments = [
        {
            "number": i.number,
            "due": i.due.isoformat(),
            "amount": str(i.amount.amount),
            "open": str(i.amount.amount),
            "noticed": [],
        }
        for i in event.instalments
    ]
    amount, document = event.amount, event.document_amount
    foreign = (document.amount, document.currency) if document else (None, None)
    head = (*key, event.customer, event.order, event.invoice_date, amount.currency, amount.amount, amount.amount)
    return (*head, instalments, *foreign, event.rate, envelope.version, envelope.recorded)


def _changed(instalments: list[dict[str, Any]], number: int, changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**i, **changes} if i["number"] == number else i for i in instalments]


VIEW = Rows(table=TABLE, version=2, handles=(InvoiceIssued, InvoiceSettled, PaymentDelayed), keys=keys, fold=fold)


def listed(customer: str | None, *, only_open: bool) -> sa.Select[Any]:
    """Invoices, of one customer or all."""
    query = sa.select(TABLE)
    if customer is not None:
        query = query.where(TABLE.c.customer == customer)
    return query.where(TABLE.c.open > 0) if only_open else query


def one(invoice: str) -> sa.Select[Any]:
    """One invoice."""
    return sa.select(TABLE).where(TABLE.c.invoice == invoice)


async def booked(
    connection: Connection, customers: Sequence[str], named: Sequence[str], day: date, after: Mapping[str, Decimal]
) -> Iterable[tuple[str, Booked]]:
    """Invoices of these customers that are open, `named`, twins, or settled `after` `day`: by how much since."""
    alike = sa.func.count().over(partition_by=(_T.customer, _T.invoice_date, _T.amount)).label("alike")
    columns = (_T.customer, _T.invoice, _T.invoice_date, _T.amount, _T.open, _T.recorded)
    theirs = _T.customer == sa.any_(sa.literal(list(customers), ARRAY(sa.Text)))
    all_of = sa.select(*columns, alike).where(theirs).subquery()
    wanted = sa.literal([*named, *after], ARRAY(sa.Text))
    found = await connection.execute(
        sa.select(all_of).where((all_of.c.open > 0) | (all_of.c.alike > 1) | (all_of.c.invoice == sa.any_(wanted)))
    )
    return [(row.customer, _booked(row, day, after.get(row.invoice, Decimal(0)))) for row in found]


def _booked(row: Any, day: date, settled_since: Decimal) -> Booked:
    still = Decimal(0) if row.invoice_date > day else row.open + settled_since
    return Booked(("invoice", row.invoice), row.invoice_date, row.amount, still, row.recorded)

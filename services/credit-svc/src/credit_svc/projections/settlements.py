"""Payments and credit notes with what is unallocated of them; the waiting money a new invoice may take up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH

from chassis.amounts import InCurrency
from credit_svc.domain.books import Booked
from credit_svc.domain.facts import DocumentKind
from credit_svc.domain.settlement import CREDIT_NOTE, PAYMENT
from engine import unfolded
from engine.database import Connection
from engine.projection import Key, Row, Rows, replaced
from events.base import Amount, Value
from events.credit import Allocated, CreditNoteIssued, PaymentReceived
from events.envelope import Envelope

TABLE = sa.Table(
    "settlements",
    sa.MetaData(),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("dated", sa.Date, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("unallocated", sa.Numeric, nullable=False),
    sa.Column("names", JSONB, nullable=False),
    sa.Column("allocations", JSONB, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("document_amount", sa.Numeric),
    sa.Column("document_currency", sa.Text),
    sa.Column("rate", sa.Numeric),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
    sa.Index("customer", "customer", "dated"),
    sa.Index("waiting", "customer", "dated", postgresql_where=sa.text("unallocated > 0")),
)
_NAMES = tuple(c.name for c in TABLE.columns)
_KINDS: dict[str, DocumentKind] = {PAYMENT.category: "payment", CREDIT_NOTE.category: "credit_note"}
_T = TABLE.c
MOST_WAITING = 200
"""Unallocated documents a new invoice looks at, oldest first."""


class AllocationRow(Value):
    """So much was set against this instalment, effective on this date."""

    invoice: str
    instalment: int
    amount: Amount = Field(examples=["120.00"])
    effective: date


class SettlementRow(InCurrency):
    """A payment or credit note in the account's currency. `names`: the invoices it is for."""

    kind: DocumentKind
    document: str = Field(examples=["P-5512"])
    customer: str
    dated: date = Field(description="Value date of a payment, date of issue of a credit note.")
    currency: str = Field(examples=["CNY"])
    amount: Amount = Field(examples=["500.00"])
    unallocated: Amount = Field(examples=["0.00"])
    names: tuple[str, ...]
    allocations: tuple[AllocationRow, ...]
    reason: str | None
    document_amount: Decimal | None
    document_currency: str | None
    rate: Decimal | None
    version: int
    recorded: datetime = Field(description="When it became known here.")


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """One row a document."""
    match envelope.event:
        case PaymentReceived() as event:
            return [("payment", event.payment)]
        case CreditNoteIssued() as event:
            return [("credit_note", event.credit_note)]
        case Allocated() as event:
            return [(event.document_kind, event.document)]
        case _:
            return []


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    """The document after one more event."""
    event: PaymentReceived | CreditNoteIssued | Allocated = envelope.event
    if not isinstance(event, Allocated):
        return _stated(key, event, envelope)
    if row is None:
        return None
    values = dict(zip(_NAMES, row, strict=True))
    share = {
        "invoice": event.invoice,
        "instalment": event.instalment,
        "amount": str(event.amount.amount),
        "effective": event.effective.isoformat(),
    }
    left = values["unallocated"] - event.amount.amount
    changes = {"unallocated": left, "allocations": [*values["allocations"], share], "version": envelope.version}
    return replaced(_NAMES, row, changes)


def _stated(key: Key, event: PaymentReceived | CreditNoteIssued, envelope: Envelope[Any]) -> Row:
    if isinstance(event, PaymentReceived):
        dated, names, reason = event.value_date, list(event.names), None
    else:
        dated, names, reason = event.issued_on, [event.invoice] if event.invoice else [], event.reason
    amount, document = event.amount, event.document_amount
    foreign = (document.amount, document.currency) if document else (None, None)
    head = (*key, event.customer, dated, amount.currency, amount.amount, amount.amount)
    return (*head, names, [], reason, *foreign, event.rate, envelope.version, envelope.recorded)


VIEW = Rows(table=TABLE, version=2, handles=(PaymentReceived, CreditNoteIssued, Allocated), keys=keys, fold=fold)


async def waiting(connection: Connection, customer: str) -> tuple[tuple[tuple[DocumentKind, str], ...], bool]:
    """Documents of the customer with something unallocated, oldest first; and whether these are all."""
    fresh = await unfolded.streams(connection, VIEW, customer, [PaymentReceived, CreditNoteIssued])
    query = sa.select(_T.kind, _T.document).where(_T.customer == customer, _T.unallocated > 0)
    found = await connection.execute(query.order_by(_T.dated, _T.kind, _T.document).limit(MOST_WAITING + 1))
    rows: list[tuple[DocumentKind, str]] = [(row.kind, row.document) for row in found]
    known = dict.fromkeys([*rows[:MOST_WAITING], *((_KINDS[category], key) for category, key in fresh)])
    return tuple(known), len(rows) <= MOST_WAITING


def listed(kind: DocumentKind, customer: str | None, *, only_waiting: bool) -> sa.Select[Any]:
    """Documents of a kind, of one customer or all."""
    query = sa.select(TABLE).where(_T.kind == kind)
    if customer is not None:
        query = query.where(_T.customer == customer)
    return query.where(_T.unallocated > 0) if only_waiting else query


def one(kind: DocumentKind, document: str) -> sa.Select[Any]:
    """One document."""
    return sa.select(TABLE).where(_T.kind == kind, _T.document == document)


async def booked(
    connection: Connection, customers: Sequence[str], named: Sequence[str], day: date
) -> tuple[Sequence[tuple[str, Booked]], dict[str, Decimal]]:
    """Payments and credit notes of these customers that were not wholly allocated at the end of `day`, are `named`,
    have a twin, or became known since; and how much of which invoice was settled after it.
    """
    alike = sa.func.count().over(partition_by=(_T.customer, _T.kind, _T.dated, _T.amount)).label("alike")
    columns = (_T.customer, _T.kind, _T.document, _T.dated, _T.amount, _T.unallocated, _T.allocations, _T.recorded)
    theirs = _T.customer == sa.any_(sa.literal(list(customers), ARRAY(sa.Text)))
    all_of = sa.select(*columns, alike).where(theirs).subquery()
    c = all_of.c
    later = sa.func.jsonb_path_exists(
        c.allocations, sa.cast("$[*] ? (@.effective > $day)", JSONPATH), sa.cast({"day": day.isoformat()}, JSONB)
    )
    wanted = c.document == sa.any_(sa.literal(list(named), ARRAY(sa.Text)))
    fresh = c.recorded >= sa.literal(day, sa.Date)
    query = sa.select(all_of).where((c.unallocated > 0) | (c.alike > 1) | wanted | fresh | later)
    after: defaultdict[str, Decimal] = defaultdict(Decimal)
    found = [(row.customer, _booked(row, day, after)) for row in await connection.execute(query)]
    return found, after


def _booked(row: Any, day: date, after: dict[str, Decimal]) -> Booked:
    left = row.unallocated
    for share in row.allocations:
        if date.fromisoformat(share["effective"]) > day:
            after[share["invoice"]] += Decimal(share["amount"])
            left += Decimal(share["amount"])
    against = tuple(dict.fromkeys(share["invoice"] for share in row.allocations))
    still = Decimal(0) if row.dated > day else -left
    return Booked((row.kind, row.document), row.dated, -row.amount, still, row.recorded, against)

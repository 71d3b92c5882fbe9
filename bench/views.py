"""The two views that are measured: sums by customer, and a ledger with a row for each event."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from engine.projection import Key, Ledger, Row, Totals, View
from events.credit import PaymentReceived
from events.envelope import Envelope

_METADATA = sa.MetaData()


def _sums(envelope: Envelope[PaymentReceived]) -> Iterable[tuple[Key, Sequence[Any]]]:
    return [((envelope.event.customer,), (1, envelope.event.amount.amount))]


def _entry(envelope: Envelope[PaymentReceived]) -> Iterable[Row]:
    event = envelope.event
    amount = event.amount
    return [(envelope.id, event.customer, event.payment, -amount.amount, amount.currency, envelope.effective,
             envelope.recorded)]  # fmt: skip


TOTALS = Totals(
    table=sa.Table(
        "bench_totals",
        _METADATA,
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("payments", sa.BigInteger, nullable=False),
        sa.Column("paid", sa.Numeric, nullable=False),
    ),
    version=1,
    handles=(PaymentReceived,),
    fold=_sums,
)

LEDGER = Ledger(
    table=sa.Table(
        "bench_ledger",
        _METADATA,
        sa.Column("event", sa.Uuid, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("effective", sa.Date, nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Index("customer", "customer", "effective"),
    ),
    version=1,
    handles=(PaymentReceived,),
    fold=_entry,
)

VIEWS: tuple[View, ...] = (TOTALS, LEDGER)
CHECKS = {
    "bench_totals": 'select sum(payments), sum(paid) from "{table}"',
    "bench_ledger": 'select count(*), -sum(amount) from "{table}"',
}
"""Number and sum of the payments folded: equal for all who fold the same log rightly."""

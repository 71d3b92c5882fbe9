"""The exposure decided by credit-svc, as the changes it stated: analytics only sums them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.measures import Scope
from analytics_svc.projections.facts import origin, origin_of, shares, within
from engine.projection import Ledger, Row
from events.credit import Category, ExposureChanged
from events.envelope import Envelope

TABLE = sa.Table(
    "exposures",
    sa.MetaData(),
    *origin(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index("customer", "customer", "effective"),
)
"""`kind` is the category. Unallocated cash is negative here: the sum of all rows is the exposure."""


def fold(envelope: Envelope[ExposureChanged]) -> Iterable[Row]:
    changed = envelope.event
    return [
        (*origin_of(envelope, n), category, changed.document, _signed(category, money.amount), money.currency)
        for n, (category, money) in enumerate(changed.changes.items())
    ]


def _signed(category: Category, amount: Decimal) -> Decimal:
    return -amount if category == "unallocated_cash" else amount


VIEW = Ledger(table=TABLE, version=1, handles=(ExposureChanged,), touches=True, fold=fold)
_T = TABLE.c


def balances(scope: Scope) -> sa.Select[Any]:
    """By customer: the `amount` of the exposure and its `currency`."""
    total = sa.func.sum(_T.amount).label("amount")
    query = sa.select(_T.customer, _T.currency, total).where(*within(TABLE, scope))
    return query.group_by(_T.customer, _T.currency)


def entries(scope: Scope) -> sa.Select[Any]:
    """The events behind the exposure; a document that only moved an amount between categories is left out."""
    return shares(TABLE, within(TABLE, scope), kind=_T.kind, document=_T.document, amount=_T.amount)

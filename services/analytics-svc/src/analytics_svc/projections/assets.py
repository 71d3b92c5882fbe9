"""R-118: the total assets of the selling company, as reported by date."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from analytics_svc.domain.figures import Point
from analytics_svc.domain.measures import Scope
from analytics_svc.projections.facts import origin, origin_of, within
from engine.projection import Ledger, Row
from events.credit import CompanyAssetsReported
from events.envelope import Envelope

TABLE = sa.Table(
    "assets",
    sa.MetaData(),
    *origin(),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
)


def fold(envelope: Envelope[CompanyAssetsReported]) -> Iterable[Row]:
    total = envelope.event.total_assets
    return [(*origin_of(envelope), total.amount, total.currency)]


VIEW = Ledger(table=TABLE, version=1, handles=(CompanyAssetsReported,), touches=True, fold=fold)
_T = TABLE.c


def in_force(point: Point) -> sa.Select[Any]:
    """The latest total reported: `amount`, `currency`."""
    query = sa.select(_T.amount, _T.currency, _T.event).where(*within(TABLE, Scope(point)))
    return query.order_by(_T.effective.desc(), _T.position.desc()).limit(1)

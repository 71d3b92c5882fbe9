"""The events an alert names, with their shares: with its remainder they add up to its numerator."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from analytics_svc.projections.facts import Expression
from engine.projection import Ledger, Row
from events.analytics import AlertChanged, AlertRaised
from events.envelope import Envelope

TABLE = sa.Table(
    "alert_contributions",
    sa.MetaData(),
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True),
    sa.Column("event", sa.Uuid, primary_key=True),
    sa.Column("amount", sa.Numeric, nullable=False),
)
"""`revision` is the position of the event that stated them; the alert names the present one."""


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    event: AlertRaised | AlertChanged = envelope.event
    return [(event.alert, envelope.position, c.event, c.amount) for c in event.contributions]


VIEW = Ledger(table=TABLE, version=1, handles=(AlertRaised, AlertChanged), fold=fold)


def of(alert: str, revision: int) -> tuple[sa.Select[Any], Expression]:
    """The contributions of one revision, and what they are sorted by on a page."""
    query = sa.select(TABLE.c.event, TABLE.c.amount).where(TABLE.c.alert == alert, TABLE.c.revision == revision)
    return query, TABLE.c.event

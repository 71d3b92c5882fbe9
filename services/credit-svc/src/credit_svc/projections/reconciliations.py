"""Reconciliations that were made: which statement, by whom, with what outcome."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field

from engine.projection import Key, Row, Rows
from events.envelope import Envelope
from events.reconciling import ReconciliationMade

TABLE = sa.Table(
    "reconciliations",
    sa.MetaData(),
    sa.Column("reconciliation", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("compared", sa.Integer, nullable=False),
    sa.Column("equal", sa.Integer, nullable=False),
    sa.Column("unexplained", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
)


class ReconciliationRow(BaseModel):
    """One reconciliation: `equal` of `compared` balances were the same, `unexplained` are not wholly explained."""

    reconciliation: str = Field(examples=["RC-4K2V7Q3HZA"])
    position: int
    source: str = Field(examples=["erp"])
    as_of: date
    compared: int = Field(examples=[1200])
    equal: int = Field(examples=[1187])
    unexplained: int = Field(examples=[0])
    digest: str = Field(description="SHA-256 of the statement as it was read.")
    made_by: str
    made_at: datetime


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """One row a reconciliation."""
    return [(envelope.event.reconciliation,)]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row:
    """What was found."""
    event: ReconciliationMade = envelope.event
    found = (event.source, event.as_of, event.compared, event.equal, event.unexplained, event.digest)
    return (*key, envelope.position, *found, event.asked_by, envelope.recorded)


VIEW = Rows(table=TABLE, version=1, handles=(ReconciliationMade,), keys=keys, fold=fold)


def listed(source: str | None) -> sa.Select[Any]:
    """All, or those with one source."""
    query = sa.select(TABLE)
    return query if source is None else query.where(TABLE.c.source == source)


def one(reconciliation: str) -> sa.Select[Any]:
    """One of them."""
    return sa.select(TABLE).where(TABLE.c.reconciliation == reconciliation)

"""The blocks of the customer record: one row each as they read now; how they read before is told from the log."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Generic, TypeVar, get_args

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import JSONB

from customer_svc.domain.record import NAME_OF, RECORD, RECORDED
from engine.database import Connection
from engine.ports import Streams
from engine.projection import Key, Row, Rows, replaced
from events.customer import BlockRecorded, RecordEvent, RecordVerified
from events.envelope import Envelope
from events.record import (
    Block,
    BusinessStatus,
    Characteristics,
    Dealings,
    Dossier,
    Source,
    SupplyNeeds,
    TradingStatus,
)

blocks = sa.Table(
    "record_blocks",
    sa.MetaData(),
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("block", sa.Text, primary_key=True),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("collected_on", sa.Date, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("collected_by", sa.Text),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
    sa.Column("verified_on", sa.Date, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
_NAMES = tuple(blocks.c.keys())
B = TypeVar("B", bound=Block)


class Found(BaseModel, Generic[B]):
    """A block as it was found on a day: by whom of us, in which way, and who entered it when.

    `verified_on` is the last day on which it was found so or the whole record looked through.
    """

    content: B
    collected_on: date
    how: Source
    collected_by: str | None
    recorded_by: str = Field(examples=["zhao"])
    recorded: datetime
    verified_on: date
    version: int


class Shown(Found[B], Generic[B]):
    """`stale`: not verified for longer than the company allows (R-008)."""

    stale: bool


class RecordBlocks(BaseModel):
    """The blocks as they read now; null: nothing was recorded yet."""

    dealings: Shown[Dealings] | None = None
    characteristics: Shown[Characteristics] | None = None
    business_status: Shown[BusinessStatus] | None = None
    trading_status: Shown[TradingStatus] | None = None
    supply_needs: Shown[SupplyNeeds] | None = None
    dossier: Shown[Dossier] | None = None


# --- fold ---------------------------------------------------------------------------------------------------------


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """A verification is about every block there is."""
    event: RecordEvent = envelope.event
    names = RECORDED if isinstance(event, RecordVerified) else (NAME_OF[type(event)],)
    return [(event.customer, name) for name in names]


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    event: RecordEvent = envelope.event
    before = dict(zip(_NAMES, row, strict=True)) if row else {"collected_on": date.min, "verified_on": date.min}
    verified = {"verified_on": max(before["verified_on"], event.collected.on)}
    if isinstance(event, RecordVerified):
        return row and replaced(_NAMES, row, verified)
    if before["collected_on"] > event.collected.on:
        return row
    found = _found(envelope) | verified
    return (*key, *(found[n] for n in _NAMES[2:]))


def _found(envelope: Envelope[Any]) -> dict[str, Any]:
    event = envelope.event
    return {
        "content": event.block.model_dump(mode="json"),
        "collected_on": event.collected.on,
        "how": event.collected.how,
        "collected_by": event.collected.by,
        "recorded_by": envelope.actor,
        "recorded": envelope.recorded,
        "verified_on": event.collected.on,
        "version": envelope.version,
    }


BLOCKS = Rows(table=blocks, version=1, handles=(*get_args(BlockRecorded), RecordVerified), keys=keys, fold=fold)

# --- queries ------------------------------------------------------------------------------------------------------


async def of(read: Connection, customer: str, stale_before: date) -> RecordBlocks:
    """The blocks of `customer`."""
    stale = (blocks.c.verified_on < stale_before).label("stale")
    found = (await read.execute(sa.select(blocks, stale).where(blocks.c.customer == customer))).mappings()
    return RecordBlocks.model_validate({row["block"]: dict(row) for row in found})


async def history(log: Streams, customer: str, block: str) -> list[Found[Block]]:
    """How `block` of `customer` read over time: the latest day first, what was recorded last of a day first."""
    recorded = [e for e in await log.read_stream(RECORD(customer).stream) if NAME_OF.get(type(e.event)) == block]
    found = [_found(envelope) for envelope in recorded]
    found.sort(key=lambda row: (row["collected_on"], row["version"]), reverse=True)
    return [Found[Block].model_validate(row) for row in found]

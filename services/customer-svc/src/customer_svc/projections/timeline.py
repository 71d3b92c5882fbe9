"""The timeline: all that happened to a customer in any service, one row an event, told in sentences.

A row keeps what the event's sentence names; it is put into words when it is read. Personal data is in no sentence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, computed_field
from sqlalchemy.dialects.postgresql import JSONB

from engine.projection import Ledger, Row
from events.envelope import Envelope
from events.registry import ALL
from events.sentences import Language, said, sentence

Topic: TypeAlias = Literal["customer", "credit", "complaint", "analytics"]
Order: TypeAlias = Literal["effective", "recorded"]
PREFIX: Mapping[str, str] = MappingProxyType(
    {"customer": "customers", "credit": "credit", "complaint": "complaints", "analytics": "analytics"}
)
"""Where each topic's events are given out: ``/api/<prefix>/events/<id>``."""

timeline = sa.Table(
    "timeline",
    sa.MetaData(),
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("effective", sa.Date, primary_key=True),
    sa.Column("recorded", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("event", sa.Uuid, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("said", JSONB, nullable=False),
)


class TimelineEntry(BaseModel):
    """Something that happened to the customer. `actor` is who asked for it: a person, a system, or a part of Kehu.

    `effective` is the day on which it happened in business, `recorded` when we learned it. `said` are the values in the
    sentence; `link` is the event itself, for roles that may read events.
    """

    model_config = ConfigDict(from_attributes=True)

    event: UUID
    type: str = Field(examples=["credit.InvoiceIssued"])
    topic: Topic
    effective: date
    recorded: datetime
    actor: str = Field(examples=["zhao"])
    said: dict[str, Any] = Field(examples=[{"invoice": "I-1", "amount": {"amount": "600.00", "currency": "CNY"}}])

    @computed_field(  # type: ignore[prop-decorator]
        examples=[
            {
                "en": "Invoice I-1 over CNY 600.00, due 2030-02-06",
                "zh-CN": "发票 I-1，金额 600.00 元，2030-02-06 到期",
            }
        ]
    )
    @property
    def sentence(self) -> dict[Language, str]:
        """What happened, in both languages."""
        return {"en": sentence(self.type, self.said, "en"), "zh-CN": sentence(self.type, self.said, "zh-CN")}

    @computed_field(examples=["/api/credit/events/0190a1b2-0000-7000-8000-000000000001"])  # type: ignore[prop-decorator]
    @property
    def link(self) -> str:
        """Where the event itself is read."""
        return f"/api/{PREFIX[self.topic]}/events/{self.event}"


# --- fold ---------------------------------------------------------------------------------------------------------


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    """Nothing where it concerns the company as a whole."""
    e = envelope
    if e.customer is None:
        return []
    return [(e.customer, e.effective, e.recorded, e.topic, e.position, e.id, e.type, e.actor, said(e.event))]


TIMELINE = Ledger(table=timeline, version=1, handles=tuple(e for e in ALL if "customer" in e.model_fields), fold=fold)

# --- queries ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a customer's timeline is asked for; None: all."""

    topic: str | None = None
    type: str | None = None
    first: date | None = None
    last: date | None = None


def of(customer: str, window: Window) -> sa.Select[Any]:
    """What happened to `customer`."""
    c = timeline.c
    asked = [c.customer == customer]
    equal = {c.topic: window.topic, c.type: window.type}
    asked += [column == value for column, value in equal.items() if value is not None]
    if window.first is not None:
        asked.append(c.effective >= window.first)
    if window.last is not None:
        asked.append(c.effective <= window.last)
    return sa.select(timeline).where(*asked)


def by(order: Order) -> tuple[sa.ColumnElement[Any], ...]:
    """What a page is sorted by: when it happened, or when we learned it."""
    c = timeline.c
    learned = (c.recorded, c.topic, c.position)
    return learned if order == "recorded" else (c.effective, *learned)

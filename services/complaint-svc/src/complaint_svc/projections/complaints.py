"""The complaints: where each is in the seven steps, whose turn it is, and what was said at every step (R-169)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import JSONB

from chassis.context import missing
from complaint_svc.domain.complaint import TEXTS, NoSuchComplaint
from complaint_svc.domain.stages import Stage, stage_after
from engine.database import Connection
from engine.projection import Key, Row, Rows
from events.base import Event
from events.complaint import (
    EVENTS,
    ComplaintEvent,
    ComplaintOpened,
    ComplaintSubject,
    DepartmentAssigned,
    SolutionProposed,
)
from events.complaint import StepCorrected as Corrected
from events.envelope import Envelope

Turn: TypeAlias = Literal["complaint_handler", "department", "customer"]

complaints = sa.Table(
    "complaints",
    sa.MetaData(),
    sa.Column("complaint", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("turn", sa.Text),
    sa.Column("complained_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("demand", sa.Text, nullable=False),
    sa.Column("invoice", sa.Text),
    sa.Column("disputed", sa.Numeric),
    sa.Column("currency", sa.Text),
    sa.Column("department", sa.Text),
    sa.Column("responsible", sa.Text),
    sa.Column("solution_version", sa.Integer, nullable=False),
    sa.Column("steps", JSONB, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("customer", "customer", "complained_at"),
    sa.Index("stage", "stage", "complained_at"),
)
_NAMES = tuple(complaints.c.keys())
_SAID = ("complained_at", "subject", "object", "demand", "invoice")
_HEAD = ("object", "demand", "department", "responsible")

TURN: Mapping[Stage, Turn] = {
    "recorded": "complaint_handler",
    "established": "complaint_handler",
    "assigned": "department",
    "analysed": "department",
    "proposed": "customer",
    "refused": "department",
    "accepted": "department",
    "carried_out": "complaint_handler",
}
"""Who has to act; nobody once the complaint is closed."""


class StepRow(BaseModel):
    """What happened at a step: `said` are its texts as they read now, `step` names the one a correction put right."""

    what: str = Field(examples=["ComplaintJudged"])
    step: str | None = Field(examples=["judged"])
    on: date
    recorded: datetime
    by: str
    said: dict[str, Any]


class ComplaintRow(BaseModel):
    """A complaint as shown; who complained is `person`, whose name only the log keeps.

    `turn` is null once the complaint is closed. `version` is what If-Match names.
    """

    complaint: str = Field(examples=["CP-4K2V7Q3HZA"])
    customer: str
    person: str
    stage: Stage
    turn: Turn | None
    complained_at: datetime
    subject: ComplaintSubject
    object: str
    demand: str
    invoice: str | None
    disputed: Decimal | None
    currency: str | None
    department: str | None
    responsible: str | None
    solution_version: int
    steps: list[StepRow]
    version: int


# --- fold ---------------------------------------------------------------------------------------------------------


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    return [(envelope.event.complaint,)]


def fold(_: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    event: ComplaintEvent = envelope.event
    if isinstance(event, ComplaintOpened):
        before = _opened(event)
    elif row is None:
        return None
    else:
        before = dict(zip(_NAMES, row, strict=True))
    stage = stage_after(event, before["stage"])
    steps = [*_put_right(before["steps"], event), _step(event, envelope)]
    moved = {"stage": stage, "turn": TURN.get(stage), "steps": steps, "version": envelope.version}
    found = {**before, **_head(event), **moved}
    return tuple(found[n] for n in _NAMES)


def _opened(event: ComplaintOpened) -> dict[str, Any]:
    return {
        **dict.fromkeys(_NAMES),
        **event.model_dump(include={*_SAID, "complaint", "customer"}),
        "person": event.complainant.person,
        "stage": "recorded",
        "disputed": event.disputed.amount if event.disputed else None,
        "currency": event.disputed.currency if event.disputed else None,
        "solution_version": 0,
        "steps": [],
    }


def _head(event: Event) -> dict[str, Any]:
    match event:
        case DepartmentAssigned(department=department, responsible=responsible):
            return {"department": department, "responsible": responsible}
        case SolutionProposed(solution_version=version):
            return {"solution_version": version}
        case Corrected(field=field, value=value) if field in _HEAD:
            return {field: value}
        case _:
            return {}


def _put_right(steps: Sequence[Mapping[str, Any]], event: Event) -> list[Mapping[str, Any]]:
    """`steps`, with the text a correction names reading as corrected in the last of its step."""
    found = list(steps)
    if isinstance(event, Corrected):
        last = max(n for n, s in enumerate(found) if s["step"] == event.step and s["what"] != Corrected.__name__)
        found[last] = {**found[last], "said": {**found[last]["said"], event.field: event.value}}
    return found


def _step(event: Event, envelope: Envelope[Any]) -> dict[str, Any]:
    step = event.step if isinstance(event, Corrected) else TEXTS.get(type(event), (None, ()))[0]
    return {
        "what": type(event).type.rpartition(".")[2],
        "step": step,
        "on": envelope.effective.isoformat(),
        "recorded": envelope.recorded.isoformat(),
        "by": envelope.actor,
        "said": event.model_dump(mode="json", exclude={"customer", "complaint", "complainant", "step"}),
    }


COMPLAINTS = Rows(table=complaints, version=1, handles=EVENTS, keys=keys, fold=fold)

# --- queries ------------------------------------------------------------------------------------------------------


def matching(stage: str | None, turn: str | None, customer: str | None, open_only: bool) -> sa.Select[Any]:
    """Complaints at `stage`, waiting for `turn`, of `customer`; None: any."""
    wanted = {"stage": stage, "turn": turn, "customer": customer}
    query = sa.select(complaints).where(*(complaints.c[n] == v for n, v in wanted.items() if v is not None))
    return query.where(complaints.c.turn.is_not(None)) if open_only else query


OLDEST_FIRST = (complaints.c.complained_at, complaints.c.complaint)


async def one(read: Connection, complaint: str) -> ComplaintRow:
    """Raises the problem 404."""
    query = sa.select(complaints).where(complaints.c.complaint == complaint)
    found = (await read.execute(query)).mappings().first()
    if found is None:
        raise missing(NoSuchComplaint, complaint=complaint)
    return ComplaintRow.model_validate(dict(found))

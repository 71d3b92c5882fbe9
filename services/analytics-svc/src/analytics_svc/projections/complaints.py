"""The complaint history: every step of every complaint; its state on a date is the latest step by then (R-169)."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, cast

import sqlalchemy as sa
from pydantic import BaseModel, Field

from analytics_svc.domain.measures import Scope
from analytics_svc.projections.facts import Expression, origin, origin_of, within
from engine.projection import Ledger, Row
from events.base import Event
from events.complaint import (
    CauseAnalysed,
    ComplaintEvaluated,
    ComplaintJudged,
    ComplaintOpened,
    ComplaintReopened,
    DepartmentAssigned,
    SolutionAccepted,
    SolutionCarriedOut,
    SolutionProposed,
    SolutionRefused,
)
from events.envelope import Envelope

TABLE = sa.Table(
    "complaint_steps",
    sa.MetaData(),
    *origin(),
    sa.Column("complaint", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("step", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("invoice", sa.Text),
    sa.Column("disputed", sa.Numeric),
    sa.Column("currency", sa.Text),
    sa.Index("complaint", "complaint", "version"),
)
"""`version` is that of the complaint's stream: the order of its steps. Only the first one has the `subject`, and where
an amount is disputed the `invoice`, how much (`disputed`) and its `currency`.
"""

STEPS: Mapping[type[Event], tuple[int, str]] = MappingProxyType(
    {
        ComplaintOpened: (1, "recorded"),
        ComplaintReopened: (1, "reopened"),
        ComplaintJudged: (2, "established"),
        DepartmentAssigned: (3, "assigned"),
        CauseAnalysed: (4, "analysed"),
        SolutionProposed: (5, "proposed"),
        SolutionRefused: (6, "in_negotiation"),
        SolutionAccepted: (6, "accepted"),
        SolutionCarriedOut: (6, "carried_out"),
        ComplaintEvaluated: (7, "evaluated"),
    }
)
"""The step (1..7) a complaint stands at after each event, and the name of that state."""
STATES = ("recorded", "reopened", "established", "not_established", *(s for n, s in STEPS.values() if n > 2))
CLOSED = ("not_established", "evaluated")
OPEN_STEPS = range(1, 7)
"""Steps at which a complaint is open; at the seventh it is closed."""
DEADLINE_DAYS = 7
"""R-161 names no time: a complaint that stays at a step for more days is overdue, unless the caller says otherwise."""


def fold(envelope: Envelope[Any]) -> Iterable[Row]:
    event = envelope.event
    step, state = STEPS[type(event)]
    if isinstance(event, ComplaintJudged) and not event.established:
        state = "not_established"
    return [(*origin_of(envelope), event.complaint, envelope.version, step, state, *_opened(event))]


def _opened(event: Any) -> Row:
    if not isinstance(event, ComplaintOpened):
        return (None, None, None, None)
    disputed = event.disputed
    amount = (disputed.amount, disputed.currency) if disputed else (None, None)
    return (event.subject, event.invoice, *amount)


class StepCount(BaseModel):
    """The open complaints at a step, and how many of them have stood there for too long."""

    step: int = Field(examples=[5])
    open: int = 0
    overdue: int = 0


_ONCE = ("subject", "invoice", "disputed", "currency")
"""Told by the first step only."""
VIEW = Ledger(table=TABLE, version=2, handles=tuple(STEPS), fold=fold)
_T = TABLE.c


def states(scope: Scope) -> sa.Select[Any]:
    """The step every complaint stands at: one row a complaint, with the event that brought it there."""
    opened = sa.func.min(_T.effective).over(partition_by=_T.complaint).label("opened")
    subject = sa.func.max(_T.subject).over(partition_by=_T.complaint).label("subject")
    latest = sa.func.row_number().over(partition_by=_T.complaint, order_by=_T.version.desc()).label("latest")
    columns = [c for c in TABLE.columns if c.name not in _ONCE]
    rows = sa.select(*columns, opened, subject, latest).where(*within(TABLE, scope)).subquery()
    return sa.select(rows).where(rows.c.latest == 1)


def disputes(scope: Scope) -> sa.Select[Any]:
    """The amounts in dispute, in the scope's currency: the event that opened each, `complaint`, `invoice`, `disputed`.

    A dispute lasts until the complaint is judged not established, its solution is carried out, or it is closed.
    """
    steps = states(Scope(scope.point, scope.customers)).subquery()
    lasting = sa.select(steps.c.complaint).where(steps.c.state.not_in((*CLOSED, "carried_out")))
    where = [*within(TABLE, scope), _T.disputed > 0, _T.invoice.is_not(None), _T.complaint.in_(lasting)]
    columns = (_T.event, _T.customer, _T.effective, _T.recorded, _T.topic, _T.position)
    return sa.select(*columns, _T.complaint, _T.invoice, _T.disputed).where(*where)


def ever_disputed(scope: Scope) -> sa.Select[Any]:
    """`customer` and `invoice` of everything of which a complaint disputed an amount, whatever became of it."""
    where = [*within(TABLE, Scope(scope.point, scope.customers)), _T.disputed > 0, _T.invoice.is_not(None)]
    return sa.select(_T.customer, _T.invoice).where(*where)


def by_state(scope: Scope) -> sa.Select[Any]:
    """How many complaints are in each state: `state`, `complaints`."""
    rows = states(scope).subquery()
    return sa.select(rows.c.state, sa.func.count().label("complaints")).group_by(rows.c.state)


def by_step(scope: Scope, deadline_days: int) -> sa.Select[Any]:
    """The open complaints at each step: `step`, `open`, and how many have stood there for more than so many days."""
    rows = states(scope).subquery()
    late = sa.func.count().filter(_late(rows.c, scope, deadline_days))
    query = sa.select(rows.c.step, sa.func.count().label("open"), late.label("overdue"))
    return query.where(rows.c.state.not_in(CLOSED)).group_by(rows.c.step)


def every_step(found: Iterable[Mapping[str, Any]]) -> list[StepCount]:
    """The steps at which a complaint is open, those without any too."""
    counted = {row["step"]: StepCount.model_validate(dict(row)) for row in found}
    return [counted.get(step, StepCount(step=step)) for step in OPEN_STEPS]


def _late(rows: Any, scope: Scope, deadline_days: int) -> sa.ColumnElement[bool]:
    return cast(sa.ColumnElement[bool], rows.effective < scope.point.as_of - timedelta(days=deadline_days))


def open_of(states: Mapping[str, int]) -> int:
    """How many of the complaints counted by state are not closed."""
    return sum(number for state, number in states.items() if state not in CLOSED)


def page(scope: Scope, state: str | None) -> tuple[sa.Select[Any], Expression]:
    """The complaints in `state`, or all, and what they are sorted by on a page."""
    r = states(scope).subquery().c
    query = sa.select(r.complaint, r.customer, r.subject, r.step, r.state, r.opened, r.effective.label("since"))
    return (query if state is None else query.where(r.state == state)), r.complaint


def parts(scope: Scope, deadline_days: int) -> dict[str, sa.Select[Any]]:
    """What can be counted: `all`, every state, `open`, `overdue`, and the open ones at each step (`step_1` ...)."""
    r = states(scope).subquery().c
    found = {"all": _entries(r)} | {state: _entries(r, r.state == state) for state in STATES}
    still = r.state.not_in(CLOSED)
    found |= {"open": _entries(r, still), "overdue": _entries(r, still, _late(r, scope, deadline_days))}
    return found | {f"step_{step}": _entries(r, still, r.step == step) for step in OPEN_STEPS}


def _entries(r: Any, *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The events that brought complaints to where they are, each as one."""
    one = sa.literal(1).label("amount")
    query = sa.select(
        r.event, r.customer, r.complaint.label("document"), r.state.label("kind"), one, r.effective, r.recorded,
        r.topic, r.position,
    )  # fmt: skip
    return query.where(*where)

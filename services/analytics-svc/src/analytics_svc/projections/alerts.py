"""The alerts as shown: one row each, the newest of every rule and customer marked."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.alert import Subject
from analytics_svc.domain.rules import Present
from analytics_svc.projections.facts import Expression
from engine.projection import Key, Row, Rows, replaced
from events.analytics import (
    AlertAcknowledged,
    AlertChanged,
    AlertCleared,
    AlertEvent,
    AlertRaised,
    AlertResolved,
    AlertRetracted,
)
from events.envelope import Envelope

TABLE = sa.Table(
    "alerts",
    sa.MetaData(),
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("customer", sa.Text),
    sa.Column("occurrence", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("value", sa.Numeric, nullable=False),
    sa.Column("threshold", sa.Numeric, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("numerator", sa.Numeric, nullable=False),
    sa.Column("denominator", sa.Numeric),
    sa.Column("remainder", sa.Numeric, nullable=False),
    sa.Column("currency", sa.Text),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("raised_on", sa.Date, nullable=False),
    sa.Column("changed_on", sa.Date, nullable=False),
    sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("measure", sa.Text),
    sa.Column("ended_by", sa.Text),
    sa.Column("ended_on", sa.Date),
    sa.Column("unsettled", sa.Boolean, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Index("subject", "rule", "customer"),
    sa.Index("state", "state", "raised_on"),
)
"""`version` is that of the alert's stream (ETag); `revision` the position whose contributions are the present ones."""

_NAMES = tuple(c.name for c in TABLE.columns)


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    return [(envelope.event.alert,)]


def fold(_: Key, row: Row | None, envelope: Envelope[Any]) -> Row | None:
    event, seen = envelope.event, {"version": envelope.version, "position": envelope.position}
    if isinstance(event, AlertRaised):
        return _raised(event, envelope)
    if row is None:
        return None
    return replaced(_NAMES, row, {**seen, **_changes(event, envelope)})


def _raised(event: AlertRaised, envelope: Envelope[Any]) -> Row:
    blank: dict[str, object] = dict.fromkeys(_NAMES)
    known = {
        "alert": event.alert, "rule": event.rule, "customer": event.customer, "occurrence": event.occurrence,
        "state": "open", "unit": event.unit, "raised_on": event.on, "unsettled": False,
        "version": envelope.version, "position": envelope.position,
    }  # fmt: skip
    values = {**blank, **known, **_figures(event, envelope)}
    return tuple(values[name] for name in _NAMES)


def _figures(event: AlertRaised | AlertChanged, envelope: Envelope[Any]) -> dict[str, object]:
    return {
        "level": event.level,
        "value": event.value,
        "threshold": event.threshold,
        "numerator": event.numerator,
        "denominator": event.denominator,
        "remainder": event.remainder,
        "currency": event.currency,
        "policy_version": event.policy_version,
        "changed_on": event.on,
        "known_at": event.known_at,
        "revision": envelope.position,
    }


def _changes(event: AlertEvent, envelope: Envelope[Any]) -> dict[str, object]:
    match event:
        case AlertRaised() | AlertChanged():
            return _figures(event, envelope)
        case AlertAcknowledged():
            return {"state": "acknowledged", "note": event.note}
        case AlertResolved():
            ended = {"state": "resolved", "ended_by": event.by, "measure": event.measure, "ended_on": event.on}
            return {**ended, "unsettled": event.by == "person"}
        case AlertRetracted():
            return {"state": "retracted", "ended_by": "facts", "measure": event.reason, "ended_on": event.on}
        case AlertCleared():
            return {"unsettled": False}


VIEW = Rows(
    table=TABLE,
    version=1,
    handles=(AlertRaised, AlertChanged, AlertAcknowledged, AlertResolved, AlertRetracted, AlertCleared),
    touches=True,
    keys=keys,
    fold=fold,
)
_T = TABLE.c


def listed(state: str | None, rule: str | None, customer: str | None) -> tuple[sa.Select[Any], tuple[Expression, ...]]:
    """The alerts in a state, of a rule, about a customer, and what they are sorted by on a page."""
    asked = ((_T.state, state), (_T.rule, rule), (_T.customer, customer))
    query = sa.select(TABLE).where(*(column == value for column, value in asked if value is not None))
    return query, (_T.raised_on, _T.alert)


async def one(connection: AsyncConnection, alert: str) -> sa.RowMapping | None:
    """The alert of that name."""
    return (await connection.execute(sa.select(TABLE).where(_T.alert == alert))).mappings().first()


async def subject_of(connection: AsyncConnection, alert: str) -> Subject | None:
    """What the alert of that name is about."""
    row = await one(connection, alert)
    return None if row is None else Subject(rule=row["rule"], customer=row["customer"])


async def newest(connection: AsyncConnection, customers: Sequence[str | None]) -> dict[Subject, Present]:
    """The newest alert of every rule for these customers; None among them is the company."""
    named = [c for c in customers if c is not None]
    about = _T.customer == sa.any_(sa.literal(named, sa.ARRAY(sa.Text)))
    if None in customers:
        about = sa.or_(about, _T.customer.is_(None))
    order = (_T.rule, _T.customer, _T.occurrence.desc())
    query = sa.select(TABLE).where(about).ext(distinct_on(_T.rule, _T.customer)).order_by(*order)
    found = [_present(row) for row in (await connection.execute(query)).mappings()]
    return {present.subject: present for present in found}


def _present(row: sa.RowMapping) -> Present:
    return Present(
        alert=row["alert"],
        subject=Subject(rule=row["rule"], customer=row["customer"]),
        status=row["state"],
        threshold=row["threshold"],
        numerator=row["numerator"],
        raised_on=row["raised_on"],
        changed_on=row["changed_on"],
        unsettled=row["unsettled"],
        version=row["version"],
    )

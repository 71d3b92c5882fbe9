"""Alerts: seen, acknowledged, resolved, streamed; and the policies behind them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from analytics_svc.domain.alert import AcknowledgeAlert, AlertNotFound, ResolveAlert
from analytics_svc.domain.policies import ALERT_RULES, Policy, SetAlertPolicy, in_force
from analytics_svc.projections import alerts, contributions, policies
from chassis import etag
from chassis.context import Answer, Do, Page, Paged, Read, Today, allowed, missing
from chassis.parameters import Day
from chassis.routes import Routes
from chassis.sse import EventStream, Live
from engine.database import Connection
from events.analytics import (
    AlertAcknowledged,
    AlertChanged,
    AlertCleared,
    AlertRaised,
    AlertResolved,
    AlertRetracted,
    AlertRule,
    Severity,
)
from events.base import Id, Text, Value
from events.envelope import Envelope

router = Routes(tags=["alerts"])
HANDLERS = [allowed("operations", "credit_manager", "finance")]
Key = Annotated[Id, Path(description="Key of the alert, as `GET /alerts` names it.")]
WhichRule = Annotated[AlertRule, Path(description="The rule.")]
On = Annotated[Day | None, Query(description="On this day; the open business day otherwise.")]
Seen = Literal["open", "acknowledged", "resolved", "retracted"]


class AlertRow(BaseModel):
    """An alert. Its contributions and `remainder` add up to `numerator`; `version` is its ETag."""

    alert: str
    rule: AlertRule
    customer: str | None
    occurrence: int
    state: str = Field(examples=["open"])
    level: str = Field(examples=["critical"])
    value: Decimal
    threshold: Decimal
    unit: str = Field(examples=["CNY"])
    numerator: Decimal
    denominator: Decimal | None
    remainder: Decimal
    currency: str | None
    policy_version: int
    raised_on: date
    changed_on: date
    known_at: datetime
    note: str | None
    measure: str | None
    ended_by: str | None
    ended_on: date | None
    revision: int
    version: int
    position: int


class ContributionRow(BaseModel):
    """One event's share of what an alert is about."""

    event: UUID
    amount: Decimal


class Note(BaseModel):
    note: Text = Field(examples=["I called them; they pay on Friday."])


class Measure(BaseModel):
    measure: Text = Field(examples=["Deliveries stopped until the payment of 5 March."])


class PolicyRow(BaseModel):
    """The thresholds of a rule in force; version 0 is the default."""

    rule: AlertRule
    version: int
    enabled: bool
    steps: list[Severity]
    valid_from: date | None


class PolicyBody(Value):
    """Thresholds rise; see the rule's unit at SetAlertPolicy."""

    enabled: bool
    steps: list[Severity] = Field(max_length=20)
    valid_from: date | None = None


@router.get("/alerts", summary="Alerts, newest first")
async def listed(
    read: Read,
    page: Page,
    state: Annotated[Seen | None, Query(description="Only alerts in this state.", examples=["open"])] = None,
    rule: Annotated[AlertRule | None, Query(description="Only alerts of this rule.")] = None,
    customer: Annotated[str | None, Query(description="Only alerts about this customer.", examples=["C-103"])] = None,
) -> Paged[AlertRow]:
    """Of every state, rule and customer unless one is named; by the day they were raised on, then by key."""
    query, order = alerts.listed(state, rule, customer)
    return await page.fetch(read, query, *order, into=AlertRow, descending=True)


@router.get("/alerts/stream", response_class=EventStream, summary="Alerts as they happen (SSE)")
async def stream(live: Live) -> EventStream:
    """Every change of every alert. Resumes with Last-Event-ID; without it begins now, with `?after=0` at the start."""
    return live.of(
        AlertRaised,
        AlertChanged,
        AlertAcknowledged,
        AlertResolved,
        AlertRetracted,
        AlertCleared,
        render=told,
    )


def told(envelope: Envelope[Any]) -> tuple[str, dict[str, Any]]:
    """An alert's event as streamed: all of it but the contributions, which /alerts/{alert}/explain has."""
    body = envelope.event.model_dump(mode="json", exclude={"contributions"})
    seen = {"position": envelope.position, "version": envelope.version, "recorded": envelope.recorded.isoformat()}
    return envelope.event.type.partition(".")[2], body | seen


@router.get("/alerts/{alert}", summary="One alert")
async def one(alert: Key, read: Read, response: Response) -> AlertRow:
    """With the version of its stream as ETag."""
    row = await _known(alert, read)
    etag.put(response, row.version)
    return row


async def _known(alert: str, read: Connection) -> AlertRow:
    row = await alerts.one(read, alert)
    if row is None:
        raise missing(AlertNotFound, alert=alert)
    return AlertRow.model_validate(dict(row))


@router.get("/alerts/{alert}/explain", summary="The events behind an alert")
async def explain(alert: Key, read: Read, page: Page) -> Paged[ContributionRow]:
    """They and the alert's remainder add up to its numerator."""
    query, order = contributions.of(alert, (await _known(alert, read)).revision)
    return await page.fetch(read, query, order, into=ContributionRow)


@router.post("/alerts/{alert}/acknowledge", dependencies=HANDLERS, summary="Say that an alert is seen to")
async def acknowledge(alert: Key, body: Note, do: Do) -> Answer:
    """Somebody has seen it and says what is being done."""
    return await do(AcknowledgeAlert(alert=alert, note=body.note), key=alert)


@router.post("/alerts/{alert}/resolve", dependencies=HANDLERS, summary="Say that an alert is dealt with")
async def resolve(alert: Key, body: Measure, do: Do) -> Answer:
    """Dealt with by the measure taken; it comes back at a higher step, or once the facts were right in between."""
    return await do(ResolveAlert(alert=alert, measure=body.measure), key=alert)


@router.get("/alert-policies", summary="The thresholds in force")
async def policies_in_force(read: Read, today: Today, on: On = None) -> list[PolicyRow]:
    """One of each rule this software has, so there are no pages; of a day, the open one by default."""
    known = await policies.every(read)
    return [_policy(in_force(known, rule, on or today)) for rule in ALERT_RULES]


@router.get("/alert-policies/{rule}", summary="The thresholds of one rule")
async def policy(rule: WhichRule, read: Read, today: Today, on: On = None) -> PolicyRow:
    """In force on a day; the open business day by default."""
    return _policy(in_force(await policies.every(read), rule, on or today))


@router.put(
    "/alert-policies/{rule}",
    dependencies=[allowed("credit_manager", "admin")],
    summary="Set the thresholds of a rule",
)
async def set_policy(rule: WhichRule, body: PolicyBody, do: Do) -> Answer:
    """The next version of a rule's thresholds. Counts from the next look at a customer, the next day at the latest."""
    steps = tuple(body.steps)
    return await do(SetAlertPolicy(rule=rule, enabled=body.enabled, steps=steps, valid_from=body.valid_from), key=rule)


def _policy(found: Policy) -> PolicyRow:
    return PolicyRow(
        rule=found.rule,
        version=found.version,
        enabled=found.enabled,
        steps=list(found.steps),
        valid_from=found.valid_from,
    )

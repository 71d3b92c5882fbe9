"""An alert: one open at most for a rule and a customer; raised and ended by the facts, seen to by people."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal, TypeAlias, assert_never, cast
from uuid import UUID, uuid5

from engine.decider import Aggregate, Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States
from events.analytics import (
    AlertAcknowledged,
    AlertChanged,
    AlertCleared,
    AlertEvent,
    AlertRaised,
    AlertResolved,
    AlertRetracted,
    AlertRule,
    Breach,
    Level,
)
from events.base import CustomerId, Event, Id, Text, Value

Status = Literal["none", "open", "acknowledged", "resolved", "retracted"]
LIVE: frozenset[Status] = frozenset({"open", "acknowledged"})
_NAMESPACE = UUID("5c0a5a53-7c06-5b83-9a54-0a9d1f1c7a11")

# --- commands -----------------------------------------------------------------------------------------------------


class Subject(Value):
    """What an alert is about: a rule and a customer; `customer` null is the company as a whole."""

    rule: AlertRule
    customer: CustomerId | None


class Finding(Breach):
    """A breach, with the unit of its value and threshold; the fields are those of AlertRaised."""

    unit: Id


class RaiseAlert(Command):
    """The facts break the rule."""

    subject: Subject
    finding: Finding


class ChangeAlert(Command):
    """The alert stands, by other figures."""

    subject: Subject
    alert: Id
    finding: Finding


class EndAlert(Command):
    """The facts no longer break the rule: resolved where they changed since, retracted where it never was broken."""

    subject: Subject
    alert: Id
    how: Literal["resolved", "retracted"]
    reason: Text
    on: date


class ClearAlert(Command):
    """A person resolved the alert before; now the facts do not break the rule any more, either."""

    subject: Subject
    alert: Id
    on: date


class AcknowledgeAlert(Command):
    """I have seen the alert; `note` says what is being done."""

    alert: Id
    note: Text


class ResolveAlert(Command):
    """The alert is dealt with by the measure taken."""

    alert: Id
    measure: Text


Evaluated: TypeAlias = RaiseAlert | ChangeAlert | EndAlert | ClearAlert
ByPerson: TypeAlias = AcknowledgeAlert | ResolveAlert
AlertCommand: TypeAlias = Evaluated | ByPerson

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alert:
    """The newest alert of a rule and customer. `unsettled`: resolved by a person, and not yet cleared by the facts."""

    alert: str = ""
    occurrence: int = 0
    status: Status = "none"
    threshold: Decimal = Decimal(0)
    level: Level = "notice"
    numerator: Decimal = Decimal(0)
    unsettled: bool = False


@dataclass(frozen=True, slots=True)
class AlertFacts(Facts):
    """`subject` of the alert a person names; None: no such alert."""

    subject: Subject | None = None


# --- rules --------------------------------------------------------------------------------------------------------


class AlertNotFound(NotFound):
    """There is no alert {alert}."""

    zh: ClassVar[str] = "没有预警 {alert}。"


class AlertIsOver(Rejected):
    """The alert {alert} is {status}; there is nothing left to do about it."""

    zh: ClassVar[str] = "预警 {alert} 的状态为 {status}，无需再处理。"


RULES = (AlertNotFound, AlertIsOver)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: AlertCommand, facts: Facts) -> Sequence[Ref[Alert]]:
    subject = _subject(command, facts)
    return [] if subject is None else [_ref(subject)]


def _ref(subject: Subject) -> Ref[Alert]:
    return ALERT(f"{subject.rule}-{subject.customer}" if subject.customer else f"{subject.rule}:company")


def _subject(command: AlertCommand, facts: Facts) -> Subject | None:
    if not isinstance(command, ByPerson):
        return command.subject
    return facts.subject if isinstance(facts, AlertFacts) else None


def decide(command: AlertCommand, states: States, facts: Facts) -> Decision:
    subject = _subject(command, facts)
    if subject is None:
        raise AlertNotFound(alert="" if isinstance(command, RaiseAlert) else command.alert)
    ref = _ref(subject)
    return [(ref, event) for event in _decide(command, subject, states[ref], facts)]


def _decide(command: AlertCommand, subject: Subject, state: Alert, facts: Facts) -> Sequence[Event]:
    match command:
        case RaiseAlert():
            return _raise(command, state)
        case ChangeAlert() | EndAlert() | ClearAlert():
            return _follow(command, state) if command.alert == state.alert else []
        case AcknowledgeAlert():
            return _acknowledge(command, subject, state)
        case ResolveAlert():
            return _resolve(command, subject, state, facts.today)
        case _:
            assert_never(command)


def _raise(command: RaiseAlert, state: Alert) -> Sequence[Event]:
    if state.status in LIVE:
        return _change(command.subject, command.finding, state)
    if state.unsettled and command.finding.threshold <= state.threshold:
        return []
    occurrence = state.occurrence + 1
    named = alert_id(command.subject, occurrence)
    figures = _figures(command.subject, command.finding)
    return [AlertRaised.model_validate({"alert": named, "occurrence": occurrence, **figures})]


def _follow(command: ChangeAlert | EndAlert | ClearAlert, state: Alert) -> Sequence[Event]:
    subject, live = command.subject, state.status in LIVE
    match command:
        case ChangeAlert():
            return _change(subject, command.finding, state) if live else []
        case EndAlert():
            return [_end(command, subject)] if live else []
        case ClearAlert():
            cleared = AlertCleared(alert=command.alert, rule=subject.rule, customer=subject.customer, on=command.on)
            return [cleared] if state.unsettled else []
        case _:
            assert_never(command)


def _change(subject: Subject, finding: Finding, state: Alert) -> Sequence[Event]:
    if (finding.threshold, finding.level, finding.numerator) == (state.threshold, state.level, state.numerator):
        return []
    figures = _figures(subject, finding)
    del figures["unit"]
    return [AlertChanged.model_validate({"alert": state.alert, **figures})]


def _figures(subject: Subject, finding: Finding) -> dict[str, object]:
    return {**subject.model_dump(), **finding.model_dump()}


def _end(command: EndAlert, subject: Subject) -> Event:
    if command.how == "retracted":
        return AlertRetracted(
            alert=command.alert,
            rule=subject.rule,
            customer=subject.customer,
            reason=command.reason,
            on=command.on,
        )
    return _resolved(command.alert, subject, "facts", command.reason, command.on)


def _resolved(alert: str, subject: Subject, by: Literal["facts", "person"], measure: str, on: date) -> Event:
    return AlertResolved(alert=alert, rule=subject.rule, customer=subject.customer, by=by, measure=measure, on=on)


def _acknowledge(command: AcknowledgeAlert, subject: Subject, state: Alert) -> Sequence[Event]:
    _still(command.alert, state)
    if state.status == "acknowledged":
        return []
    return [AlertAcknowledged(alert=command.alert, rule=subject.rule, customer=subject.customer, note=command.note)]


def _resolve(command: ResolveAlert, subject: Subject, state: Alert, today: date) -> Sequence[Event]:
    _still(command.alert, state)
    return [_resolved(command.alert, subject, "person", command.measure, today)]


def _still(alert: str, state: Alert) -> None:
    if alert != state.alert:
        raise AlertIsOver(alert=alert, status="resolved")
    if state.status not in LIVE:
        raise AlertIsOver(alert=alert, status=state.status)


def alert_id(subject: Subject, occurrence: int) -> str:
    """The name of the n-th alert of a rule and customer: the same every time it is asked for."""
    return str(uuid5(_NAMESPACE, f"{subject.rule}|{subject.customer or ''}|{occurrence}"))


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: Alert, event: Event) -> Alert:
    match cast(AlertEvent, event):
        case AlertRaised() as raised:
            return Alert(raised.alert, raised.occurrence, "open", raised.threshold, raised.level, raised.numerator)
        case AlertChanged() as changed:
            return replace(state, threshold=changed.threshold, level=changed.level, numerator=changed.numerator)
        case AlertAcknowledged():
            return replace(state, status="acknowledged")
        case AlertResolved(by=by):
            return replace(state, status="resolved", unsettled=by == "person")
        case AlertRetracted():
            return replace(state, status="retracted")
        case AlertCleared():
            return replace(state, unsettled=False)
        case other:
            assert_never(other)


ALERT = Aggregate("alert", Alert(), evolve)
DECIDER = Decider(
    commands=(RaiseAlert, ChangeAlert, EndAlert, ClearAlert, AcknowledgeAlert, ResolveAlert),
    streams=streams,
    decide=decide,
    rules=RULES,
)

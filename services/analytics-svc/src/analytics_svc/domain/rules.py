"""When an alert is due: measurements in, what to ask for out. Pure; `analytics_svc.evaluation` measures."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from analytics_svc.domain.alert import LIVE, Status, Subject
from analytics_svc.domain.figures import rounded
from analytics_svc.domain.policies import Policy
from events.analytics import AlertRule, Severity

Action = Literal["raise", "change", "end", "clear"]
INCLUSIVE: frozenset[AlertRule] = frozenset({"overdue"})
"""Broken from the threshold on; the others only above it."""
FALLEN = "the facts no longer break the rule"
NEVER_BROKEN = "facts learned later show that the rule was not broken on that day"
SWITCHED_OFF = "the rule is switched off"
CONTRIBUTIONS = 1000
"""The events an alert names; the smaller ones beyond are in its remainder, and all of them in its explanation."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a rule measured. `value` None: it cannot be said (no limit, no sales, no assets reported).

    `per` is what a threshold is multiplied by: the limit for limit_breach, else 1. `numerator` is what the contributing
    events add up to.
    """

    subject: Subject
    value: Decimal | None
    unit: str
    numerator: Decimal
    per: Decimal = Decimal(1)
    denominator: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Present:
    """The newest alert of a subject, as the alerts view shows it."""

    alert: str
    subject: Subject
    status: Status
    threshold: Decimal
    numerator: Decimal
    raised_on: date
    changed_on: date
    unsettled: bool
    version: int = 0


def broken_step(policy: Policy, measurement: Measurement) -> Severity | None:
    """The highest step of an enabled policy that the measurement breaks, if any."""
    value = measurement.value
    if not policy.enabled or value is None:
        return None
    return max((s for s in policy.steps if _breaks(policy, s, measurement, value)), key=_threshold, default=None)


def _breaks(policy: Policy, step: Severity, measurement: Measurement, value: Decimal) -> bool:
    limit = threshold_of(step, measurement)
    return value >= limit if policy.rule in INCLUSIVE else value > limit


def threshold_of(step: Severity, measurement: Measurement) -> Decimal:
    """The threshold in the unit of the value."""
    return rounded(step.threshold * measurement.per, 6)


def _threshold(step: Severity) -> Decimal:
    return step.threshold


def action(policy: Policy, measurement: Measurement, present: Present | None, day: date) -> Action | None:
    """What a measurement calls for, beside the present alert; None: nothing."""
    step = broken_step(policy, measurement)
    live = present is not None and present.status in LIVE
    if step is None:
        return _over(present)
    if present is not None and live:
        return "change" if _moved(step, measurement, present, day) else None
    if present is not None and present.unsettled and threshold_of(step, measurement) <= present.threshold:
        return None
    return "raise"


def _over(present: Present | None) -> Action | None:
    if present is None:
        return None
    if present.status in LIVE:
        return "end"
    return "clear" if present.unsettled else None


def _moved(step: Severity, measurement: Measurement, present: Present, day: date) -> bool:
    if threshold_of(step, measurement) != present.threshold:
        return True
    # Every document moves the company's figures; once a day is enough there.
    due = measurement.subject.customer is not None or day > present.changed_on
    return due and measurement.numerator != present.numerator


def ending(
    now: Policy, then: Policy, measured_then: Measurement | None
) -> tuple[Literal["resolved", "retracted"], str]:
    """How an alert ends that no longer breaks its rule, and why.

    `measured_then` is the same measurement for the day the alert was raised, with what is known now, and `then` the
    policy of that day: was the rule not broken even then, the alert is retracted.
    """
    if not now.enabled:
        return "resolved", SWITCHED_OFF
    if measured_then is not None and broken_step(then, measured_then) is None:
        return "retracted", NEVER_BROKEN
    return "resolved", FALLEN

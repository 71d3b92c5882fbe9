"""Facts analytics-svc states: alerts and the policies behind them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from events.base import Currency, CustomerId, Event, Id, Text, Value

AlertRule = Literal["limit_breach", "overdue", "receivables_line", "dso_above_target"]
Level = Literal["notice", "warning", "critical"]
Measured = Annotated[Decimal, Field(max_digits=24, decimal_places=6)]


class Contribution(Value):
    """One event's share of a measured value; the shares of an alert add up to the value's numerator."""

    event: UUID
    amount: Measured


class Severity(Value):
    """One step of a rule: from `threshold` on (in the rule's unit), this level."""

    threshold: Measured
    level: Level


class AlertPolicySet(Event):
    """A rule's thresholds from `valid_from` on. The unit is the rule's: money, days, or a share (0.25 = 25 %)."""

    type: ClassVar[str] = "analytics.AlertPolicySet"
    rule: AlertRule
    policy_version: Annotated[int, Field(ge=1)]
    enabled: bool
    steps: Annotated[tuple[Severity, ...], Field(max_length=20)]
    valid_from: date

    def effective_on(self) -> date:
        return self.valid_from


class Breach(Value):
    """What was measured on a day, and the step of a policy that it breaks.

    `contributions` and `remainder` (of the events too small to be named) add up to `numerator`, which is the value
    itself, or what it was divided from by `denominator`. `known_at`: the latest recorded time among the facts it stands
    on.
    """

    policy_version: int
    value: Measured
    threshold: Measured
    level: Level
    numerator: Measured
    denominator: Measured | None = None
    currency: Currency | None = None
    on: date
    known_at: datetime
    contributions: Annotated[tuple[Contribution, ...], Field(max_length=5000)]
    remainder: Measured = Decimal(0)


class AlertRaised(Breach, Event):
    """The facts broke a rule. `customer` null: the company as a whole.

    `value` and `threshold` are in `unit`: a currency, ``days`` or ``share``. `occurrence` counts the alerts of this
    rule and customer.
    """

    type: ClassVar[str] = "analytics.AlertRaised"
    alert: Id
    occurrence: Annotated[int, Field(ge=1)]
    rule: AlertRule
    customer: CustomerId | None
    unit: Id

    def effective_on(self) -> date:
        return self.on


class AlertChanged(Breach, Event):
    """The alert stands, but at another level or value."""

    type: ClassVar[str] = "analytics.AlertChanged"
    alert: Id
    rule: AlertRule
    customer: CustomerId | None

    def effective_on(self) -> date:
        return self.on


class AlertAcknowledged(Event):
    """Somebody has seen it and says what is being done."""

    type: ClassVar[str] = "analytics.AlertAcknowledged"
    alert: Id
    rule: AlertRule
    customer: CustomerId | None
    note: Text


class AlertResolved(Event):
    """The alert is over: by the facts, or by a person with the measure taken."""

    type: ClassVar[str] = "analytics.AlertResolved"
    alert: Id
    rule: AlertRule
    customer: CustomerId | None
    by: Literal["facts", "person"]
    measure: Text
    on: date

    def effective_on(self) -> date:
        return self.on


class AlertRetracted(Event):
    """Facts learned later show that the alert should not have fired."""

    type: ClassVar[str] = "analytics.AlertRetracted"
    alert: Id
    rule: AlertRule
    customer: CustomerId | None
    reason: Text
    on: date

    def effective_on(self) -> date:
        return self.on


class AlertCleared(Event):
    """The facts no longer break the rule of an alert a person had resolved before: the next breach is a new alert."""

    type: ClassVar[str] = "analytics.AlertCleared"
    alert: Id
    rule: AlertRule
    customer: CustomerId | None
    on: date

    def effective_on(self) -> date:
        return self.on


AlertEvent: TypeAlias = AlertRaised | AlertChanged | AlertAcknowledged | AlertResolved | AlertRetracted | AlertCleared
"""What happens to an alert."""

EVENTS = (AlertPolicySet, AlertRaised, AlertChanged, AlertAcknowledged, AlertResolved, AlertRetracted, AlertCleared)

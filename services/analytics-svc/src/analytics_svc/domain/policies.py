"""Alert policies: the thresholds of each rule, as versioned and effective-dated data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, ClassVar, assert_never, cast, get_args

from pydantic import Field

from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, States
from events.analytics import AlertPolicySet, AlertRule, Severity
from events.base import Event

# --- commands -----------------------------------------------------------------------------------------------------


class SetAlertPolicy(Command):
    """Use these steps for `rule` from `valid_from` on (the open business day if null).

    The unit of a threshold is the rule's: limit_breach the share of the limit used (1 = all of it, strictly above),
    overdue days (inclusive), receivables_line the share of total assets (strictly above), dso_above_target days
    (strictly above).
    """

    rule: AlertRule
    enabled: bool
    steps: Annotated[tuple[Severity, ...], Field(max_length=20)]
    valid_from: date | None = None


# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a rule's thresholds. Version 0 is the default before anybody set one."""

    rule: AlertRule
    version: int
    enabled: bool
    steps: tuple[Severity, ...]
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest version set for a rule; None: never."""

    policy: Policy | None = None


def _steps(*steps: tuple[str, str]) -> tuple[Severity, ...]:
    return tuple(Severity.model_validate({"threshold": Decimal(t), "level": level}) for t, level in steps)


DEFAULTS: Mapping[AlertRule, Policy] = MappingProxyType(
    {
        "limit_breach": Policy("limit_breach", 0, True, _steps(("1", "critical"))),
        "overdue": Policy(
            "overdue", 0, True, _steps(("1", "notice"), ("30", "warning"), ("60", "warning"), ("90", "critical"))
        ),
        "receivables_line": Policy("receivables_line", 0, False, ()),
        "dso_above_target": Policy("dso_above_target", 0, False, ()),
    }
)
"""In force until a policy is set. R-118 and R-123 name no number: these two stay off until the company sets its own."""
ALERT_RULES: tuple[AlertRule, ...] = get_args(AlertRule)


def in_force(policies: Iterable[Policy], rule: AlertRule, day: date) -> Policy:
    """The policy of `rule` on `day`: the newest version valid by then, else the default."""
    valid = [p for p in policies if p.rule == rule and (p.valid_from is None or p.valid_from <= day)]
    return max(valid, key=lambda p: p.version, default=DEFAULTS[rule])


# --- rules --------------------------------------------------------------------------------------------------------


class StepsNotRising(Rejected):
    """The steps of {rule} must lie above zero and rise: {thresholds}."""

    zh: ClassVar[str] = "规则 {rule} 的阈值必须大于零并逐级递增：{thresholds}。"


class StepsMissing(Rejected):
    """The rule {rule} cannot be switched on without a threshold."""

    zh: ClassVar[str] = "规则 {rule} 没有阈值，不能启用。"


RULES = (StepsNotRising, StepsMissing)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: SetAlertPolicy, _: Facts) -> Sequence[Ref[Latest]]:
    return [ALERT_POLICY(command.rule)]


def decide(command: SetAlertPolicy, states: States, facts: Facts) -> Decision:
    ref = ALERT_POLICY(command.rule)
    latest = states[ref].policy or DEFAULTS[command.rule]
    _check(command)
    wanted = Policy(command.rule, latest.version, command.enabled, command.steps, command.valid_from or facts.today)
    if wanted == latest:
        return []
    return [(ref, _set(wanted, latest.version + 1, facts.today))]


def _check(command: SetAlertPolicy) -> None:
    thresholds = [s.threshold for s in command.steps]
    if any(low >= high for low, high in zip([Decimal(0), *thresholds], thresholds, strict=False)):
        raise StepsNotRising(rule=command.rule, thresholds=", ".join(str(t) for t in thresholds))
    if command.enabled and not thresholds:
        raise StepsMissing(rule=command.rule)


def _set(policy: Policy, version: int, today: date) -> AlertPolicySet:
    return AlertPolicySet(
        rule=policy.rule,
        policy_version=version,
        enabled=policy.enabled,
        steps=policy.steps,
        valid_from=policy.valid_from or today,
    )


# --- evolve -------------------------------------------------------------------------------------------------------


def policy_of(event: AlertPolicySet) -> Policy:
    return Policy(event.rule, event.policy_version, event.enabled, event.steps, event.valid_from)


def evolve(state: Latest, event: Event) -> Latest:
    match cast(AlertPolicySet, event):
        case AlertPolicySet() as policy:
            return Latest(policy_of(policy))
        case other:
            assert_never(other)


ALERT_POLICY = Aggregate("alert-policy", Latest(), evolve)
DECIDER = Decider(commands=(SetAlertPolicy,), streams=streams, decide=decide, rules=RULES)

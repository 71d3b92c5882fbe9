"""Alert policies: versioned, effective-dated, with documented defaults."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from analytics_svc.domain import policies
from analytics_svc.domain.policies import DEFAULTS, Policy, SetAlertPolicy, StepsMissing, StepsNotRising, in_force
from engine.decider import Actor, Facts, States
from events.analytics import AlertPolicySet, AlertRule, Severity

FACTS = Facts(date(2026, 3, 1), datetime(2026, 3, 1, 9, tzinfo=UTC), Actor("dev"))


def asked(*thresholds: int, enabled: bool = True, rule: AlertRule = "overdue") -> SetAlertPolicy:
    steps = tuple(Severity(threshold=Decimal(t), level="warning") for t in thresholds)
    return SetAlertPolicy(rule=rule, enabled=enabled, steps=steps)


def decided(command: SetAlertPolicy, *before: AlertPolicySet) -> list[AlertPolicySet]:
    state = policies.ALERT_POLICY.fold(before)
    ref = policies.ALERT_POLICY(command.rule)
    return [e for _, e in policies.decide(command, States({ref.stream: state}), FACTS) if isinstance(e, AlertPolicySet)]


def test_a_policy_is_set_as_the_next_version_from_today() -> None:
    [first] = decided(asked(10, 20))
    assert (first.policy_version, first.valid_from) == (1, FACTS.today)
    [second] = decided(asked(10, 30), first)
    assert second.policy_version == 2


def test_setting_the_same_policy_again_changes_nothing() -> None:
    [first] = decided(asked(10))
    assert decided(asked(10), first) == []


@pytest.mark.parametrize("thresholds", [(20, 10), (10, 10), (0, 10), (-1,)])
def test_steps_that_do_not_rise_are_refused(thresholds: tuple[int, ...]) -> None:
    with pytest.raises(StepsNotRising):
        decided(asked(*thresholds))


def test_a_rule_without_a_threshold_cannot_be_switched_on() -> None:
    with pytest.raises(StepsMissing):
        decided(asked())
    assert decided(asked(enabled=False))[0].enabled is False


def test_the_receivables_line_and_the_dso_target_are_off_until_set() -> None:
    assert [r for r, p in DEFAULTS.items() if not p.enabled] == ["receivables_line", "dso_above_target"]


def test_the_newest_version_valid_on_the_day_is_in_force() -> None:
    old = Policy("overdue", 1, True, (), date(2026, 1, 1))
    new = Policy("overdue", 2, True, (), date(2026, 2, 1))
    assert in_force([old, new], "overdue", date(2026, 1, 31)) is old
    assert in_force([old, new], "overdue", date(2026, 2, 1)) is new
    assert in_force([old, new], "overdue", date(2025, 1, 1)) is DEFAULTS["overdue"]

"""When the facts call for an alert, change it, end it."""

from datetime import date
from decimal import Decimal

import pytest

from analytics_svc.domain.alert import Subject
from analytics_svc.domain.policies import DEFAULTS, Policy
from analytics_svc.domain.rules import FALLEN, SWITCHED_OFF, Measurement, Present, action, broken_step, ending
from events.analytics import Severity

DAY = date(2026, 3, 2)
OVERDUE, LIMIT = DEFAULTS["overdue"], DEFAULTS["limit_breach"]
LINE = Policy("receivables_line", 1, True, (Severity(threshold=Decimal("0.25"), level="critical"),))


def overdue(days: int, amount: int = 70) -> Measurement:
    return Measurement(Subject(rule="overdue", customer="C1"), Decimal(days), "days", Decimal(amount), currency="CNY")


def used(exposure: int, limit: int) -> Measurement:
    subject = Subject(rule="limit_breach", customer="C1")
    return Measurement(subject, Decimal(exposure), "CNY", Decimal(exposure), per=Decimal(limit), currency="CNY")


def present(**changes: object) -> Present:
    values = {
        "alert": "a", "subject": Subject(rule="overdue", customer="C1"), "status": "open", "threshold": Decimal(1),
        "numerator": Decimal(70), "raised_on": DAY, "changed_on": DAY, "unsettled": False,
    }  # fmt: skip
    return Present(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("days", "step"), [(0, None), (1, 1), (29, 1), (30, 30), (60, 60), (90, 90), (500, 90)])
def test_overdue_steps_are_inclusive(days: int, step: int | None) -> None:
    found = broken_step(OVERDUE, overdue(days))
    assert (found and found.threshold) == (None if step is None else Decimal(step))


def test_a_limit_used_to_the_last_cent_is_no_breach() -> None:
    assert broken_step(LIMIT, used(100, 100)) is None
    assert broken_step(LIMIT, used(101, 100)) is not None


def test_any_exposure_breaches_a_limit_of_zero() -> None:
    assert broken_step(LIMIT, used(0, 0)) is None
    assert broken_step(LIMIT, used(1, 0)) is not None


def test_the_receivables_line_warns_above_the_configured_share_only() -> None:
    def share(value: str) -> Measurement:
        subject = Subject(rule="receivables_line", customer=None)
        return Measurement(subject, Decimal(value), "share", Decimal(1), denominator=Decimal(4))

    assert broken_step(LINE, share("0.25")) is None
    assert broken_step(LINE, share("0.250001")) is not None
    assert broken_step(DEFAULTS["receivables_line"], share("9")) is None


def test_what_cannot_be_measured_breaks_no_rule() -> None:
    unlimited = Measurement(Subject(rule="limit_breach", customer="C1"), None, "CNY", Decimal(5))
    assert broken_step(LIMIT, unlimited) is None


def test_a_break_raises_once_and_then_changes_only_with_step_or_amount() -> None:
    assert action(OVERDUE, overdue(1), None, DAY) == "raise"
    assert action(OVERDUE, overdue(5), present(), DAY) is None
    assert action(OVERDUE, overdue(30), present(), DAY) == "change"
    assert action(OVERDUE, overdue(5, 80), present(), DAY) == "change"


def test_figures_of_the_company_change_an_alert_once_a_day() -> None:
    company = Measurement(Subject(rule="receivables_line", customer=None), Decimal("0.3"), "share", Decimal(71))
    open_one = present(subject=company.subject, threshold=Decimal("0.25"))
    assert action(LINE, company, open_one, DAY) is None
    assert action(LINE, company, present(threshold=Decimal("0.25"), changed_on=date(2026, 3, 1)), DAY) == "change"


def test_an_alert_ends_when_the_rule_is_no_longer_broken() -> None:
    assert action(OVERDUE, overdue(0), present(), DAY) == "end"
    assert action(OVERDUE, overdue(0), present(status="resolved"), DAY) is None
    assert action(OVERDUE, overdue(0), None, DAY) is None


def test_what_a_person_resolved_is_cleared_by_the_facts_and_returns_only_worse() -> None:
    seen_to = present(status="resolved", unsettled=True, threshold=Decimal(30))
    assert action(OVERDUE, overdue(0), seen_to, DAY) == "clear"
    assert action(OVERDUE, overdue(40), seen_to, DAY) is None
    assert action(OVERDUE, overdue(60), seen_to, DAY) == "raise"


def test_it_is_resolved_when_the_facts_changed_since_and_retracted_when_it_never_was_broken() -> None:
    assert ending(OVERDUE, OVERDUE, overdue(3)) == ("resolved", FALLEN)
    assert ending(OVERDUE, OVERDUE, overdue(0))[0] == "retracted"


def test_switching_a_rule_off_resolves_its_alerts() -> None:
    off = Policy("overdue", 2, False, ())
    assert action(off, overdue(99), present(), DAY) == "end"
    assert ending(off, OVERDUE, overdue(0)) == ("resolved", SWITCHED_OFF)

"""The life of an alert: one open at most for a rule and customer."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from analytics_svc.domain import alert
from analytics_svc.domain.alert import (
    AcknowledgeAlert,
    AlertCommand,
    AlertFacts,
    AlertIsOver,
    AlertNotFound,
    ChangeAlert,
    ClearAlert,
    EndAlert,
    Finding,
    RaiseAlert,
    ResolveAlert,
    Subject,
    alert_id,
)
from engine.decider import Actor, States
from events.analytics import AlertRaised, Contribution
from events.base import Event

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
SUBJECT = Subject(rule="limit_breach", customer="C1")
FIRST, SECOND = alert_id(SUBJECT, 1), alert_id(SUBJECT, 2)


def finding(value: int, threshold: int = 100) -> Finding:
    return Finding(
        policy_version=0,
        value=Decimal(value),
        threshold=Decimal(threshold),
        level="critical",
        unit="CNY",
        numerator=Decimal(value),
        currency="CNY",
        on=NOW.date(),
        known_at=NOW,
        contributions=(Contribution(event=UUID(int=1), amount=Decimal(value)),),
    )


class Story:
    """What happened so far, told by commands."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def ask(self, command: AlertCommand, subject: Subject | None = SUBJECT) -> Sequence[str]:
        facts = AlertFacts(date(2026, 3, 2), NOW, Actor("dev"), subject=subject)
        loaded = {ref.stream: alert.ALERT.fold(self.events) for ref in alert.streams(command, facts)}
        states = States(loaded)
        happened = [event for _, event in alert.decide(command, states, facts)]
        self.events += happened
        return [e.type.partition(".")[2] for e in happened]


def raised(value: int, threshold: int = 100) -> RaiseAlert:
    return RaiseAlert(subject=SUBJECT, finding=finding(value, threshold))


def ended(named: str, how: str = "resolved") -> EndAlert:
    return EndAlert.model_validate(
        {"subject": SUBJECT, "alert": named, "how": how, "reason": "fell", "on": date(2026, 3, 2)}
    )


def test_a_breach_raises_one_alert_whose_contributions_add_up_to_its_value() -> None:
    story = Story()
    assert story.ask(raised(120)) == ["AlertRaised"]
    [event] = story.events
    assert isinstance(event, AlertRaised)
    assert sum(c.amount for c in event.contributions) + event.remainder == event.numerator == event.value


def test_a_second_alert_of_the_rule_and_customer_only_changes_the_open_one() -> None:
    story = Story()
    story.ask(raised(120))
    assert story.ask(raised(120)) == []
    assert story.ask(raised(150)) == ["AlertChanged"]
    assert story.ask(ChangeAlert(subject=SUBJECT, alert=FIRST, finding=finding(150))) == []


def test_an_acknowledged_alert_stays_acknowledged_when_its_figures_change() -> None:
    story = Story()
    story.ask(raised(120))
    assert story.ask(AcknowledgeAlert(alert=FIRST, note="calling them")) == ["AlertAcknowledged"]
    assert story.ask(AcknowledgeAlert(alert=FIRST, note="calling them")) == []
    assert story.ask(ChangeAlert(subject=SUBJECT, alert=FIRST, finding=finding(130))) == ["AlertChanged"]
    assert alert.ALERT.fold(story.events).status == "acknowledged"


@pytest.mark.parametrize("how", ["resolved", "retracted"])
def test_after_the_end_a_new_breach_is_a_new_occurrence(how: str) -> None:
    story = Story()
    story.ask(raised(120))
    assert len(story.ask(ended(FIRST, how))) == 1
    assert story.ask(ended(FIRST, how)) == []
    assert story.ask(raised(110)) == ["AlertRaised"]
    assert alert.ALERT.fold(story.events).alert == SECOND != FIRST


def test_an_alert_a_person_resolved_does_not_come_back_while_the_same_breach_lasts() -> None:
    story = Story()
    story.ask(raised(120))
    assert story.ask(ResolveAlert(alert=FIRST, measure="delivery stopped")) == ["AlertResolved"]
    assert story.ask(raised(125)) == []
    assert story.ask(ClearAlert(subject=SUBJECT, alert=FIRST, on=date(2026, 3, 3))) == ["AlertCleared"]
    assert story.ask(raised(125)) == ["AlertRaised"]


def test_an_alert_a_person_resolved_comes_back_at_a_higher_step() -> None:
    story = Story()
    story.ask(raised(120, 100))
    story.ask(ResolveAlert(alert=FIRST, measure="promised to pay"))
    assert story.ask(raised(250, 200)) == ["AlertRaised"]


def test_an_alert_that_is_over_cannot_be_acknowledged_or_resolved() -> None:
    story = Story()
    story.ask(raised(120))
    story.ask(ended(FIRST))
    for command in (AcknowledgeAlert(alert=FIRST, note="x"), ResolveAlert(alert=FIRST, measure="x")):
        with pytest.raises(AlertIsOver):
            story.ask(command)


def test_an_alert_replaced_by_a_newer_one_is_over() -> None:
    story = Story()
    story.ask(raised(120))
    story.ask(ended(FIRST))
    story.ask(raised(130))
    with pytest.raises(AlertIsOver):
        story.ask(AcknowledgeAlert(alert=FIRST, note="x"))


def test_an_unknown_alert_is_not_found() -> None:
    with pytest.raises(AlertNotFound):
        Story().ask(AcknowledgeAlert(alert="nothing", note="x"), subject=None)


def test_the_company_and_a_customer_called_company_have_streams_of_their_own() -> None:
    facts = AlertFacts(NOW.date(), NOW, Actor("dev"))
    asked = [
        RaiseAlert(subject=Subject(rule="dso_above_target", customer=c), finding=finding(1)) for c in (None, "company")
    ]
    assert len({alert.streams(command, facts)[0].stream for command in asked}) == 2

"""Given, when, then says yes to what happened and no to what did not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from engine.decider import Actor, Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, States
from engine.projection import Ledger, Rows, Totals
from engine.testing.spec import envelope, given
from events.base import Event, Money
from events.credit import CompanyAssetsReported, LimitSet, RiskClassSet
from events.envelope import Envelope

FACTS = Facts(today=date(2026, 1, 2), now=datetime(2026, 1, 2, tzinfo=UTC), actor=Actor("lin"))


class SetClass(Command):
    customer: str
    to: str


class SameClass(Rejected):
    """The customer is in {risk_class} already."""


class Unlisted(Rejected):
    """A rule its decider does not list."""


@dataclass(frozen=True)
class Account:
    risk_class: str = "CA3"


def evolve(state: Account, event: Event) -> Account:
    return Account(event.risk_class) if isinstance(event, RiskClassSet) else state


ACCOUNT = Aggregate("account", Account(), evolve)


def streams(command: SetClass, facts: Facts) -> list[Ref[Account]]:
    return [ACCOUNT(command.customer)]


def decide(command: SetClass, states: States, facts: Facts) -> Decision:
    ref = ACCOUNT(command.customer)
    if command.to == "CA5":
        raise Unlisted
    if command.to == states[ref].risk_class:
        raise SameClass(risk_class=command.to)
    return [(ref, became(command.to, states[ref].risk_class))] if command.to != "CA3" else []


def became(to: str, previous: str) -> RiskClassSet:
    return RiskClassSet.model_validate(
        {"customer": "C1", "risk_class": to, "previous": previous, "reason": "reviewed", "valid_from": date(2026, 1, 2)}
    )


CLASSES = Decider((SetClass,), streams, decide, rules=(SameClass,))
BEFORE = [(ACCOUNT("C1"), became("CA1", "CA3"))]


def test_a_decision_is_compared_event_by_event() -> None:
    outcome = given(BEFORE).when(SetClass(customer="C1", to="CA2"), FACTS, by=CLASSES)
    outcome.then([became("CA2", "CA1")])
    outcome.then([(ACCOUNT("C1"), became("CA2", "CA1"))])
    assert outcome.states == {"account-C1": Account("CA2")}
    with pytest.raises(AssertionError):
        outcome.then([became("CA2", "CA3")])
    with pytest.raises(AssertionError):
        outcome.then_nothing()


def test_the_history_of_another_stream_is_not_folded() -> None:
    given(BEFORE).when(SetClass(customer="C2", to="CA1"), FACTS, by=CLASSES).then([became("CA1", "CA3")])


def test_a_refusal_is_compared_by_rule_and_fields() -> None:
    outcome = given(BEFORE).when(SetClass(customer="C1", to="CA1"), FACTS, by=CLASSES)
    outcome.then_rejected(SameClass, risk_class="CA1")
    with pytest.raises(AssertionError):
        outcome.then_rejected(SameClass, risk_class="CA2")
    with pytest.raises(AssertionError):
        outcome.then([])


def test_a_rule_the_decider_does_not_list_is_found_out() -> None:
    with pytest.raises(AssertionError, match="not among"):
        given().when(SetClass(customer="C1", to="CA5"), FACTS, by=CLASSES).then_rejected(Unlisted)


def test_nothing_to_do_is_an_answer() -> None:
    given(BEFORE).when(SetClass(customer="C1", to="CA3"), FACTS, by=CLASSES).then_nothing()


def assets(amount: str) -> CompanyAssetsReported:
    return CompanyAssetsReported.model_validate(
        {"total_assets": {"amount": amount, "currency": "CNY"}, "on": date(2026, 1, 1)}
    )


def limit(customer: str, amount: int | None) -> LimitSet:
    money = None if amount is None else {"amount": amount, "currency": "CNY"}
    return LimitSet.model_validate(
        {"customer": customer, "limit": money, "previous": None, "reason": "new", "valid_from": date(2026, 1, 1)}
    )


def table(name: str, *columns: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), *(sa.Column(c, sa.Text) for c in columns))


def test_a_ledger_keeps_a_row_for_each_event_it_declares() -> None:
    def fold(e: Envelope[LimitSet]) -> list[tuple[str, int]]:
        return [(e.event.customer, e.position)]

    view = Ledger(table=table("limits", "customer", "position"), version=1, handles=(LimitSet,), fold=fold)
    projected = given([limit("C2", 5), assets("7"), envelope(limit("C1", 4), 9)]).project(view)
    projected.expect([("C2", 1), ("C1", 9)])
    projected.expect([{"customer": "C2"}, {"position": 9}])


def test_totals_are_summed_by_key() -> None:
    def fold(e: Envelope[LimitSet]) -> list[tuple[tuple[str], tuple[int, Decimal]]]:
        return [((e.event.customer,), (1, (e.event.limit or Money(amount=Decimal(0), currency="CNY")).amount))]

    view = Totals(table=table("sums", "customer", "n", "amount"), version=1, handles=(LimitSet,), fold=fold)
    given([limit("C2", 5), limit("C1", 1), limit("C2", 7)]).project(view).expect([("C1", 1, 1), ("C2", 2, 12)])


def test_rows_are_replaced_and_removed() -> None:
    view = Rows(
        table=table("current", "customer", "amount"),
        version=1,
        handles=(LimitSet,),
        keys=lambda e: [(e.event.customer,)],
        fold=lambda key, row, e: None if e.event.limit is None else (*key, e.event.limit.amount),
    )
    given([limit("C1", 5), limit("C2", 6), limit("C1", None)]).project(view).expect([("C2", 6)])

"""What others are told of an account by topic: the figures of its streams, and when they change with the day."""

from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest

from credit_svc.domain.account import ACCOUNT, SetLimit
from credit_svc.domain.account_state import ACCOUNT_STATES, refs, tell
from credit_svc.domain.exposure import EXPOSURE
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import ReceivePayment
from credit_svc.testing import TODAY, CreditCase, cny, cny0
from engine.decider import States
from engine.stated import Told
from events.credit import AccountEvent, ExposureEvent
from events.states import AccountState


@pytest.fixture
def credit() -> CreditCase:
    return CreditCase()


def told(credit: CreditCase, days: int = 0) -> Told | None:
    states = States({ACCOUNT("C-1").stream: credit.account(), EXPOSURE("C-1").stream: credit.exposure()})
    return tell("C-1", states, TODAY + timedelta(days=days), 17)


def state(credit: CreditCase, days: int = 0) -> AccountState:
    found = told(credit, days)
    assert found is not None
    assert isinstance(found.state, AccountState)
    return found.state


def test_the_parts_of_the_exposure_the_limit_and_what_is_left_of_it_are_told(credit: CreditCase) -> None:
    credit.with_account(1000)
    credit.check("O-1", 300)
    due = TODAY + timedelta(days=30)
    credit.do(IssueInvoice(customer="C-1", invoice="R-1", invoice_date=TODAY, due=due, amount=cny(200)))
    credit.do(ReceivePayment(customer="C-1", payment="Z-1", value_date=TODAY, amount=cny(50), names=("R-1",)))
    credit.check("O-2", 5000)
    found = state(credit)
    parts = found.open_orders, found.delivered, found.open_invoices, found.unallocated_cash
    assert [str(part.amount) for part in parts] == ["300.00", "0.00", "150.00", "0.00"]
    assert (found.exposure.amount, found.limit, found.because) == (Decimal(450), cny0(1000), "own-limit")
    assert found.available is not None
    assert str(found.available.amount) == "550.00"
    assert (found.held_orders, found.oldest_due, found.risk_class, found.position) == (1, due, "CA3", 17)


def test_more_than_the_limit_leaves_less_than_nothing_and_no_limit_leaves_no_number(credit: CreditCase) -> None:
    credit.with_account(100)
    credit.do(IssueInvoice(customer="C-1", invoice="R-1", invoice_date=TODAY, due=TODAY, amount=cny("100.50")))
    over = state(credit).available
    assert over is not None
    assert over.amount == Decimal("-0.50")
    credit.do(SetLimit(customer="C-1", limit=None, reason="agreed"))
    assert (state(credit).limit, state(credit).available) == (None, None)


def test_a_limit_set_in_advance_is_told_on_its_day_and_that_day_is_known_before(credit: CreditCase) -> None:
    credit.with_account(100)
    day = TODAY + timedelta(days=3)
    credit.do(SetLimit(customer="C-1", limit=cny0(900), valid_from=day, reason="season"))
    credit.do(SetLimit(customer="C-1", limit=cny0(100), valid_from=day + timedelta(days=9), reason=""))
    before, on_the_day = told(credit), told(credit, 3)
    assert before is not None
    assert on_the_day is not None
    assert (state(credit, 2).limit, before.until) == (cny0(100), day)
    assert (state(credit, 3).limit, on_the_day.until) == (cny0(900), day + timedelta(days=9))


def test_of_a_customer_without_an_account_nothing_is_told(credit: CreditCase) -> None:
    assert told(credit) is None


def test_every_event_of_the_two_streams_tells_the_state_anew() -> None:
    assert set(ACCOUNT_STATES.handles) == {*get_args(AccountEvent), *get_args(ExposureEvent)}
    assert [ref.stream for ref in refs("C-1")] == ["account-C-1", "exposure-C-1"]

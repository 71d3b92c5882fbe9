"""Rules of the credit account: its limit over time, its class."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from credit_svc.domain.account import (
    LimitInAnotherCurrency,
    OpenAccount,
    RaiseNeedsReason,
    ReconsiderHolds,
    SetLimit,
    SetRiskClass,
    UnknownCustomer,
)
from credit_svc.testing import TODAY, CreditCase, cny0
from events.base import NonNegativeMoney
from events.credit import AccountOpened, HoldReleased, LimitSet, RiskClassSet


@pytest.fixture
def credit() -> CreditCase:
    return CreditCase()


def test_a_new_account_has_no_credit_and_the_middle_class(credit: CreditCase) -> None:
    (event,) = credit.do(OpenAccount(customer="C-1", currency="CNY", on=TODAY))
    assert event == AccountOpened(customer="C-1", currency="CNY", limit=cny0(0), risk_class="CA3", opened_on=TODAY)


def test_an_account_is_opened_once(credit: CreditCase) -> None:
    credit.with_account()
    assert credit.do(OpenAccount(customer="C-1", currency="USD", on=TODAY)) == []


def test_a_limit_of_an_unknown_customer_waits(credit: CreditCase) -> None:
    credit.refused(SetLimit(customer="C-1", limit=cny0(5), reason="x"), UnknownCustomer, customer="C-1")


def test_raising_a_limit_needs_a_reason(credit: CreditCase) -> None:
    credit.with_account(100)
    credit.refused(SetLimit(customer="C-1", limit=cny0(101)), RaiseNeedsReason, previous="100", limit="101")
    credit.refused(SetLimit(customer="C-1", limit=None), RaiseNeedsReason, limit="unlimited")


def test_lowering_a_limit_needs_no_reason(credit: CreditCase) -> None:
    credit.with_account(None)
    (event,) = credit.do(SetLimit(customer="C-1", limit=cny0(50)))
    assert event == LimitSet(customer="C-1", limit=cny0(50), previous=None, reason="", valid_from=TODAY)


def test_the_same_limit_again_is_nothing_new(credit: CreditCase) -> None:
    credit.with_account(100)
    assert credit.do(SetLimit(customer="C-1", limit=cny0(100), reason="again")) == []


def test_a_limit_in_another_currency_is_refused(credit: CreditCase) -> None:
    credit.with_account()
    limit = NonNegativeMoney(amount=Decimal(5), currency="USD")
    credit.refused(SetLimit(customer="C-1", limit=limit, reason="x"), LimitInAnotherCurrency, currency="USD")


def test_a_limit_counts_from_its_day_on_and_a_backdated_one_does_not_undo_it(credit: CreditCase) -> None:
    credit.with_account(100)
    later, before = TODAY + timedelta(days=10), TODAY - timedelta(days=10)
    credit.do(SetLimit(customer="C-1", limit=cny0(300), valid_from=later, reason="season"))
    credit.do(SetLimit(customer="C-1", limit=cny0(70), valid_from=before, reason="late paper"))
    days = (before, TODAY, later)
    assert [credit.account().limit_on(day).limit for day in days] == [Decimal(70), Decimal(100), Decimal(300)]


def test_a_limit_set_in_advance_releases_holds_on_its_day(credit: CreditCase) -> None:
    credit.with_account(10)
    credit.check("O-1", 100)
    later = TODAY + timedelta(days=3)
    assert [type(e) for e in credit.do(SetLimit(customer="C-1", limit=cny0(100), valid_from=later, reason="x"))] == [
        LimitSet
    ]
    credit.today = later
    released = credit.do(ReconsiderHolds(customer="C-1"))[0]
    assert isinstance(released, HoldReleased)
    assert released.by == "cause_gone"


def test_a_raised_limit_releases_in_the_same_append(credit: CreditCase) -> None:
    credit.with_account(10)
    credit.check("O-1", 60)
    credit.check("O-2", 50)
    credit.check("O-3", 40)
    events = credit.do(SetLimit(customer="C-1", limit=cny0(100), reason="secured"))
    assert [e.order for e in events if isinstance(e, HoldReleased)] == ["O-1", "O-3"]
    assert credit.exposure().total == 100
    assert list(credit.exposure().holds) == ["O-2"]


def test_the_risk_class_is_kept_with_what_it_was(credit: CreditCase) -> None:
    credit.with_account()
    command = SetRiskClass(customer="C-1", risk_class="CA1", reason="ten good years")
    expected = RiskClassSet(
        customer="C-1", risk_class="CA1", previous="CA3", reason="ten good years", valid_from=date(2026, 3, 1)
    )
    assert credit.do(command) == [expected]
    assert credit.do(command) == []
    assert credit.account().risk_class == "CA1"


def test_an_own_limit_dated_before_the_opening_replaces_the_default(credit: CreditCase) -> None:
    credit.with_account()
    credit.do(SetLimit(customer="C-1", limit=cny0(70), valid_from=TODAY - timedelta(days=900), reason="from the ERP"))
    assert credit.account().limit_on(TODAY).limit == 70

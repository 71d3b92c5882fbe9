"""Orders against the limit: granted, held with all reasons, replaced, ended."""

from datetime import timedelta
from decimal import Decimal

import pytest

from credit_svc.domain.account import CurrencyWithoutRate, UnknownCustomer
from credit_svc.domain.holds import ReleaseHold
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.order import CheckOrder, CloseOrder, CountDelivery, ExpireReservation
from credit_svc.domain.payment import ReceivePayment
from credit_svc.testing import TODAY, CreditCase, cny, cny0
from events.base import NonNegativeMoney
from events.credit import CreditGranted, ExposureChanged, HoldDropped, HoldReleased, OrderHeld


@pytest.fixture
def credit() -> CreditCase:
    return CreditCase().with_account(100)


def usd(amount: int) -> NonNegativeMoney:
    return NonNegativeMoney(amount=Decimal(amount), currency="USD")


def bill(order: str | None, amount: int, invoice: str = "I-1", due_in: int = 30) -> IssueInvoice:
    due = TODAY + timedelta(days=due_in)
    return IssueInvoice(customer="C-1", invoice=invoice, order=order, invoice_date=TODAY, amount=cny(amount), due=due)


def deliver(order: str, value: int, delivery: str = "D-1") -> CountDelivery:
    return CountDelivery(customer="C-1", order=order, delivery=delivery, value=cny0(value), on=TODAY)


def categories(credit: CreditCase) -> list[Decimal]:
    """Open orders, delivered, open invoices."""
    found = credit.exposure()
    return [found.open_orders, found.delivered, found.open_invoices]


def test_an_order_within_the_limit_is_granted_and_reserved(credit: CreditCase) -> None:
    granted, moved = credit.check("O-1", 100)
    assert isinstance(granted, CreditGranted)
    assert granted.amount == cny0(100)
    assert (granted.decided.exposure.amount, granted.decided.because) == (Decimal(0), "own-limit")
    assert granted.expires_on == TODAY + timedelta(days=90)
    assert isinstance(moved, ExposureChanged)
    assert credit.exposure().total == 100


def test_an_order_above_the_limit_is_held_and_reserves_nothing(credit: CreditCase) -> None:
    credit.check("O-1", 80)
    (held,) = credit.check("O-2", "20.01")
    assert isinstance(held, OrderHeld)
    (reason,) = held.reasons
    assert (reason.rule, reason.limit) == ("over-limit", cny0(100))
    assert reason.exposure is not None
    assert reason.exposure.amount == 80
    assert credit.exposure().total == 80


def test_without_credit_an_order_goes_once_it_is_paid_in_advance() -> None:
    credit = CreditCase().with_account(0)
    (held,) = credit.check("O-1", 50)
    assert isinstance(held, OrderHeld)
    assert [r.rule for r in held.reasons] == ["no-credit"]
    assert held.decided.because == "new-account-default"
    credit.do(ReceivePayment(customer="C-1", payment="P-1", amount=cny(50), value_date=TODAY))
    assert credit.exposure().holds == {}
    assert credit.exposure().total == 0


def test_an_unlimited_customer_is_never_over_its_limit() -> None:
    credit = CreditCase().with_account(None)
    granted = credit.check("O-1", 10**9)[0]
    assert isinstance(granted, CreditGranted)
    assert granted.decided.limit is None


def test_a_hold_names_all_its_reasons(credit: CreditCase) -> None:
    credit.do(bill(None, 90, due_in=-60))
    (held,) = credit.check("O-1", 20)
    assert isinstance(held, OrderHeld)
    assert [(r.rule, r.days_overdue) for r in held.reasons] == [("over-limit", None), ("overdue", 60)]


def test_what_is_59_days_overdue_holds_nothing(credit: CreditCase) -> None:
    credit.do(bill(None, 10, due_in=-59))
    assert isinstance(credit.check("O-1", 20)[0], CreditGranted)


def test_a_changed_order_is_checked_again_and_replaces_its_reservation(credit: CreditCase) -> None:
    credit.check("O-1", 60)
    granted, moved = credit.check("O-1", 90, version=2)
    assert isinstance(granted, CreditGranted)
    assert isinstance(moved, ExposureChanged)
    assert moved.changes["open_orders"].amount == 30
    assert granted.decided.exposure.amount == 0


def test_a_changed_order_over_the_limit_gives_its_reservation_back(credit: CreditCase) -> None:
    credit.check("O-1", 60)
    credit.check("O-2", 50)
    held = credit.check("O-1", 101, version=2)[0]
    assert isinstance(held, OrderHeld)
    assert list(credit.exposure().orders) == ["O-2"]
    assert credit.exposure().total == 50


def test_a_changed_held_order_drops_the_old_hold(credit: CreditCase) -> None:
    credit.check("O-1", 160)
    dropped, granted, _ = credit.check("O-1", 90, version=2)
    assert isinstance(dropped, HoldDropped)
    assert (dropped.order_version, dropped.cause) == (1, "changed")
    assert isinstance(granted, CreditGranted)


def test_an_answer_for_an_old_version_is_not_given(credit: CreditCase) -> None:
    credit.check("O-1", 60, version=2)
    assert credit.check("O-1", 90, version=1) == []
    assert credit.check("O-1", 60, version=2) == []


def test_an_order_of_an_unknown_customer_waits() -> None:
    command = CheckOrder(customer="C-9", order="O-1", order_version=1, amount=cny0(1), on=TODAY)
    CreditCase().refused(command, UnknownCustomer, customer="C-9")


def test_an_order_in_another_currency_is_held_until_somebody_gives_the_rate(credit: CreditCase) -> None:
    (held,) = credit.do(CheckOrder(customer="C-1", order="O-1", order_version=1, amount=usd(10), on=TODAY))
    assert isinstance(held, OrderHeld)
    assert [r.rule for r in held.reasons] == ["other-currency-without-rate"]
    credit.refused(ReleaseHold(customer="C-1", order="O-1", reason="ok"), CurrencyWithoutRate, currency="USD")
    credit.do(ReleaseHold(customer="C-1", order="O-1", reason="ok", rate=Decimal("7.1234")))
    assert credit.exposure().total == Decimal("71.23")
    credit.do(CountDelivery(customer="C-1", order="O-1", delivery="D-1", value=usd(10), on=TODAY))
    assert credit.exposure().delivered == credit.exposure().total == Decimal("71.23")


def test_a_cancelled_order_gives_back_what_is_not_delivered(credit: CreditCase) -> None:
    credit.check("O-1", 100)
    credit.do(deliver("O-1", 30))
    credit.do(CloseOrder(customer="C-1", order="O-1", on=TODAY))
    assert categories(credit) == [0, 30, 0]


def test_a_cancelled_held_order_is_held_no_longer(credit: CreditCase) -> None:
    credit.check("O-1", 101)
    (dropped,) = credit.do(CloseOrder(customer="C-1", order="O-1", on=TODAY))
    assert isinstance(dropped, HoldDropped)
    assert dropped.cause == "cancelled"


def test_cancelling_makes_room_for_what_is_held(credit: CreditCase) -> None:
    credit.check("O-1", 80)
    credit.check("O-2", 30)
    events = credit.do(CloseOrder(customer="C-1", order="O-1", on=TODAY))
    assert [type(e) for e in events] == [ExposureChanged, HoldReleased, ExposureChanged]
    assert credit.exposure().total == 30


def test_delivering_and_invoicing_move_the_amount_from_category_to_category(credit: CreditCase) -> None:
    credit.check("O-1", 100)
    credit.do(deliver("O-1", 40))
    assert categories(credit) == [60, 40, 0]
    credit.do(bill("O-1", 40))
    assert categories(credit) == [60, 0, 40]
    credit.do(bill("O-1", 60, invoice="I-2"))
    assert categories(credit) == [0, 0, 100]
    credit.do(deliver("O-1", 60, "D-2"))
    assert credit.exposure().total == 100
    assert credit.exposure().orders == {}


def test_an_invoice_that_arrives_before_its_order_leaves_nothing_to_reserve(credit: CreditCase) -> None:
    credit.do(bill("O-1", 70))
    (granted,) = credit.check("O-1", 70)
    assert isinstance(granted, CreditGranted)
    assert granted.amount == cny0(0)
    assert credit.exposure().total == 70
    assert credit.exposure().orders == {}


def test_goods_of_a_held_order_that_are_invoiced_are_held_no_longer(credit: CreditCase) -> None:
    credit.check("O-1", 150)
    credit.do(bill("O-1", 50))
    assert credit.exposure().holds["O-1"].amount == cny0(100)
    credit.do(bill("O-1", 100, invoice="I-2"))
    assert credit.exposure().holds == {}
    assert credit.exposure().total == 150


def test_a_reservation_expires_on_its_day_and_makes_room(credit: CreditCase) -> None:
    credit.check("O-1", 80)
    credit.check("O-2", 30)
    expire = ExpireReservation(customer="C-1", order="O-1", order_version=1)
    assert credit.do(expire) == []
    credit.today = TODAY + timedelta(days=90)
    assert [type(e) for e in credit.do(expire)] == [ExposureChanged, HoldReleased, ExposureChanged]
    assert credit.do(expire) == []


def test_the_timer_of_an_earlier_version_expires_nothing(credit: CreditCase) -> None:
    credit.check("O-1", 80)
    credit.check("O-1", 70, version=2)
    credit.today = TODAY + timedelta(days=90)
    assert credit.do(ExpireReservation(customer="C-1", order="O-1", order_version=1)) == []


def test_an_initial_load_checks_nothing_and_dates_the_reservation_by_the_order() -> None:
    credit = CreditCase(initial_load=True).with_account(0)
    ordered = TODAY - timedelta(days=700)
    body = CheckOrder(customer="C-1", order="O-1", order_version=1, amount=cny0(500), on=ordered)
    granted, moved = credit.do(body)
    assert isinstance(granted, CreditGranted)
    assert granted.decided.because == "initial-load"
    assert granted.effective_on() == moved.effective_on() == ordered
    assert credit.exposure().total == 500

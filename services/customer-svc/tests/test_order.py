"""Rules of the order: placing, changing, cancelling, and what credit says to it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from customer_svc.domain.customer import CUSTOMER, NoSuchCustomer
from customer_svc.domain.lines import OrderTooLarge
from customer_svc.domain.order import (
    DECIDER,
    ORDER,
    BelowDelivered,
    CancelOrder,
    ChangeOrder,
    CustomerNotArrived,
    DeliveredPriceIsFixed,
    NoSuchOrder,
    OrderCommand,
    OrderExists,
    OrderHeadIsFixed,
    OrderIsCancelled,
    OrderIsDelivered,
    OrderNotArrived,
    OtherCurrency,
    PlaceOrder,
    RecordCancellation,
    RecordCreditDecision,
    RecordOrder,
)
from customer_svc.domain.reactions import follow_credit
from engine.decider import Actor, Command, Facts, Ref
from engine.testing.spec import Outcome, envelope, given
from events.base import Event, Money, NonNegativeMoney
from events.credit import CreditGranted, Decided, HoldReason, HoldReleased, OrderHeld
from events.customer import (
    Basics,
    CustomerRegistered,
    DeliveredLine,
    OrderBlocked,
    OrderCancelled,
    OrderChanged,
    OrderConfirmed,
    OrderDelivered,
    OrderLine,
    OrderPlaced,
)

TODAY = date(2026, 3, 2)
FACTS = Facts(TODAY, datetime(2026, 3, 2, 9, tzinfo=UTC), Actor("lin"))
LOADING = replace(FACTS, initial_load=True)
C, ORDER_1 = CUSTOMER("C-1"), ORDER("O-1")
REGISTERED = CustomerRegistered(
    customer="C-1", basics=Basics(name="沪东机械", type="dealer", currency="CNY"), since=TODAY
)


def line(quantity: str = "10", price: str = "3.335", product: str = "A") -> OrderLine:
    return OrderLine(product=product, quantity=Decimal(quantity), price=Decimal(price))


def cny(amount: str) -> NonNegativeMoney:
    return NonNegativeMoney(amount=Decimal(amount), currency="CNY")


LINES = (line(), line("4", "25", "B"))
PLACE = PlaceOrder(customer="C-1", order="O-1", currency="CNY", lines=LINES)
RECORD = RecordOrder(customer="C-1", order="O-1", currency="CNY", lines=LINES, order_date=TODAY)
PLACED = OrderPlaced(customer="C-1", order="O-1", order_date=TODAY, currency="CNY", lines=LINES, total=cny("133.35"))
CONFIRMED = OrderConfirmed(customer="C-1", order="O-1", order_version=1)
HALF = OrderDelivered(
    customer="C-1",
    order="O-1",
    delivery="D-1",
    lines=(DeliveredLine(product="A", quantity=Decimal(5)),),
    value=cny("16.68"),
    complete=False,
    delivered_on=TODAY,
)
REST = HALF.model_copy(
    update={
        "delivery": "D-2",
        "lines": (DeliveredLine(product="A", quantity=Decimal(5)), DeliveredLine(product="B", quantity=Decimal(4))),
        "value": cny("116.67"),
        "complete": True,
    }
)
CANCELLED = OrderCancelled(
    customer="C-1", order="O-1", order_version=1, lines=LINES, undelivered=cny("133.35"), reason="-", cancelled_on=TODAY
)


def when(command: OrderCommand, *events: Event, facts: Facts = FACTS) -> Outcome:
    history: list[tuple[Ref[Any], Event]] = [(C, REGISTERED), *((ORDER_1, e) for e in events)]
    return given(history).when(command, facts, by=DECIDER)


def credit(outcome: Any, version: int = 1, *reasons: str) -> RecordCreditDecision:
    return RecordCreditDecision(order="O-1", order_version=version, outcome=outcome, reasons=reasons)


def test_an_order_is_placed_with_its_total_rounded_half_up_at_the_last_step() -> None:
    when(PLACE).then([(ORDER_1, PLACED)])
    thirds = PLACE.model_copy(update={"lines": (line("1", "0.004"), line("1", "0.001"))})
    [placed] = when(thirds).events
    assert isinstance(placed, OrderPlaced)
    assert placed.total == cny("0.01")


def test_quantities_and_prices_of_many_digits_are_added_exactly() -> None:
    big = line("12345678901.2345", "123456.654321")
    [placed] = when(PLACE.model_copy(update={"lines": (big,)})).events
    assert isinstance(placed, OrderPlaced)
    assert placed.total == cny("1524156212467770.77")


def test_an_order_too_large_for_an_amount_is_refused() -> None:
    big = line("99999999999", "999999999999")
    when(PLACE.model_copy(update={"lines": (big,)})).then_rejected(OrderTooLarge, order="O-1")


def test_an_order_in_another_currency_is_refused_without_a_rate() -> None:
    when(PLACE.model_copy(update={"currency": "USD"})).then_rejected(
        OtherCurrency, customer="C-1", currency="CNY", requested="USD"
    )


def test_an_unknown_customer_orders_nothing_and_its_document_waits() -> None:
    given([]).when(PLACE, FACTS, by=DECIDER).then_rejected(NoSuchCustomer, customer="C-1")
    given([]).when(RECORD, FACTS, by=DECIDER).then_rejected(CustomerNotArrived, customer="C-1")


def test_an_order_placed_again_with_other_lines_is_refused() -> None:
    when(PLACE.model_copy(update={"lines": LINES[:1]}), PLACED).then_rejected(OrderExists, order="O-1")


def test_the_erp_places_changes_or_repeats_an_order() -> None:
    when(RECORD).then([PLACED])
    when(RECORD, PLACED).then_nothing()
    [changed] = when(RECORD.model_copy(update={"lines": LINES[:1]}), PLACED).events
    assert isinstance(changed, OrderChanged)
    assert (changed.order_version, changed.total) == (2, cny("33.35"))
    assert (changed.previous_lines, changed.previous_total) == (LINES, cny("133.35"))


def test_customer_date_and_currency_of_an_order_are_fixed() -> None:
    for field, value in (("customer", "C-2"), ("order_date", date(2026, 3, 1)), ("currency", "USD")):
        when(RECORD.model_copy(update={field: value}), PLACED).then_rejected(OrderHeadIsFixed, customer="C-1")


def test_a_changed_order_awaits_credit_again() -> None:
    change = ChangeOrder(order="O-1", lines=LINES[:1], requested_delivery=date(2026, 4, 1))
    changed = when(change, PLACED, CONFIRMED)
    [event] = changed.events
    assert isinstance(event, OrderChanged)
    assert event.requested_delivery == date(2026, 4, 1)
    assert changed.states is not None
    assert changed.states[ORDER_1.stream].credit == "not_decided"


def test_what_names_an_unknown_order_is_refused_or_waits() -> None:
    when(ChangeOrder(order="O-1", lines=LINES)).then_rejected(NoSuchOrder, order="O-1")
    when(CancelOrder(order="O-1", reason="-")).then_rejected(NoSuchOrder, order="O-1")
    when(RecordCancellation(order="O-1", customer="C-1", reason="-")).then_rejected(OrderNotArrived, order="O-1")


def test_a_cancellation_for_another_customer_is_refused() -> None:
    when(RecordCancellation(order="O-1", customer="C-2", reason="-"), PLACED).then_rejected(OrderHeadIsFixed)


def test_a_cancelled_order_does_not_change() -> None:
    when(ChangeOrder(order="O-1", lines=LINES[:1]), PLACED, CANCELLED).then_rejected(OrderIsCancelled, order="O-1")


def test_an_order_delivered_in_full_is_neither_changed_nor_cancelled() -> None:
    for command in (ChangeOrder(order="O-1", lines=LINES[:1]), CancelOrder(order="O-1", reason="-")):
        when(command, PLACED, CONFIRMED, HALF, REST).then_rejected(OrderIsDelivered, order="O-1")


def test_an_order_cannot_be_changed_to_less_than_was_delivered() -> None:
    change = ChangeOrder(order="O-1", lines=(line("4"), LINES[1]))
    when(change, PLACED, CONFIRMED, HALF).then_rejected(
        BelowDelivered, product="A", delivered=Decimal(5), ordered=Decimal(4)
    )


def test_the_price_of_what_was_delivered_cannot_be_changed() -> None:
    change = ChangeOrder(order="O-1", lines=(line("10", "4"), LINES[1]))
    when(change, PLACED, CONFIRMED, HALF).then_rejected(
        DeliveredPriceIsFixed, delivered=Decimal("16.68"), changed=Decimal("20.00")
    )


def test_cancelling_lets_fall_away_what_was_not_delivered() -> None:
    cancel = CancelOrder(order="O-1", reason="no need")
    [cancelled] = when(cancel, PLACED, CONFIRMED, HALF).events
    assert isinstance(cancelled, OrderCancelled)
    assert cancelled.undelivered == cny("116.67")
    assert [(at.product, at.quantity) for at in cancelled.lines] == [("A", Decimal(5)), ("B", Decimal(4))]
    assert cancelled.cancelled_on == TODAY


def test_credit_confirms_or_blocks_the_version_it_names() -> None:
    when(credit("granted"), PLACED).then([CONFIRMED])
    blocked = OrderBlocked(customer="C-1", order="O-1", order_version=1, reasons=("over-limit", "overdue"))
    when(credit("held", 1, "over-limit", "overdue"), PLACED).then([blocked])
    when(credit("released"), PLACED, blocked).then([CONFIRMED])


def test_an_answer_for_another_version_or_a_cancelled_order_is_ignored() -> None:
    when(credit("granted", 2), PLACED).then_nothing()
    when(credit("held", 1, "over-limit"), PLACED, CANCELLED).then_nothing()


def test_an_order_of_the_initial_load_needs_no_credit() -> None:
    when(RECORD, facts=LOADING).then([PLACED, CONFIRMED])


DECIDED = Decided(exposure=Money(amount=Decimal(0), currency="CNY"), limit=None, because="own-limit", on=TODAY)
ANSWERS: list[tuple[Event, Command]] = [
    (
        CreditGranted(customer="C-1", order="O-1", order_version=1, amount=cny("1"), decided=DECIDED, expires_on=TODAY),
        credit("granted"),
    ),
    (
        OrderHeld(
            customer="C-1",
            order="O-1",
            order_version=1,
            amount=cny("1"),
            decided=DECIDED,
            reasons=(HoldReason(rule="over-limit"), HoldReason(rule="overdue")),
        ),
        credit("held", 1, "over-limit", "overdue"),
    ),
    (
        HoldReleased(
            customer="C-1",
            order="O-1",
            order_version=1,
            amount=cny("1"),
            by="person",
            reason="paid by telephone",
            expires_on=TODAY,
        ),
        credit("released"),
    ),
]


@pytest.mark.parametrize(("answer", "command"), ANSWERS, ids=lambda x: type(x).__name__)
def test_what_credit_says_becomes_a_command(answer: Event, command: Command) -> None:
    assert list(follow_credit(envelope(answer))) == [command]


REPEATED: list[OrderCommand] = [
    PLACE,
    RECORD.model_copy(update={"lines": LINES[:1]}),
    ChangeOrder(order="O-1", lines=LINES[:1]),
    CancelOrder(order="O-1", reason="no need"),
    RecordCancellation(order="O-1", customer="C-1", reason="no need"),
    credit("granted"),
    credit("held", 1, "over-limit"),
]


@pytest.mark.parametrize("command", REPEATED, ids=lambda c: type(c).__name__)
def test_repeating_a_command_does_nothing(command: OrderCommand) -> None:
    history: list[tuple[Ref[Any], Event]] = [(C, REGISTERED), (ORDER_1, PLACED)]
    happened = given(history).when(command, FACTS, by=DECIDER).happened
    given([*history, *happened]).when(command, FACTS, by=DECIDER).then_nothing()

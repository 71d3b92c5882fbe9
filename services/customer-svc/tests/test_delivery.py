"""Rules of deliveries, and that their values add up."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from customer_svc.domain.delivery import (
    DECIDER,
    CreditNotDecided,
    DeliverOrder,
    DeliveryCommand,
    DeliveryExists,
    OrderIsHeld,
    OverDelivery,
    RecordDelivery,
)
from customer_svc.domain.lines import total
from customer_svc.domain.order import (
    ORDER,
    NoSuchOrder,
    OrderHeadIsFixed,
    OrderIsCancelled,
    OrderIsDelivered,
    OrderNotArrived,
)
from engine.decider import Actor, Facts
from engine.snapshots import codec
from engine.testing.spec import Outcome, given
from events.base import Event, NonNegativeMoney
from events.customer import (
    DeliveredLine,
    OrderBlocked,
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderLine,
    OrderPlaced,
)

TODAY = date(2026, 3, 2)
FACTS = Facts(TODAY, datetime(2026, 3, 2, 9, tzinfo=UTC), Actor("lin"))
ORDER_1 = ORDER("O-1")
LINES = (
    OrderLine(product="A", quantity=Decimal(3), price=Decimal("3.335")),
    OrderLine(product="A", quantity=Decimal(7), price=Decimal(2)),
    OrderLine(product="B", quantity=Decimal(4), price=Decimal(25)),
)


def cny(amount: str) -> NonNegativeMoney:
    return NonNegativeMoney(amount=Decimal(amount), currency="CNY")


def of(product: str, quantity: str) -> DeliveredLine:
    return DeliveredLine(product=product, quantity=Decimal(quantity))


def placed(lines: tuple[OrderLine, ...] = LINES) -> OrderPlaced:
    return OrderPlaced(
        customer="C-1", order="O-1", order_date=TODAY, currency="CNY", lines=lines, total=total("O-1", lines, "CNY")
    )


PLACED = placed()
CONFIRMED = OrderConfirmed(customer="C-1", order="O-1", order_version=1)
BLOCKED = OrderBlocked(customer="C-1", order="O-1", order_version=1, reasons=("over-limit", "overdue"))
CANCELLED = OrderCancelled(
    customer="C-1", order="O-1", order_version=1, lines=LINES, undelivered=cny("124.01"), reason="-", cancelled_on=TODAY
)
ALL = DeliverOrder(order="O-1", delivery="D-1")
FROM_ERP = RecordDelivery(customer="C-1", order="O-1", delivery="D-1")


def when(command: DeliveryCommand, *events: Event, facts: Facts = FACTS) -> Outcome:
    return given([(ORDER_1, e) for e in events]).when(command, facts, by=DECIDER)


def delivered(outcome: Outcome) -> OrderDelivered:
    [event] = outcome.events
    assert isinstance(event, OrderDelivered)
    return event


def test_without_lines_everything_left_is_delivered() -> None:
    when(ALL, PLACED, CONFIRMED).then(
        [
            OrderDelivered(
                customer="C-1",
                order="O-1",
                delivery="D-1",
                lines=(of("A", "10"), of("B", "4")),
                value=cny("124.01"),
                complete=True,
                delivered_on=TODAY,
            )
        ]
    )


def test_an_order_is_delivered_bit_by_bit_and_the_values_add_up_to_its_total() -> None:
    first = delivered(when(ALL.model_copy(update={"lines": (of("A", "1"),)}), PLACED, CONFIRMED))
    assert (first.value, first.complete) == (cny("3.34"), False)
    second = delivered(when(DeliverOrder(order="O-1", delivery="D-2"), PLACED, CONFIRMED, first))
    assert second.lines == (of("A", "9"), of("B", "4"))
    assert second.complete
    assert first.value.amount + second.value.amount == PLACED.total.amount


def test_an_order_credit_has_not_decided_about_is_not_delivered() -> None:
    when(ALL, PLACED).then_rejected(CreditNotDecided, order="O-1")


def test_a_held_order_is_not_delivered() -> None:
    when(ALL, PLACED, BLOCKED).then_rejected(OrderIsHeld, order="O-1", reasons="over-limit, overdue")


def test_the_initial_load_delivers_without_credit() -> None:
    event = delivered(when(ALL, PLACED, facts=replace(FACTS, initial_load=True)))
    assert event.despite is None


def test_a_delivery_of_the_erp_is_a_fact_and_notes_what_credit_had_not_granted() -> None:
    assert delivered(when(FROM_ERP, PLACED)).despite == "not_decided"
    assert delivered(when(FROM_ERP, PLACED, BLOCKED)).despite == "held"
    assert delivered(when(FROM_ERP, PLACED, CONFIRMED)).despite is None


def test_no_more_is_delivered_than_was_ordered() -> None:
    over = FROM_ERP.model_copy(update={"lines": (of("A", "6"), of("A", "4.0001"))})
    when(over, PLACED, CONFIRMED).then_rejected(
        OverDelivery, product="A", open=Decimal(10), quantity=Decimal("10.0001")
    )
    foreign = ALL.model_copy(update={"lines": (of("X", "1"),)})
    when(foreign, PLACED, CONFIRMED).then_rejected(OverDelivery, product="X", open=Decimal(0), quantity=Decimal(1))


def test_a_delivery_cannot_be_recorded_again_with_other_lines() -> None:
    first = delivered(when(ALL.model_copy(update={"lines": (of("A", "1"),)}), PLACED, CONFIRMED))
    other = ALL.model_copy(update={"lines": (of("A", "2"),)})
    when(other, PLACED, CONFIRMED, first).then_rejected(DeliveryExists, delivery="D-1")


def test_nothing_leaves_for_a_cancelled_or_completed_order() -> None:
    when(FROM_ERP, PLACED, CANCELLED).then_rejected(OrderIsCancelled, order="O-1")
    done = delivered(when(ALL, PLACED, CONFIRMED))
    again = DeliverOrder(order="O-1", delivery="D-2")
    when(again, PLACED, CONFIRMED, done).then_rejected(OrderIsDelivered, order="O-1")


def test_a_delivery_of_an_unknown_order_is_refused_or_waits() -> None:
    when(ALL).then_rejected(NoSuchOrder, order="O-1")
    when(FROM_ERP).then_rejected(OrderNotArrived, order="O-1")


def test_a_delivery_for_another_customer_is_refused() -> None:
    when(FROM_ERP.model_copy(update={"customer": "C-2"}), PLACED).then_rejected(OrderHeadIsFixed, customer="C-1")


@pytest.mark.parametrize("command", [ALL, FROM_ERP, FROM_ERP.model_copy(update={"lines": (of("A", "2"),)})])
def test_repeating_a_delivery_does_nothing(command: DeliveryCommand) -> None:
    first = when(command, PLACED, CONFIRMED)
    when(command, PLACED, CONFIRMED, *first.events).then_nothing()


amounts = st.decimals("0", "999.999999", places=6)
some = st.decimals("0.0001", "50", places=4)
an_order_line = st.builds(OrderLine, product=st.sampled_from("AB"), quantity=some, price=amounts)


@settings(deadline=None)
@for_all(st.lists(an_order_line, min_size=1, max_size=5), st.data())
def test_values_of_any_deliveries_add_up_to_the_total_and_none_is_negative(lines: list[OrderLine], data: Any) -> None:
    order = placed(tuple(lines))
    events: list[Event] = [order, CONFIRMED]
    for n in range(6):
        still = ORDER("O-1").aggregate.fold(events).still_open()
        if not still:
            break
        line = data.draw(st.sampled_from(still))
        quantity = data.draw(st.decimals("0.0001", line.quantity, places=4))
        part = DeliverOrder(order="O-1", delivery=f"D-{n}", lines=(of(line.product, str(quantity)),))
        events += when(part, *events).events
    if ORDER("O-1").aggregate.fold(events).still_open():
        events += when(DeliverOrder(order="O-1", delivery="D-rest"), *events).events
    values = [e.value.amount for e in events if isinstance(e, OrderDelivered)]
    assert sum(values) == order.total.amount
    last = events[-1]
    assert isinstance(last, OrderDelivered)
    assert last.complete


def test_a_state_kept_in_a_snapshot_comes_back_as_it_was() -> None:
    first = delivered(when(ALL.model_copy(update={"lines": (of("A", "1"),)}), PLACED, BLOCKED, CONFIRMED))
    state = ORDER_1.aggregate.fold([PLACED, BLOCKED, CONFIRMED, first])
    kept = codec(ORDER_1.aggregate).adapter
    assert kept.validate_json(kept.dump_json(state)) == state

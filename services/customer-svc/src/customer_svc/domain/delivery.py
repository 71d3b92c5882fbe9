"""Deliveries of an order: what has left for the customer. State and evolution are the order's, in ``order.py``."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from customer_svc.domain.lines import NONE, delivered_value, money, ordered, quantities
from customer_svc.domain.order import (
    ORDER,
    NoSuchOrder,
    Order,
    OrderHeadIsFixed,
    OrderIsCancelled,
    OrderIsDelivered,
    OrderNotArrived,
    must_be_known,
    must_be_open,
)
from engine.decider import Command, Decider, Decision, Facts, Ref, Rejected, States
from events.base import CustomerId, Event, Id
from events.customer import DeliveredLine, OrderDelivered

# --- commands -----------------------------------------------------------------------------------------------------


class DeliverOrder(Command):
    """Let goods leave for the customer; without lines, everything not delivered yet."""

    order: Id
    delivery: Id
    delivered_on: date | None = None
    lines: Annotated[tuple[DeliveredLine, ...], Field(max_length=1000)] = ()


class RecordDelivery(DeliverOrder):
    """The ERP says that goods have left: a fact, whatever credit says; the event notes what credit had not granted."""

    customer: CustomerId


DeliveryCommand: TypeAlias = DeliverOrder | RecordDelivery

# --- rules --------------------------------------------------------------------------------------------------------


class CreditNotDecided(Rejected):
    """Credit has not decided about order {order} yet; nothing of it may be delivered."""

    zh: ClassVar[str] = "订单 {order} 的信用审核尚未完成，不得交货。"


class OrderIsHeld(Rejected):
    """Credit holds order {order} ({reasons}); nothing of it may be delivered."""

    zh: ClassVar[str] = "订单 {order} 因信用原因被冻结（{reasons}），不得交货。"


class OverDelivery(Rejected):
    """Of {product}, {open} are still to be delivered on order {order}, not {quantity}."""

    zh: ClassVar[str] = "订单 {order} 的产品 {product} 未交货数量为 {open}，不能交货 {quantity}。"


class DeliveryExists(Rejected):
    """Delivery {delivery} of order {order} is recorded already, with other lines."""

    zh: ClassVar[str] = "订单 {order} 的交货单 {delivery} 已登记，且明细不同。"


RULES = (CreditNotDecided, OrderIsHeld, OverDelivery, DeliveryExists)
OF_THE_ORDER = (NoSuchOrder, OrderNotArrived, OrderHeadIsFixed, OrderIsCancelled, OrderIsDelivered)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: DeliveryCommand, _: Facts) -> Sequence[Ref[Order]]:
    return [ORDER(command.order)]


def decide(command: DeliveryCommand, states: States, facts: Facts) -> Decision:
    ref = ORDER(command.order)
    state = states[ref]
    must_be_known(command.order, state, command.customer if isinstance(command, RecordDelivery) else None)
    if command.delivery in state.deliveries:
        _must_read_the_same(command, state)
        return []
    must_be_open(command.order, state)
    if not isinstance(command, RecordDelivery) and not facts.initial_load:
        _must_be_granted(command.order, state)
    return [(ref, _deliver(command, state, facts))]


def _must_read_the_same(command: DeliveryCommand, state: Order) -> None:
    if command.lines and command.lines != state.deliveries[command.delivery]:
        raise DeliveryExists(order=command.order, delivery=command.delivery)


def _must_be_granted(order: str, state: Order) -> None:
    if state.credit == "held":
        raise OrderIsHeld(order=order, reasons=", ".join(state.reasons))
    if state.credit == "not_decided":
        raise CreditNotDecided(order=order)


def _deliver(command: DeliveryCommand, state: Order, facts: Facts) -> Event:
    still = ordered(state.still_open())
    lines = command.lines or tuple(DeliveredLine(product=p, quantity=q) for p, q in still.items())
    leaving = quantities((line.product, line.quantity) for line in lines)
    _must_not_exceed(command.order, leaving, still)
    delivered = quantities([*state.delivered.items(), *leaving.items()])
    value = delivered_value(state.lines, delivered, state.currency) - state.delivered_value
    return OrderDelivered(
        customer=state.customer,
        order=command.order,
        delivery=command.delivery,
        lines=lines,
        value=money(value, state.currency),
        complete=leaving == still,
        delivered_on=command.delivered_on or facts.today,
        despite=None if state.credit == "granted" or facts.initial_load else state.credit,
    )


def _must_not_exceed(order: str, leaving: dict[str, Decimal], still: dict[str, Decimal]) -> None:
    for product, quantity in leaving.items():
        left = still.get(product, NONE)
        if quantity > left:
            raise OverDelivery(order=order, product=product, open=left, quantity=quantity)


DECIDER = Decider(commands=(DeliverOrder, RecordDelivery), streams=streams, decide=decide, rules=RULES + OF_THE_ORDER)

"""The order: what a customer wants and what credit says to it. What leaves for the customer is in ``delivery.py``.

The values of an order's deliveries, and what falls away when it is cancelled, always add up to its total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, assert_never, cast

from pydantic import Field

from customer_svc.domain.customer import CUSTOMER, Customer, NoSuchCustomer
from customer_svc.domain.lines import NONE, OrderTooLarge, delivered_value, money, ordered, quantities, remaining, total
from engine.decider import Aggregate, Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States, Waits
from events.base import Currency, CustomerId, Event, Id, Text
from events.customer import (
    Basics,
    DeliveredLine,
    OrderBlocked,
    OrderCancelled,
    OrderChanged,
    OrderConfirmed,
    OrderDelivered,
    OrderEvent,
    OrderLine,
    OrderPlaced,
)

Lines: TypeAlias = Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=1000)]
Credit: TypeAlias = Literal["not_decided", "granted", "held"]

# --- commands -----------------------------------------------------------------------------------------------------


class PlaceOrder(Command):
    """The customer orders; without `order_date`, on the open day. Credit decides next. An empty key is drawn."""

    customer: CustomerId
    order: Id | Literal[""] = ""
    order_date: date | None = None
    currency: Currency
    lines: Lines
    requested_delivery: date | None = None


class RecordOrder(PlaceOrder):
    """The ERP says that the order reads so: place it, or change it where it is known and reads differently."""


class ChangeOrder(Command):
    """Replace the lines and the wanted delivery; a new version, which credit checks again."""

    order: Id
    lines: Lines
    requested_delivery: date | None = None


class CancelOrder(Command):
    """Deliver nothing more of the order; without `cancelled_on`, from the open day on."""

    order: Id
    reason: Text
    cancelled_on: date | None = None


class RecordCancellation(CancelOrder):
    """The ERP has cancelled the order."""

    customer: CustomerId


class RecordCreditDecision(Command):
    """Credit's answer for one version of the order; an answer for another version comes too late and counts nothing."""

    order: Id
    order_version: Annotated[int, Field(ge=1)]
    outcome: Literal["granted", "held", "released"]
    reasons: tuple[str, ...] = ()


KnownOrderCommand: TypeAlias = ChangeOrder | CancelOrder | RecordCreditDecision
OrderCommand: TypeAlias = PlaceOrder | RecordOrder | KnownOrderCommand

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """`version` 0: not placed. `delivered` is the quantity delivered of each product."""

    customer: str = ""
    version: int = 0
    order_date: date = date.min
    currency: str = ""
    lines: tuple[OrderLine, ...] = ()
    total: Decimal = Decimal(0)
    requested_delivery: date | None = None
    credit: Credit = "not_decided"
    reasons: tuple[str, ...] = ()
    cancelled: bool = False
    delivered: Mapping[str, Decimal] = field(default_factory=dict)
    delivered_value: Decimal = Decimal(0)
    deliveries: Mapping[str, tuple[DeliveredLine, ...]] = field(default_factory=dict)

    def still_open(self) -> tuple[OrderLine, ...]:
        """What is still to be delivered."""
        return remaining(self.lines, self.delivered)


# --- rules --------------------------------------------------------------------------------------------------------


class NoSuchOrder(NotFound):
    """There is no order {order}."""

    zh: ClassVar[str] = "订单 {order} 不存在。"


class CustomerNotArrived(Waits):
    """Customer {customer} has not arrived yet; its order waits."""

    zh: ClassVar[str] = "客户 {customer} 的资料尚未到达，订单等待处理。"


class OrderNotArrived(Waits):
    """Order {order} has not arrived yet; what refers to it waits."""

    zh: ClassVar[str] = "订单 {order} 尚未到达，相关单据等待处理。"


class OrderExists(Rejected):
    """Order {order} was placed before and reads differently; change it instead."""

    zh: ClassVar[str] = "订单 {order} 已存在且内容不同，请改用订单变更。"


class OrderHeadIsFixed(Rejected):
    """Order {order} was placed by {customer} on {order_date} in {currency}; only its lines and delivery can change."""

    zh: ClassVar[str] = "订单 {order} 由客户 {customer} 于 {order_date} 以 {currency} 下达，只能变更明细和交货要求。"


class OtherCurrency(Rejected):
    """Customer {customer} trades in {currency}; an order in {requested} needs a rate and is refused, never guessed."""

    zh: ClassVar[str] = "客户 {customer} 以 {currency} 结算，{requested} 订单没有汇率，不予接受。"


class OrderIsCancelled(Rejected):
    """Order {order} is cancelled."""

    zh: ClassVar[str] = "订单 {order} 已取消。"


class OrderIsDelivered(Rejected):
    """Order {order} is delivered in full."""

    zh: ClassVar[str] = "订单 {order} 已全部交货。"


class BelowDelivered(Rejected):
    """Of {product}, {delivered} were delivered on order {order}; it cannot be changed to {ordered}."""

    zh: ClassVar[str] = "订单 {order} 的产品 {product} 已交货 {delivered}，不能改为 {ordered}。"


class DeliveredPriceIsFixed(Rejected):
    """What was delivered on order {order} is worth {delivered}; the change would make it {changed}."""

    zh: ClassVar[str] = "订单 {order} 已交货部分价值 {delivered}，变更后将为 {changed}，不予接受。"


RULES = (
    NoSuchCustomer,
    NoSuchOrder,
    CustomerNotArrived,
    OrderNotArrived,
    OrderExists,
    OrderHeadIsFixed,
    OtherCurrency,
    OrderTooLarge,
    OrderIsCancelled,
    OrderIsDelivered,
    BelowDelivered,
    DeliveredPriceIsFixed,
)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: OrderCommand, _: Facts) -> Sequence[Ref[Any]]:
    order = ORDER(command.order)
    return [order, CUSTOMER(command.customer)] if isinstance(command, PlaceOrder) else [order]


def decide(command: OrderCommand, states: States, facts: Facts) -> Decision:
    ref = ORDER(command.order)
    if isinstance(command, PlaceOrder):
        events = _place(command, states[ref], states[CUSTOMER(command.customer)], facts)
    else:
        events = _decide(command, states[ref], facts)
    return [(ref, event) for event in events]


def _decide(command: KnownOrderCommand, state: Order, facts: Facts) -> Sequence[Event]:
    must_be_known(command.order, state, command.customer if isinstance(command, RecordCancellation) else None)
    match command:
        case ChangeOrder():
            return _change(command, state, facts)
        case CancelOrder():
            return _cancel(command, state, facts)
        case RecordCreditDecision():
            return _record_credit(command, state)
        case _:
            assert_never(command)


def must_be_known(order: str, state: Order, claimed: str | None) -> None:
    """`claimed` is the customer a document of the ERP names; None: the order was named by a person."""
    if not state.version:
        raise (NoSuchOrder if claimed is None else OrderNotArrived)(order=order)
    if claimed not in (None, state.customer):
        raise _head_is_fixed(order, state)


def must_be_open(order: str, state: Order) -> None:
    if state.cancelled:
        raise OrderIsCancelled(order=order)
    if not state.still_open():
        raise OrderIsDelivered(order=order)


def _head_is_fixed(order: str, state: Order) -> OrderHeadIsFixed:
    return OrderHeadIsFixed(order=order, customer=state.customer, order_date=state.order_date, currency=state.currency)


def _place(command: PlaceOrder, state: Order, customer: Customer, facts: Facts) -> Sequence[Event]:
    from_erp = isinstance(command, RecordOrder)
    if not state.version:
        if customer.basics is None:
            raise (CustomerNotArrived if from_erp else NoSuchCustomer)(customer=command.customer)
        return _place_new(command, customer.basics, facts)
    if from_erp and not _same_head(command, state):
        raise _head_is_fixed(command.order, state)
    if not from_erp and not (_same_head(command, state) and _same_wishes(command, state)):
        raise OrderExists(order=command.order)
    return _change(command, state, facts)


def _place_new(command: PlaceOrder, basics: Basics, facts: Facts) -> Sequence[Event]:
    if command.currency != basics.currency:
        raise OtherCurrency(customer=command.customer, currency=basics.currency, requested=command.currency)
    placed = OrderPlaced(
        customer=command.customer,
        order=command.order,
        order_date=command.order_date or facts.today,
        currency=command.currency,
        lines=command.lines,
        total=total(command.order, command.lines, command.currency),
        requested_delivery=command.requested_delivery,
    )
    return [placed, *_granted_by_load(command.customer, command.order, 1, facts)]


def _same_head(command: PlaceOrder, state: Order) -> bool:
    placed_on = command.order_date or state.order_date
    return (command.customer, placed_on, command.currency) == (state.customer, state.order_date, state.currency)


def _same_wishes(command: PlaceOrder | ChangeOrder, state: Order) -> bool:
    return (command.lines, command.requested_delivery) == (state.lines, state.requested_delivery)


def _granted_by_load(customer: str, order: str, version: int, facts: Facts) -> Sequence[Event]:
    return [OrderConfirmed(customer=customer, order=order, order_version=version)] if facts.initial_load else []


def _change(command: PlaceOrder | ChangeOrder, state: Order, facts: Facts) -> Sequence[Event]:
    if _same_wishes(command, state):
        return []
    must_be_open(command.order, state)
    _must_keep_what_was_delivered(command, state)
    changed = OrderChanged(
        customer=state.customer,
        order=command.order,
        order_version=state.version + 1,
        lines=command.lines,
        previous_lines=state.lines,
        total=total(command.order, command.lines, state.currency),
        previous_total=money(state.total, state.currency),
        changed_on=facts.today,
        requested_delivery=command.requested_delivery,
    )
    return [changed, *_granted_by_load(state.customer, command.order, state.version + 1, facts)]


def _must_keep_what_was_delivered(command: PlaceOrder | ChangeOrder, state: Order) -> None:
    wanted = ordered(command.lines)
    for product, gone in state.delivered.items():
        left = wanted.get(product, NONE)
        if left < gone:
            raise BelowDelivered(order=command.order, product=product, delivered=gone, ordered=left)
    worth = delivered_value(command.lines, state.delivered, state.currency)
    if worth != state.delivered_value:
        raise DeliveredPriceIsFixed(order=command.order, delivered=state.delivered_value, changed=worth)


def _cancel(command: CancelOrder, state: Order, facts: Facts) -> Sequence[Event]:
    if state.cancelled:
        return []
    must_be_open(command.order, state)
    return [
        OrderCancelled(
            customer=state.customer,
            order=command.order,
            order_version=state.version,
            lines=state.still_open(),
            undelivered=money(state.total - state.delivered_value, state.currency),
            reason=command.reason,
            cancelled_on=command.cancelled_on or facts.today,
        )
    ]


def _record_credit(command: RecordCreditDecision, state: Order) -> Sequence[Event]:
    if state.cancelled or command.order_version != state.version:
        return []
    if command.outcome != "held":
        granted = OrderConfirmed(customer=state.customer, order=command.order, order_version=state.version)
        return [] if state.credit == "granted" else [granted]
    held = OrderBlocked(
        customer=state.customer, order=command.order, order_version=state.version, reasons=command.reasons
    )
    return [] if (state.credit, state.reasons) == ("held", command.reasons) else [held]


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: Order, event: Event) -> Order:
    match cast(OrderEvent, event):
        case OrderPlaced() as placed:
            return _placed(placed)
        case OrderChanged() as changed:
            return _changed(state, changed)
        case OrderCancelled():
            return replace(state, cancelled=True)
        case OrderConfirmed():
            return replace(state, credit="granted", reasons=())
        case OrderBlocked(reasons=reasons):
            return replace(state, credit="held", reasons=reasons)
        case OrderDelivered() as delivered:
            return _delivered(state, delivered)
        case other:
            assert_never(other)


def _placed(event: OrderPlaced) -> Order:
    return Order(
        customer=event.customer,
        version=event.order_version,
        order_date=event.order_date,
        currency=event.currency,
        lines=event.lines,
        total=event.total.amount,
        requested_delivery=event.requested_delivery,
    )


def _changed(state: Order, event: OrderChanged) -> Order:
    return replace(
        state,
        version=event.order_version,
        lines=event.lines,
        total=event.total.amount,
        requested_delivery=event.requested_delivery,
        credit="not_decided",
        reasons=(),
    )


def _delivered(state: Order, event: OrderDelivered) -> Order:
    gone = ((line.product, line.quantity) for line in event.lines)
    return replace(
        state,
        delivered=quantities([*state.delivered.items(), *gone]),
        delivered_value=state.delivered_value + event.value.amount,
        deliveries={**state.deliveries, event.delivery: event.lines},
    )


ORDER = Aggregate("order", Order(), evolve)
DECIDER = Decider(
    commands=(PlaceOrder, RecordOrder, ChangeOrder, CancelOrder, RecordCancellation, RecordCreditDecision),
    streams=streams,
    decide=decide,
    rules=RULES,
)

"""What customer-svc says and credit acts upon: a customer to open an account for, orders to check, count and close."""

from collections.abc import Iterable
from typing import Any

from credit_svc.domain.account import OpenAccount
from credit_svc.domain.order import CheckOrder, CloseOrder, CountDelivery
from engine.decider import Command
from engine.reaction import Reaction
from events.customer import CustomerRegistered, OrderCancelled, OrderChanged, OrderDelivered, OrderPlaced
from events.envelope import Envelope


def _act(told: Envelope[Any]) -> Iterable[Command]:
    if isinstance(told.event, CustomerRegistered):
        event = told.event
        return [OpenAccount(customer=event.customer, currency=event.basics.currency, on=event.since)]
    return _order(told)


def _order(told: Envelope[Any]) -> Iterable[Command]:
    match told.event:
        case OrderPlaced() | OrderChanged() as event:
            on = event.order_date if isinstance(event, OrderPlaced) else event.changed_on
            return [
                CheckOrder(
                    customer=event.customer,
                    order=event.order,
                    order_version=event.order_version,
                    amount=event.total,
                    on=on,
                    requested_by=told.actor,
                )
            ]
        case OrderCancelled() as event:
            return [CloseOrder(customer=event.customer, order=event.order, on=event.cancelled_on)]
        case OrderDelivered() as event:
            return [
                CountDelivery(
                    customer=event.customer,
                    order=event.order,
                    delivery=event.delivery,
                    value=event.value,
                    on=event.delivered_on,
                )
            ]
        case _:
            return []


CREDIT = Reaction(
    "credit_for_customers_and_orders",
    (CustomerRegistered, OrderPlaced, OrderChanged, OrderCancelled, OrderDelivered),
    _act,
)
"""One reaction, because the account must be there before the first order is checked."""
REACTIONS = (CREDIT,)

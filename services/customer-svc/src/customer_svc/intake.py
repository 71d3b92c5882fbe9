"""Documents of the ERP that customer-svc takes, each as one command. It holds no rule."""

from collections.abc import Callable, Mapping
from typing import Any

from customer_svc.domain.customer import RecordCustomer
from customer_svc.domain.delivery import RecordDelivery
from customer_svc.domain.order import RecordCancellation, RecordOrder
from customer_svc.domain.record import TakeBlocks
from engine.decider import Command
from events import erp


def customer(document: erp.Customer) -> Command:
    return RecordCustomer(
        customer=document.customer,
        basics=document.basics,
        since=document.since,
        contacts=document.contacts,
        profiles=document.profiles,
        collected=document.collected,
    )


def record(document: erp.CustomerRecord) -> Command:
    return TakeBlocks(customer=document.customer, collected=document.collected, blocks=document.blocks)


def order(document: erp.Order) -> Command:
    return RecordOrder(
        customer=document.customer,
        order=document.order,
        order_date=document.order_date,
        currency=document.currency,
        lines=document.lines,
        requested_delivery=document.requested_delivery,
    )


def cancellation(document: erp.OrderCancellation) -> Command:
    return RecordCancellation(
        customer=document.customer, order=document.order, reason=document.reason, cancelled_on=document.cancelled_on
    )


def delivery(document: erp.Delivery) -> Command:
    return RecordDelivery(
        customer=document.customer,
        order=document.order,
        delivery=document.delivery,
        delivered_on=document.delivered_on,
        lines=document.lines,
    )


PREFIX = "/api/customers"
"""The path under which they come in, and all else of the service."""
TAKES: Mapping[type[erp.Document], Callable[[Any], Command]] = {
    erp.Customer: customer,
    erp.CustomerRecord: record,
    erp.Order: order,
    erp.OrderCancellation: cancellation,
    erp.Delivery: delivery,
}

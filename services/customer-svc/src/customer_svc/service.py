"""The manifest of customer-svc."""

from chassis.service import Service
from customer_svc.api import ROUTERS
from customer_svc.domain import calendar, customer, delivery, order, record
from customer_svc.domain.reactions import REACTIONS
from customer_svc.examples import STORY
from customer_svc.intake import PREFIX, TAKES
from customer_svc.projections.blocks import BLOCKS
from customer_svc.projections.customers import CUSTOMERS
from customer_svc.projections.orders import ORDERS
from customer_svc.projections.timeline import TIMELINE

SERVICE = Service(
    name="customer",
    prefix=PREFIX,
    title="Kehu: customers and orders",
    contexts=("customer", "company"),
    routers=ROUTERS,
    deciders=(customer.DECIDER, record.DECIDER, order.DECIDER, delivery.DECIDER, calendar.DECIDER),
    views=(CUSTOMERS, BLOCKS, ORDERS, TIMELINE),
    reactions=REACTIONS,
    intake=TAKES,
    open_day=lambda company, day: calendar.OpenDay(company=company, day=day),
    story=STORY,
)

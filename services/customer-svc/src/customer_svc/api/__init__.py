"""The HTTP side of customer-svc: bodies are commands, answers are views. It holds no rule."""

from fastapi import APIRouter

from customer_svc.api import contacts, customers, days, orders, owners, record

routes = APIRouter()
for part in (days.router, orders.router, record.router, contacts.router, owners.router, customers.router):
    routes.include_router(part)

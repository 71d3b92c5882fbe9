"""The HTTP side of customer-svc: bodies are commands, answers are views. It holds no rule."""

from fastapi import APIRouter

from customer_svc.api import contacts, customers, days, orders, owners, record, timeline

routes = APIRouter()
for part in (days, orders, record, contacts, owners, timeline, customers):
    routes.include_router(part.router)

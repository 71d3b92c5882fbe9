"""The routes under /api/analytics: figures and their explanations, alerts, alert policies."""

from fastapi import APIRouter

from analytics_svc.api import alerts, customers, payment_behaviour, receivables, sales

router = APIRouter()
for part in (receivables.router, payment_behaviour.router, customers.router, sales.router, alerts.router):
    router.include_router(part)

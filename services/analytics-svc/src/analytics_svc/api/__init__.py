"""The routes under /api/analytics: figures and their explanations, alerts, alert policies."""

from fastapi import APIRouter

from analytics_svc.api import (
    ageing,
    alerts,
    customers,
    dso,
    key_figures,
    payment_behaviour,
    receivables,
    rfm,
    sales,
    tiers,
)

router = APIRouter()
for part in (receivables, ageing, dso, payment_behaviour, customers, sales, key_figures, tiers, rfm, alerts):
    router.include_router(part.router)

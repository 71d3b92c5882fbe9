"""The routes under /api/analytics: figures and their explanations, alerts, alert policies."""

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

_PARTS = (receivables, ageing, dso, payment_behaviour, customers, sales, key_figures, tiers, rfm, alerts)
ROUTERS = tuple(part.router for part in _PARTS)

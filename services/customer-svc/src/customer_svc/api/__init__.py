"""The HTTP side of customer-svc: bodies are commands, answers are views. It holds no rule."""

from customer_svc.api import contacts, customers, days, orders, owners, record, timeline

ROUTERS = tuple(part.router for part in (days, orders, record, contacts, owners, timeline, customers))

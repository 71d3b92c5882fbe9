"""The four services, in the order in which an import fills them."""

from analytics_svc.service import SERVICE as ANALYTICS
from chassis.service import Service
from complaint_svc.service import SERVICE as COMPLAINT
from credit_svc.service import SERVICE as CREDIT
from customer_svc.service import SERVICE as CUSTOMER

SERVICES: tuple[Service, ...] = (CUSTOMER, CREDIT, COMPLAINT, ANALYTICS)

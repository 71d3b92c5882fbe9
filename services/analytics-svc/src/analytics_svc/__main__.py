"""`python -m analytics_svc api|worker|migrate`: the service as processes of its own."""

from analytics_svc.service import SERVICE
from chassis.process import main

main(SERVICE)

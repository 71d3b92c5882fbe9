"""`python -m customer_svc api|worker|migrate`: the service as processes of its own."""

from chassis.process import main
from customer_svc.service import SERVICE

main(SERVICE)

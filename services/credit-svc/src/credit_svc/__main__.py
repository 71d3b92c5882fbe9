"""`python -m credit_svc api|worker|migrate`: the service as processes of its own."""

from chassis.process import main
from credit_svc.service import SERVICE

main(SERVICE)

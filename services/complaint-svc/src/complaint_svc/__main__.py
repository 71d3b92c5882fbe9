"""`python -m complaint_svc api|worker|migrate`: the service as processes of its own."""

from chassis.process import main
from complaint_svc.service import SERVICE

main(SERVICE)

"""The manifest of complaint-svc."""

from chassis.service import Service
from complaint_svc.api import routes
from complaint_svc.domain import complaint, correction
from complaint_svc.examples import STORY
from complaint_svc.projections.complaints import COMPLAINTS

SERVICE = Service(
    name="complaint",
    prefix="/api/complaints",
    title="Kehu: complaints",
    contexts=("complaint",),
    routers=(routes,),
    deciders=(complaint.DECIDER, correction.DECIDER),
    views=(COMPLAINTS,),
    story=STORY,
)

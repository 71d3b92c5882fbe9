"""Who complained. Personal data lies in no table: it is told from the log, where it is sealed."""

from pydantic import BaseModel

from chassis.context import missing
from complaint_svc.domain.complaint import COMPLAINT, NoSuchComplaint
from engine.ports import Streams
from events.complaint import ComplaintOpened


class ComplainantRow(BaseModel):
    """Who complained; name and phone are null once the person is erased."""

    person: str
    name: str | None
    phone: str | None


async def of(log: Streams, complaint: str) -> ComplainantRow:
    """Raises the problem 404."""
    for envelope in await log.read_stream(COMPLAINT(complaint).stream):
        if isinstance(envelope.event, ComplaintOpened):
            return ComplainantRow(**envelope.event.complainant.model_dump())
    raise missing(NoSuchComplaint, complaint=complaint)

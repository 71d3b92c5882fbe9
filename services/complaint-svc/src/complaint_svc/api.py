"""The HTTP side of complaint-svc: bodies are commands, answers are views. It holds no rule."""

from typing import Annotated

from fastapi import Path, Query, Response

from chassis import etag
from chassis.context import Answer, Do, Page, Paged, PersonalLog, Read, allowed
from chassis.routes import Routes
from complaint_svc.domain.complaint import (
    AcceptSolution,
    AnalyseCause,
    AssignDepartment,
    CarryOutSolution,
    EvaluateComplaint,
    JudgeComplaint,
    OpenComplaint,
    ProposeSolution,
    RefuseSolution,
    ReopenComplaint,
)
from complaint_svc.domain.correction import CorrectStep
from complaint_svc.domain.stages import Stage
from complaint_svc.projections import complainants, complaints
from complaint_svc.projections.complainants import ComplainantRow
from complaint_svc.projections.complaints import ComplaintRow, Turn

routes = Routes(tags=["complaints"])
HANDLERS = [allowed("complaint_handler")]


@routes.post("/", dependencies=[allowed("complaint_handler", "sales")], summary="Step 1: record a complaint")
async def open_complaint(do: Do, command: OpenComplaint) -> Answer:
    """Without a key of its own the complaint is given one; the answer names it as `id`."""
    complaint = command.complaint or do.new_key("CP")
    return await do(command.model_copy(update={"complaint": complaint}), key=complaint)


@routes.post("/judge", dependencies=HANDLERS, summary="Step 2: judge whether it is established")
async def judge(do: Do, command: JudgeComplaint) -> Answer:
    """Not established: the complaint is closed after the feedback to the customer."""
    return await do(command, key=command.complaint)


@routes.post("/reopen", dependencies=HANDLERS, summary="Take up again with new facts")
async def reopen(do: Do, command: ReopenComplaint) -> Answer:
    """Only a complaint judged not established; it is judged again."""
    return await do(command, key=command.complaint)


@routes.post("/assign", dependencies=HANDLERS, summary="Step 3: assign department and responsible person")
async def assign(do: Do, command: AssignDepartment) -> Answer:
    """Only an established complaint."""
    return await do(command, key=command.complaint)


@routes.post("/analyse", dependencies=HANDLERS, summary="Step 4: state the cause")
async def analyse(do: Do, command: AnalyseCause) -> Answer:
    """With the departments that took part."""
    return await do(command, key=command.complaint)


@routes.post("/propose", dependencies=HANDLERS, summary="Step 5: propose a solution")
async def propose(do: Do, command: ProposeSolution) -> Answer:
    """Reported to the customer; after a refusal this is the next version."""
    return await do(command, key=command.complaint)


@routes.post("/refuse", dependencies=HANDLERS, summary="Step 6: the customer refuses the solution")
async def refuse(do: Do, command: RefuseSolution) -> Answer:
    """What was negotiated goes into the next version of the solution."""
    return await do(command, key=command.complaint)


@routes.post("/accept", dependencies=HANDLERS, summary="Step 6: the customer accepts the solution")
async def accept(do: Do, command: AcceptSolution) -> Answer:
    """Only now may it be carried out."""
    return await do(command, key=command.complaint)


@routes.post("/carry-out", dependencies=HANDLERS, summary="Step 6: the accepted solution was carried out")
async def carry_out(do: Do, command: CarryOutSolution) -> Answer:
    """With its result."""
    return await do(command, key=command.complaint)


@routes.post("/evaluate", dependencies=HANDLERS, summary="Step 7: evaluate and close")
async def evaluate(do: Do, command: EvaluateComplaint) -> Answer:
    """Summary, prevention, action on those responsible."""
    return await do(command, key=command.complaint)


@routes.post("/correct", dependencies=HANDLERS, summary="Put right a text of a step that is done")
async def correct(do: Do, command: CorrectStep) -> Answer:
    """The step stands; the old text is kept. `field` is one of that step: `said` of `GET /{complaint}` has them."""
    return await do(command, key=command.complaint)


@routes.get("/", summary="The queue of complaints, oldest first")
async def list_complaints(
    read: Read,
    page: Page,
    stage: Annotated[Stage | None, Query(description="Only complaints at this stage.")] = None,
    turn: Annotated[Turn | None, Query(description="Only complaints that wait for this one.")] = None,
    customer: Annotated[str | None, Query(description="Only complaints of this customer.")] = None,
    open: Annotated[bool, Query(description="Only complaints not closed.")] = False,  # noqa: A002
) -> Paged[ComplaintRow]:
    """Sorted by the time of the complaint."""
    selected = complaints.matching(stage, turn, customer, open)
    return await page.fetch(read, selected, *complaints.OLDEST_FIRST, into=ComplaintRow)


@routes.get("/complainant", dependencies=HANDLERS, summary="Who complained")
async def show_complainant(
    log: PersonalLog, complaint: Annotated[str, Query(description="Key of the complaint.", examples=["CP-4K2V7Q3HZA"])]
) -> ComplainantRow:
    """Personal data, until the person is erased. Who asked is written down."""
    return await complainants.of(log, complaint)


@routes.get("/{complaint:path}", summary="One complaint with all its steps")
async def show_complaint(
    read: Read, response: Response, complaint: Annotated[str, Path(description="Key of the complaint.")]
) -> ComplaintRow:
    """Its version is the ETag."""
    found = await complaints.one(read, complaint)
    etag.put(response, found.version)
    return found

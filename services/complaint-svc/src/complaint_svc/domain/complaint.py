"""The complaint: seven steps in strict order (R-162..R-168), with the negotiation of step 6; see ``correction.py``.

Nothing is carried out before the customer accepts. Names of complainants are personal data and never in the state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias, assert_never, cast

from pydantic import Field

from complaint_svc.domain.stages import Stage, stage_after
from engine.decider import Aggregate, Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States
from events.base import CustomerId, Event, Id, PositiveMoney, Text
from events.complaint import (
    CauseAnalysed,
    Complainant,
    ComplaintEvaluated,
    ComplaintEvent,
    ComplaintJudged,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintSubject,
    DepartmentAssigned,
    SolutionAccepted,
    SolutionCarriedOut,
    SolutionProposed,
    SolutionRefused,
    Step,
    StepCorrected,
)

# --- commands -----------------------------------------------------------------------------------------------------


class OpenComplaint(Command):
    """Step 1: record who complains, when, about what, and what is asked for; an empty `complaint` is given a key."""

    complaint: Id | Literal[""] = ""
    customer: CustomerId
    complainant: Complainant
    complained_at: datetime | None = None
    subject: ComplaintSubject
    object: Text
    demand: Text
    invoice: Id | None = None
    disputed: PositiveMoney | None = None


class JudgeComplaint(Command):
    """Step 2: decide whether the complaint is established, and tell the customer the result."""

    complaint: Id
    established: bool
    finding: Text
    feedback: Text
    fed_back_at: datetime | None = None


class ReopenComplaint(Command):
    """Take up again, with new facts, a complaint that was judged not established."""

    complaint: Id
    new_facts: Text


class AssignDepartment(Command):
    """Step 3: name the department that handles it and the unit or person responsible."""

    complaint: Id
    department: Id
    responsible: Id


class AnalyseCause(Command):
    """Step 4: name the departments that took part and the cause found."""

    complaint: Id
    departments: Annotated[tuple[Id, ...], Field(min_length=1, max_length=30)]
    cause: Text


class ProposeSolution(Command):
    """Step 5: propose a solution and report it to the customer; after a refusal, the next version of it."""

    complaint: Id
    solution: Text
    compensation: PositiveMoney | None = None
    reported_at: datetime | None = None


class RefuseSolution(Command):
    """Step 6: the customer does not accept this version; what was negotiated."""

    complaint: Id
    solution_version: Annotated[int, Field(ge=1)]
    answer: Text
    negotiation: Text


class AcceptSolution(Command):
    """Step 6: the customer accepts this version."""

    complaint: Id
    solution_version: Annotated[int, Field(ge=1)]


class CarryOutSolution(Command):
    """Step 6: the accepted solution was carried out, with this result."""

    complaint: Id
    result: Text


class EvaluateComplaint(Command):
    """Step 7: summary, prevention, action on those responsible; closes the complaint."""

    complaint: Id
    summary: Text
    prevention: Text
    action: Text


Clarifying: TypeAlias = JudgeComplaint | ReopenComplaint | AssignDepartment | AnalyseCause
Settling: TypeAlias = ProposeSolution | RefuseSolution | AcceptSolution | CarryOutSolution | EvaluateComplaint
ComplaintCommand: TypeAlias = OpenComplaint | Clarifying | Settling

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Complaint:
    """`texts` are those of the steps done, as corrected: ``judged.finding`` -> text. `solution_version` 0: none yet."""

    customer: str = ""
    stage: Stage = "unknown"
    solution_version: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)


# --- rules --------------------------------------------------------------------------------------------------------


class NoSuchComplaint(NotFound):
    """There is no complaint {complaint}."""

    zh: ClassVar[str] = "投诉 {complaint} 不存在。"


class ComplaintExists(Rejected):
    """Complaint {complaint} is recorded already."""

    zh: ClassVar[str] = "投诉 {complaint} 已有记录。"


class StepOutOfOrder(Rejected):
    """Complaint {complaint} is {stage}; it can be {wanted} only once it is {needed}."""

    zh: ClassVar[str] = (
        "投诉 {complaint} 目前处于 {stage}，只有在 {needed} 之后才能进入 {wanted}：投诉处理程序不得跳步。"
    )


class NotEstablished(Rejected):
    """Complaint {complaint} was judged not established and is closed; reopen it with new facts."""

    zh: ClassVar[str] = "投诉 {complaint} 经判定不成立，已结案；如有新事实可重新受理。"


class NotAccepted(Rejected):
    """The customer has not accepted solution {solution_version} of complaint {complaint}; it is not carried out."""

    zh: ClassVar[str] = "客户尚未认可投诉 {complaint} 的第 {solution_version} 版处理方案，不得实行。"


class AnotherSolution(Rejected):
    """The solution of complaint {complaint} before the customer is version {current}, not {solution_version}."""

    zh: ClassVar[str] = "投诉 {complaint} 当前报知客户的处理方案是第 {current} 版，不是第 {solution_version} 版。"


class ComplaintIsClosed(Rejected):
    """Complaint {complaint} was evaluated and is closed."""

    zh: ClassVar[str] = "投诉 {complaint} 已完成评估并结案。"


class DisputeNeedsInvoice(Rejected):
    """A disputed amount needs the invoice it is disputed on."""

    zh: ClassVar[str] = "争议金额必须注明所涉及的发票。"


RULES = (
    NoSuchComplaint,
    ComplaintExists,
    StepOutOfOrder,
    NotEstablished,
    NotAccepted,
    AnotherSolution,
    ComplaintIsClosed,
    DisputeNeedsInvoice,
)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: ComplaintCommand, _: Facts) -> Sequence[Ref[Complaint]]:
    return [COMPLAINT(command.complaint)]


def decide(command: ComplaintCommand, states: States, facts: Facts) -> Decision:
    ref = COMPLAINT(command.complaint)
    state = states[ref]
    if isinstance(command, OpenComplaint):
        return [(ref, _open(command, state, facts))]
    must_be_known(command.complaint, state)
    _must_be_due(command, state)
    if isinstance(command, Clarifying):
        return [(ref, _clarify(command, state, facts))]
    return [(ref, _settle(command, state, facts))]


_DUE: Mapping[type[Command], tuple[Stage, tuple[Stage, ...]]] = {
    JudgeComplaint: ("established", ("recorded",)),
    ReopenComplaint: ("recorded", ("not_established",)),
    AssignDepartment: ("assigned", ("established",)),
    AnalyseCause: ("analysed", ("assigned",)),
    ProposeSolution: ("proposed", ("analysed", "refused")),
    RefuseSolution: ("refused", ("proposed",)),
    AcceptSolution: ("accepted", ("proposed",)),
    CarryOutSolution: ("carried_out", ("accepted",)),
    EvaluateComplaint: ("evaluated", ("carried_out",)),
}
"""What each command leads to, and from where alone."""


def must_be_known(complaint: str, state: Complaint) -> None:
    if state.stage == "unknown":
        raise NoSuchComplaint(complaint=complaint)


def _must_be_due(command: Clarifying | Settling, state: Complaint) -> None:
    wanted, needed = _DUE[type(command)]
    if state.stage not in needed:
        raise _not_due(command, state, wanted, " or ".join(needed))
    if isinstance(command, RefuseSolution | AcceptSolution) and command.solution_version != state.solution_version:
        raise AnotherSolution(
            complaint=command.complaint, current=state.solution_version, solution_version=command.solution_version
        )


def _not_due(command: Clarifying | Settling, state: Complaint, wanted: Stage, needed: str) -> Rejected:
    if state.stage == "evaluated":
        return ComplaintIsClosed(complaint=command.complaint)
    if state.stage == "not_established":
        return NotEstablished(complaint=command.complaint)
    if isinstance(command, CarryOutSolution) and state.stage in ("proposed", "refused"):
        return NotAccepted(complaint=command.complaint, solution_version=state.solution_version)
    return StepOutOfOrder(complaint=command.complaint, stage=state.stage, wanted=wanted, needed=needed)


def _open(command: OpenComplaint, state: Complaint, facts: Facts) -> Event:
    if state.stage != "unknown":
        raise ComplaintExists(complaint=command.complaint)
    if command.disputed is not None and command.invoice is None:
        raise DisputeNeedsInvoice
    return ComplaintOpened(
        customer=command.customer,
        complaint=command.complaint,
        complainant=command.complainant,
        complained_at=command.complained_at or facts.now,
        subject=command.subject,
        object=command.object,
        demand=command.demand,
        invoice=command.invoice,
        disputed=command.disputed,
    )


def _clarify(command: Clarifying, state: Complaint, facts: Facts) -> Event:
    customer, complaint = state.customer, command.complaint
    match command:
        case JudgeComplaint():
            return ComplaintJudged(
                customer=customer,
                complaint=complaint,
                established=command.established,
                finding=command.finding,
                feedback=command.feedback,
                fed_back_at=command.fed_back_at or facts.now,
            )
        case ReopenComplaint():
            return ComplaintReopened(customer=customer, complaint=complaint, new_facts=command.new_facts)
        case AssignDepartment(department=unit, responsible=person):
            return DepartmentAssigned(customer=customer, complaint=complaint, department=unit, responsible=person)
        case AnalyseCause(departments=departments, cause=cause):
            return CauseAnalysed(customer=customer, complaint=complaint, departments=departments, cause=cause)
        case _:
            assert_never(command)


def _settle(command: Settling, state: Complaint, facts: Facts) -> Event:
    customer, complaint, version = state.customer, command.complaint, state.solution_version
    match command:
        case ProposeSolution():
            return SolutionProposed(
                customer=customer,
                complaint=complaint,
                solution_version=version + 1,
                solution=command.solution,
                compensation=command.compensation,
                reported_at=command.reported_at or facts.now,
            )
        case RefuseSolution(answer=answer, negotiation=negotiation):
            return SolutionRefused(
                customer=customer, complaint=complaint, solution_version=version, answer=answer, negotiation=negotiation
            )
        case AcceptSolution():
            return SolutionAccepted(customer=customer, complaint=complaint, solution_version=version)
        case CarryOutSolution(result=result):
            return SolutionCarriedOut(customer=customer, complaint=complaint, solution_version=version, result=result)
        case EvaluateComplaint(summary=summary, prevention=prevention, action=action):
            return ComplaintEvaluated(
                customer=customer, complaint=complaint, summary=summary, prevention=prevention, action=action
            )
        case _:
            assert_never(command)


# --- evolve -------------------------------------------------------------------------------------------------------

TEXTS: Mapping[type[Event], tuple[Step, tuple[str, ...]]] = {
    ComplaintOpened: ("recorded", ("object", "demand")),
    ComplaintJudged: ("judged", ("finding", "feedback")),
    DepartmentAssigned: ("assigned", ("department", "responsible")),
    CauseAnalysed: ("analysed", ("cause",)),
    SolutionProposed: ("proposed", ("solution",)),
    SolutionCarriedOut: ("carried_out", ("result",)),
    ComplaintEvaluated: ("evaluated", ("summary", "prevention", "action")),
}
"""The step each event is, and its texts that may be corrected."""


def evolve(state: Complaint, event: Event) -> Complaint:
    step, fields = TEXTS.get(type(event), ("", ()))
    said = {f"{step}.{name}": str(getattr(event, name)) for name in fields}
    moved = replace(state, stage=stage_after(cast(ComplaintEvent, event), state.stage), texts={**state.texts, **said})
    match event:
        case ComplaintOpened():
            return replace(moved, customer=event.customer)
        case SolutionProposed():
            return replace(moved, solution_version=event.solution_version)
        case StepCorrected():
            return replace(moved, texts={**state.texts, f"{event.step}.{event.field}": event.value})
        case _:
            return moved


COMPLAINT = Aggregate("complaint", Complaint(), evolve)
DECIDER = Decider(
    commands=(
        OpenComplaint,
        JudgeComplaint,
        ReopenComplaint,
        AssignDepartment,
        AnalyseCause,
        ProposeSolution,
        RefuseSolution,
        AcceptSolution,
        CarryOutSolution,
        EvaluateComplaint,
    ),
    streams=streams,
    decide=decide,
    rules=RULES,
)

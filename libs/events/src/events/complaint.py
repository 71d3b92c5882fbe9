"""Facts complaint-svc states: the seven steps of a complaint (R-162..R-168) and their corrections."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from events.base import CustomerId, Event, Id, Money, Personal, Text, Value

ComplaintSubject = Literal[
    "product_quality", "late_delivery", "specification", "packaging", "service", "logistics", "other"
]
"""R-160: 产品质量, 延迟交货, 规格不符, 包装问题, 服务水平, 物流配送; an open list."""
Step = Literal["recorded", "judged", "assigned", "analysed", "proposed", "carried_out", "evaluated"]


class Complainant(Value):
    """Who complains (投诉人); `name` and `phone` are personal data of `person`."""

    person: Id
    name: Personal
    phone: Personal = None


class ComplaintOpened(Event):
    """Step 1, recorded: who complains, about what, and what is asked for (R-162)."""

    type: ClassVar[str] = "complaint.ComplaintOpened"
    customer: CustomerId
    complaint: Id
    complainant: Complainant
    complained_at: datetime
    subject: ComplaintSubject
    object: Text
    demand: Text
    invoice: Id | None = None
    disputed: Money | None = None


class ComplaintJudged(Event):
    """Step 2: established or not, and the result told to the customer (R-163). Not established closes it."""

    type: ClassVar[str] = "complaint.ComplaintJudged"
    customer: CustomerId
    complaint: Id
    established: bool
    finding: Text
    feedback: Text
    fed_back_at: datetime


class ComplaintReopened(Event):
    """A complaint judged not established is judged again because of new facts."""

    type: ClassVar[str] = "complaint.ComplaintReopened"
    customer: CustomerId
    complaint: Id
    new_facts: Text


class DepartmentAssigned(Event):
    """Step 3: who handles it and who is responsible (R-164)."""

    type: ClassVar[str] = "complaint.DepartmentAssigned"
    customer: CustomerId
    complaint: Id
    department: Id
    responsible: Id


class CauseAnalysed(Event):
    """Step 4: the departments that took part and the cause found (R-165)."""

    type: ClassVar[str] = "complaint.CauseAnalysed"
    customer: CustomerId
    complaint: Id
    departments: Annotated[tuple[Id, ...], Field(min_length=1, max_length=30)]
    cause: Text


class SolutionProposed(Event):
    """Step 5: version n of the solution, reported to the customer (R-166)."""

    type: ClassVar[str] = "complaint.SolutionProposed"
    customer: CustomerId
    complaint: Id
    solution_version: Annotated[int, Field(ge=1)]
    solution: Text
    compensation: Money | None = None
    reported_at: datetime


class SolutionRefused(Event):
    """Step 6: the customer does not accept version n; what was negotiated (R-167)."""

    type: ClassVar[str] = "complaint.SolutionRefused"
    customer: CustomerId
    complaint: Id
    solution_version: int
    answer: Text
    negotiation: Text


class SolutionAccepted(Event):
    """Step 6: the customer accepts version n; only now may it be carried out (R-167)."""

    type: ClassVar[str] = "complaint.SolutionAccepted"
    customer: CustomerId
    complaint: Id
    solution_version: int


class SolutionCarriedOut(Event):
    """Step 6: the accepted solution was carried out, with this result (R-167)."""

    type: ClassVar[str] = "complaint.SolutionCarriedOut"
    customer: CustomerId
    complaint: Id
    solution_version: int
    result: Text


class ComplaintEvaluated(Event):
    """Step 7: summary, prevention, action on those responsible; the complaint is closed (R-168)."""

    type: ClassVar[str] = "complaint.ComplaintEvaluated"
    customer: CustomerId
    complaint: Id
    summary: Text
    prevention: Text
    action: Text


class StepCorrected(Event):
    """A text of an earlier step was wrong and reads so now; the step itself is not undone."""

    type: ClassVar[str] = "complaint.StepCorrected"
    customer: CustomerId
    complaint: Id
    step: Step
    field: Id
    value: Text
    previous: Text
    reason: Text


ComplaintEvent: TypeAlias = (
    ComplaintOpened
    | ComplaintJudged
    | ComplaintReopened
    | DepartmentAssigned
    | CauseAnalysed
    | SolutionProposed
    | SolutionRefused
    | SolutionAccepted
    | SolutionCarriedOut
    | ComplaintEvaluated
    | StepCorrected
)
"""What happens to a complaint."""

EVENTS = (
    ComplaintOpened,
    ComplaintJudged,
    ComplaintReopened,
    DepartmentAssigned,
    CauseAnalysed,
    SolutionProposed,
    SolutionRefused,
    SolutionAccepted,
    SolutionCarriedOut,
    ComplaintEvaluated,
    StepCorrected,
)

"""Rules of corrections."""

from datetime import UTC, date, datetime

from complaint_svc.domain.complaint import COMPLAINT, NoSuchComplaint
from complaint_svc.domain.correction import (
    DECIDER,
    AnsweredSolutionStands,
    CorrectStep,
    NotAKey,
    NothingToCorrect,
)
from engine.decider import Actor, Facts
from engine.testing.spec import Outcome, given
from events.base import Event
from events.complaint import (
    CauseAnalysed,
    Complainant,
    ComplaintJudged,
    ComplaintOpened,
    DepartmentAssigned,
    SolutionAccepted,
    SolutionProposed,
    StepCorrected,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FACTS = Facts(date(2026, 3, 2), NOW, Actor("zhou"))
CP = COMPLAINT("CP-1")
OPENED = ComplaintOpened(
    customer="C-1",
    complaint="CP-1",
    complainant=Complainant(person="P-1", name="王芳"),
    complained_at=NOW,
    subject="packaging",
    object="pallet 3",
    demand="new pallets",
)
JUDGED = ComplaintJudged(
    customer="C-1", complaint="CP-1", established=True, finding="broken", feedback="sorry", fed_back_at=NOW
)
ASSIGNED = DepartmentAssigned(customer="C-1", complaint="CP-1", department="packing", responsible="sun")
ANALYSED = CauseAnalysed(customer="C-1", complaint="CP-1", departments=("packing",), cause="wet wood")
PROPOSED = SolutionProposed(
    customer="C-1", complaint="CP-1", solution_version=1, solution="new palets", reported_at=NOW
)
ACCEPTED = SolutionAccepted(customer="C-1", complaint="CP-1", solution_version=1)
FINDING = CorrectStep(complaint="CP-1", step="judged", field="finding", value="two broken", reason="counted again")


def when(command: CorrectStep, *events: Event) -> Outcome:
    return given([(CP, e) for e in events]).when(command, FACTS, by=DECIDER)


def corrected(command: CorrectStep, previous: str) -> StepCorrected:
    return StepCorrected(
        customer="C-1",
        complaint=command.complaint,
        step=command.step,
        field=command.field,
        value=command.value,
        previous=previous,
        reason=command.reason,
    )


def test_a_correction_keeps_the_old_text() -> None:
    when(FINDING, OPENED, JUDGED).then([(CP, corrected(FINDING, "broken"))])


def test_a_second_correction_names_the_first_as_the_old_text() -> None:
    third = FINDING.model_copy(update={"value": "three broken"})
    when(third, OPENED, JUDGED, corrected(FINDING, "broken")).then([corrected(third, "two broken")])


def test_a_repeated_correction_does_nothing() -> None:
    when(FINDING, OPENED, JUDGED, corrected(FINDING, "broken")).then_nothing()


def test_a_correction_moves_no_step() -> None:
    before = CP.aggregate.fold([OPENED, JUDGED])
    assert CP.aggregate.fold([corrected(FINDING, "broken")], before).stage == before.stage


def test_a_step_that_is_not_done_or_has_no_such_text_has_nothing_to_correct() -> None:
    when(FINDING, OPENED).then_rejected(NothingToCorrect, step="judged", field="finding")
    name = FINDING.model_copy(update={"step": "recorded", "field": "complainant"})
    when(name, OPENED, JUDGED).then_rejected(NothingToCorrect, step="recorded", field="complainant")


def test_an_unknown_complaint_has_nothing_to_correct() -> None:
    when(FINDING).then_rejected(NoSuchComplaint, complaint="CP-1")


def test_a_solution_the_customer_has_answered_is_not_corrected() -> None:
    better = FINDING.model_copy(update={"step": "proposed", "field": "solution", "value": "new pallets"})
    history = (OPENED, JUDGED, ASSIGNED, ANALYSED, PROPOSED)
    when(better, *history).then([corrected(better, "new palets")])
    when(better, *history, ACCEPTED).then_rejected(AnsweredSolutionStands, solution_version=1)


def test_a_department_is_corrected_to_a_key() -> None:
    other = FINDING.model_copy(update={"step": "assigned", "field": "department", "value": "shipping"})
    when(other, OPENED, JUDGED, ASSIGNED).then([corrected(other, "packing")])
    words = other.model_copy(update={"value": "the packers"})
    when(words, OPENED, JUDGED, ASSIGNED).then_rejected(NotAKey, field="department")

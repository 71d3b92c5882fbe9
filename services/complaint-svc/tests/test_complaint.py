"""Rules of the seven steps."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from complaint_svc.domain.complaint import (
    COMPLAINT,
    DECIDER,
    AcceptSolution,
    AnalyseCause,
    AnotherSolution,
    AssignDepartment,
    CarryOutSolution,
    ComplaintCommand,
    ComplaintExists,
    ComplaintIsClosed,
    DisputeNeedsInvoice,
    EvaluateComplaint,
    JudgeComplaint,
    NoSuchComplaint,
    NotAccepted,
    NotEstablished,
    OpenComplaint,
    ProposeSolution,
    RefuseSolution,
    ReopenComplaint,
    StepOutOfOrder,
)
from engine.decider import Actor, Facts
from engine.snapshots import codec
from engine.testing.spec import Outcome, given
from events.base import Event, PositiveMoney
from events.complaint import (
    CauseAnalysed,
    Complainant,
    ComplaintEvaluated,
    ComplaintJudged,
    ComplaintOpened,
    ComplaintReopened,
    DepartmentAssigned,
    SolutionAccepted,
    SolutionCarriedOut,
    SolutionProposed,
    SolutionRefused,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FACTS = Facts(date(2026, 3, 2), NOW, Actor("zhou"))
CP = COMPLAINT("CP-1")
WANG = Complainant(person="P-1", name="王芳", phone="021-555")

OPEN = OpenComplaint(
    complaint="CP-1", customer="C-1", complainant=WANG, subject="late_delivery", object="order O-1", demand="a discount"
)
JUDGE = JudgeComplaint(complaint="CP-1", established=True, finding="ten days late", feedback="we apologise")
DISMISS = JudgeComplaint(complaint="CP-1", established=False, finding="it came in time", feedback="see the waybill")
REOPEN = ReopenComplaint(complaint="CP-1", new_facts="the waybill was forged")
ASSIGN = AssignDepartment(complaint="CP-1", department="logistics", responsible="sun")
ANALYSE = AnalyseCause(complaint="CP-1", departments=("logistics", "sales"), cause="no lorry")
PROPOSE = ProposeSolution(complaint="CP-1", solution="5 % off")
REFUSE = RefuseSolution(complaint="CP-1", solution_version=1, answer="too little", negotiation="8 % would do")
ACCEPT = AcceptSolution(complaint="CP-1", solution_version=1)
CARRY_OUT = CarryOutSolution(complaint="CP-1", result="credit note CN-7")
EVALUATE = EvaluateComplaint(complaint="CP-1", summary="late", prevention="a second carrier", action="a warning")
ALL: list[ComplaintCommand] = [
    OPEN, JUDGE, DISMISS, REOPEN, ASSIGN, ANALYSE, PROPOSE, REFUSE, ACCEPT, CARRY_OUT, EVALUATE
]  # fmt: skip
SEVEN: list[ComplaintCommand] = [OPEN, JUDGE, ASSIGN, ANALYSE, PROPOSE, ACCEPT, CARRY_OUT, EVALUATE]


def after(*commands: ComplaintCommand) -> list[Event]:
    """What has happened once `commands` were decided one after the other."""
    events: list[Event] = []
    for command in commands:
        events += when(command, *events).events
    return events


def when(command: ComplaintCommand, *events: Event) -> Outcome:
    return given([(CP, e) for e in events]).when(command, FACTS, by=DECIDER)


def test_a_complaint_goes_through_the_seven_steps() -> None:
    assert [type(e) for e in after(*SEVEN)] == [
        ComplaintOpened,
        ComplaintJudged,
        DepartmentAssigned,
        CauseAnalysed,
        SolutionProposed,
        SolutionAccepted,
        SolutionCarriedOut,
        ComplaintEvaluated,
    ]


def test_the_record_says_who_complained_when_about_what_and_what_is_asked_for() -> None:
    when(OPEN).then(
        [
            (
                CP,
                ComplaintOpened(
                    customer="C-1",
                    complaint="CP-1",
                    complainant=WANG,
                    complained_at=NOW,
                    subject="late_delivery",
                    object="order O-1",
                    demand="a discount",
                ),
            )
        ]
    )


def test_a_complaint_is_opened_once() -> None:
    when(OPEN, *after(OPEN)).then_rejected(ComplaintExists, complaint="CP-1")


def test_a_disputed_amount_names_its_invoice() -> None:
    money = PositiveMoney(amount=Decimal(100), currency="CNY")
    when(OPEN.model_copy(update={"disputed": money})).then_rejected(DisputeNeedsInvoice)
    [opened] = when(OPEN.model_copy(update={"disputed": money, "invoice": "I-1"})).events
    assert isinstance(opened, ComplaintOpened)
    assert opened.disputed == money


def test_nothing_is_done_to_an_unknown_complaint() -> None:
    for command in ALL[1:]:
        when(command).then_rejected(NoSuchComplaint, complaint="CP-1")


def test_no_step_is_skipped() -> None:
    for n in range(1, len(SEVEN)):
        done = after(*SEVEN[:n])
        for early in SEVEN[n + 1 :]:
            expected = NotAccepted if (n, early) == (5, CARRY_OUT) else StepOutOfOrder
            when(early, *done).then_rejected(expected, complaint="CP-1")


def test_a_refusal_says_where_the_complaint_is_and_what_comes_first() -> None:
    when(ANALYSE, *after(OPEN)).then_rejected(StepOutOfOrder, stage="recorded", wanted="analysed", needed="assigned")


def test_a_complaint_not_established_is_closed_after_the_feedback() -> None:
    closed = after(OPEN, DISMISS)
    for command in (ASSIGN, JUDGE, EVALUATE):
        when(command, *closed).then_rejected(NotEstablished, complaint="CP-1")


def test_new_facts_reopen_a_complaint_not_established_and_it_is_judged_again() -> None:
    happened = after(OPEN, DISMISS, REOPEN, JUDGE, ASSIGN)
    assert [type(e) for e in happened[2:4]] == [ComplaintReopened, ComplaintJudged]


def test_an_established_complaint_is_not_reopened() -> None:
    when(REOPEN, *after(OPEN, JUDGE)).then_rejected(StepOutOfOrder, needed="not_established")


def test_a_refused_solution_is_negotiated_and_the_next_version_proposed_until_one_is_accepted() -> None:
    happened = after(OPEN, JUDGE, ASSIGN, ANALYSE, PROPOSE, REFUSE)
    assert isinstance(happened[-1], SolutionRefused)
    [second] = when(PROPOSE.model_copy(update={"solution": "8 % off"}), *happened).events
    assert isinstance(second, SolutionProposed)
    assert second.solution_version == 2
    accept = AcceptSolution(complaint="CP-1", solution_version=2)
    when(accept, *happened, second).then([SolutionAccepted(customer="C-1", complaint="CP-1", solution_version=2)])


def test_nothing_is_carried_out_before_the_customer_accepts() -> None:
    proposed = after(OPEN, JUDGE, ASSIGN, ANALYSE, PROPOSE)
    when(CARRY_OUT, *proposed).then_rejected(NotAccepted, solution_version=1)
    when(CARRY_OUT, *proposed, *when(REFUSE, *proposed).events).then_rejected(NotAccepted, solution_version=1)


def test_an_answer_to_another_version_of_the_solution_is_refused() -> None:
    second = after(OPEN, JUDGE, ASSIGN, ANALYSE, PROPOSE, REFUSE, PROPOSE)
    for answer in (ACCEPT, REFUSE):
        when(answer, *second).then_rejected(AnotherSolution, current=2, solution_version=1)


def test_nothing_is_done_to_an_evaluated_complaint() -> None:
    for command in (JUDGE, REOPEN, PROPOSE, EVALUATE):
        when(command, *after(*SEVEN)).then_rejected(ComplaintIsClosed, complaint="CP-1")


@pytest.mark.parametrize("command", ALL, ids=lambda c: type(c).__name__)
def test_required_texts_are_never_empty(command: ComplaintCommand) -> None:
    texts = [n for n, v in command if isinstance(v, str) and n not in ("complaint", "subject", *_optional(command))]
    for name in texts:
        with pytest.raises(ValidationError):
            type(command).model_validate({**command.model_dump(), name: "  "})


def _optional(command: ComplaintCommand) -> list[str]:
    return [n for n, f in type(command).model_fields.items() if type(None) in get_args(f.annotation)]


@settings(deadline=None)
@for_all(st.lists(st.sampled_from(ALL), max_size=25))
def test_whatever_is_tried_the_steps_keep_their_order_and_no_command_doubles(tried: list[ComplaintCommand]) -> None:
    events: list[Event] = []
    for command in tried:
        outcome = when(command, *events)
        events += [e for _, e in outcome.happened]
        again = when(command, *events)
        assert again.refusal is not None, f"{command!r} happened twice"
    kinds = [type(e) for e in events]
    for cause, effect in (
        (ComplaintOpened, ComplaintJudged),
        (DepartmentAssigned, CauseAnalysed),
        (CauseAnalysed, SolutionProposed),
        (SolutionAccepted, SolutionCarriedOut),
        (SolutionCarriedOut, ComplaintEvaluated),
    ):
        if effect in kinds:
            assert cause in kinds[: kinds.index(effect)]


def test_the_state_keeps_no_personal_data() -> None:
    state = CP.aggregate.fold(after(*SEVEN))
    kept = codec(CP.aggregate).adapter
    assert kept.validate_json(kept.dump_json(state)) == state
    assert "王芳" not in repr(state)
    assert "021-555" not in repr(state)

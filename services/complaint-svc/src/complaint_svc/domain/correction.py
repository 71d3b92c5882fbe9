"""Corrections: a text of a step that is done reads otherwise from now on; the old one stays in the event."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError

from complaint_svc.domain.complaint import COMPLAINT, Complaint, NoSuchComplaint, must_be_known
from engine.decider import Command, Decider, Decision, Facts, Ref, Rejected, States
from events.base import Id, Text
from events.complaint import Step, StepCorrected

# --- commands -----------------------------------------------------------------------------------------------------


class CorrectStep(Command):
    """Put right a text of a step that is done; the step itself stands."""

    complaint: Id
    step: Step
    field: Id
    value: Text
    reason: Text


# --- rules --------------------------------------------------------------------------------------------------------


class NothingToCorrect(Rejected):
    """Complaint {complaint} has no text {field} of step {step} to correct."""

    zh: ClassVar[str] = "投诉 {complaint} 的 {step} 步骤没有可更正的内容 {field}。"


class AnsweredSolutionStands(Rejected):
    """The customer has answered solution {solution_version} of complaint {complaint}; its text stands."""

    zh: ClassVar[str] = "客户已答复投诉 {complaint} 的第 {solution_version} 版处理方案，其内容不得更正。"


class NotAKey(Rejected):
    """The {field} of complaint {complaint} is a key: letters, digits and ._:@/-, 64 at most."""

    zh: ClassVar[str] = "投诉 {complaint} 的 {field} 应为编号：只能使用字母、数字和 ._:@/-，不超过 64 位。"


RULES = (NoSuchComplaint, NothingToCorrect, AnsweredSolutionStands, NotAKey)

# --- decide -------------------------------------------------------------------------------------------------------

_KEYS = ("department", "responsible")
_ID = TypeAdapter(Id)


def streams(command: CorrectStep, _: Facts) -> Sequence[Ref[Complaint]]:
    return [COMPLAINT(command.complaint)]


def decide(command: CorrectStep, states: States, _: Facts) -> Decision:
    ref = COMPLAINT(command.complaint)
    state = states[ref]
    must_be_known(command.complaint, state)
    previous = state.texts.get(f"{command.step}.{command.field}")
    if previous is None:
        raise NothingToCorrect(complaint=command.complaint, step=command.step, field=command.field)
    if previous == command.value:
        return []
    _must_be_allowed(command, state)
    corrected = StepCorrected(
        customer=state.customer,
        complaint=command.complaint,
        step=command.step,
        field=command.field,
        value=command.value,
        previous=previous,
        reason=command.reason,
    )
    return [(ref, corrected)]


def _must_be_allowed(command: CorrectStep, state: Complaint) -> None:
    if command.step == "proposed" and state.stage != "proposed":
        raise AnsweredSolutionStands(complaint=command.complaint, solution_version=state.solution_version)
    if command.field in _KEYS and not _is_key(command.value):
        raise NotAKey(complaint=command.complaint, field=command.field)


def _is_key(value: str) -> bool:
    try:
        _ID.validate_python(value)
    except ValidationError:
        return False
    return True


DECIDER = Decider(commands=(CorrectStep,), streams=streams, decide=decide, rules=RULES)

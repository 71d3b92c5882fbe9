"""How far a complaint has come: its stages, and the one each event leads to."""

from typing import Literal, TypeAlias, assert_never

from events.complaint import (
    CauseAnalysed,
    ComplaintEvaluated,
    ComplaintEvent,
    ComplaintJudged,
    ComplaintOpened,
    ComplaintReopened,
    DepartmentAssigned,
    SolutionAccepted,
    SolutionCarriedOut,
    SolutionProposed,
    SolutionRefused,
    StepCorrected,
)

Before: TypeAlias = Literal["unknown", "recorded", "not_established", "established", "assigned", "analysed"]
After: TypeAlias = Literal["proposed", "refused", "accepted", "carried_out", "evaluated"]
Stage: TypeAlias = Before | After
"""Where a complaint is: what has been done last."""
Settling: TypeAlias = SolutionProposed | SolutionRefused | SolutionAccepted | SolutionCarriedOut | ComplaintEvaluated


def stage_after(event: ComplaintEvent, before: Stage) -> Stage:
    """Where a complaint is after `event`; a correction moves nothing."""
    match event:
        case ComplaintOpened() | ComplaintReopened():
            return "recorded"
        case ComplaintJudged(established=established):
            return "established" if established else "not_established"
        case DepartmentAssigned():
            return "assigned"
        case CauseAnalysed():
            return "analysed"
        case StepCorrected():
            return before
        case _:
            return _settling(event)


def _settling(event: Settling) -> Stage:
    match event:
        case SolutionProposed():
            return "proposed"
        case SolutionRefused():
            return "refused"
        case SolutionAccepted():
            return "accepted"
        case SolutionCarriedOut():
            return "carried_out"
        case ComplaintEvaluated():
            return "evaluated"
        case _:
            assert_never(event)

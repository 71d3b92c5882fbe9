"""Sentences about complaints and their seven steps."""

from collections.abc import Mapping
from typing import Any

from events.base import Event
from events.complaint import (
    CauseAnalysed,
    ComplaintEvaluated,
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
from events.sentences.template import Sentence


def _verdict(event: ComplaintJudged) -> Mapping[str, Any]:
    return {"verdict": "established" if event.established else "not_established"}


SENTENCES: Mapping[type[Event], Sentence] = {
    ComplaintOpened: Sentence(
        "Complaint {complaint} about {subject!w}: {object}[; invoice {invoice}][, {disputed} disputed]",
        "投诉 {complaint}，{subject!w}：{object}[；发票 {invoice}][，争议金额 {disputed}]",
    ),
    ComplaintJudged: Sentence(
        "Complaint {complaint} {verdict!w}: {finding}", "投诉 {complaint} {verdict!w}：{finding}", _verdict
    ),
    ComplaintReopened: Sentence(
        "Complaint {complaint} opened again: {new_facts}", "投诉 {complaint} 重新受理：{new_facts}"
    ),
    DepartmentAssigned: Sentence(
        "Complaint {complaint} given to {department}, {responsible} is responsible",
        "投诉 {complaint} 交由 {department} 处理，责任人 {responsible}",
    ),
    CauseAnalysed: Sentence(
        "Cause of complaint {complaint} found by {departments}: {cause}",
        "投诉 {complaint} 原因分析（{departments}）：{cause}",
    ),
    SolutionProposed: Sentence(
        "Solution {solution_version} of complaint {complaint} proposed: {solution}[, compensation {compensation}]",
        "投诉 {complaint} 提出第 {solution_version} 版处理方案：{solution}[，补偿 {compensation}]",
    ),
    SolutionRefused: Sentence(
        "Solution {solution_version} of complaint {complaint} refused: {answer}",
        "客户不接受投诉 {complaint} 第 {solution_version} 版方案：{answer}",
    ),
    SolutionAccepted: Sentence(
        "Solution {solution_version} of complaint {complaint} accepted by the customer",
        "客户接受投诉 {complaint} 第 {solution_version} 版方案",
    ),
    SolutionCarriedOut: Sentence(
        "Solution {solution_version} of complaint {complaint} carried out: {result}",
        "投诉 {complaint} 第 {solution_version} 版方案已执行：{result}",
    ),
    ComplaintEvaluated: Sentence(
        "Complaint {complaint} evaluated and closed: {summary}", "投诉 {complaint} 评价结案：{summary}"
    ),
    StepCorrected: Sentence(
        "Complaint {complaint}: {field} of step {step!w} corrected: {reason}",
        "投诉 {complaint}：更正“{step!w}”步骤的 {field}：{reason}",
    ),
}

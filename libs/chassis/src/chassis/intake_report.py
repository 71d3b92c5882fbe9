"""The report on the intake as it is shown: messages by fate, duplicates, numbers that never came."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, Field

from chassis.context import allowed
from chassis.problems import sentence
from chassis.routes import Routes
from chassis.runtime import Runtime
from engine.decider import Rejected
from engine.intake_report import Fates, report

router = Routes(exact=False, tags=["intake"], dependencies=[allowed("integration", "operations", "finance")])


class Gap(BaseModel):
    """Numbers that never came; one alone is first and last."""

    first: str = Field(examples=["I-90018"])
    last: str = Field(examples=["I-90020"])


class SeriesRow(BaseModel):
    """Running numbers, by document number or by the CloudEvents attribute `sequence`; at most 100 gaps are listed."""

    by: str = Field(examples=["document"])
    prefix: str = Field(examples=["I-"])
    numbers: int = Field(examples=[1197])
    first: str = Field(examples=["I-90000"])
    last: str = Field(examples=["I-91199"])
    missing: int = Field(examples=[3])
    gaps: list[Gap]


class RefusedBy(BaseModel):
    """So many were refused by a rule, which says this in both languages."""

    rule: str = Field(examples=["no-due-date"])
    messages: int
    says: dict[str, str]


class ReportRow(BaseModel):
    """Of one sender and type. `duplicates`: came again as they were; `conflicts`: came again with another body.

    `series` is empty where the numbers make no series: fewer than 10, or less than half of those in between came.
    """

    source: str = Field(examples=["erp"])
    type: str = Field(examples=["erp.Invoice.v1"])
    messages: int
    accepted: int
    waiting: int
    waiting_since: datetime | None
    rejected: int
    refused_by: list[RefusedBy]
    duplicates: int
    conflicts: int
    last_decided: datetime
    series: list[SeriesRow]


class Report(BaseModel):
    """One page; `next` is to be asked for as `after`, null on the last."""

    items: list[ReportRow]
    next: str | None = None


@router.get("/intake/report", summary="What came in by sender and type: fates, duplicates, missing numbers")
async def intake_report(
    request: Request,
    source: Annotated[str | None, Query(description="Only messages of this source.")] = None,
    kind: Annotated[str | None, Query(alias="type", description="Only documents of this type.")] = None,
    after: Annotated[
        str | None, Query(description="`next` of the page before: type and source.", max_length=600)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Rows on a page.")] = 100,
) -> Report:
    """Each message counts once, with its present verdict; one sent again after a refusal is no duplicate."""
    runtime: Runtime = request.app.state.runtime
    place = _place(after) if after else None
    found = await report(runtime.database, source, kind, place, limit)
    rows = [_row(runtime, fates) for fates in found]
    return Report(items=rows, next=f"{rows[-1].type} {rows[-1].source}" if len(rows) == limit else None)


def _place(after: str) -> tuple[str, str]:
    kind, _, source = after.partition(" ")
    return source, kind


def _row(runtime: Runtime, fates: Fates) -> ReportRow:
    refused = [_refused(runtime, rule, n) for rule, n in sorted(fates.rejected.items(), key=lambda r: (-r[1], r[0]))]
    series = [
        SeriesRow(
            by=s.by, prefix=s.prefix, numbers=s.numbers, first=s.first, last=s.last, missing=s.missing,
            gaps=[Gap(first=a, last=b) for a, b in s.gaps],
        )
        for s in fates.series
    ]  # fmt: skip
    told: dict[str, Any] = {n: getattr(fates, n) for n in ReportRow.model_fields if hasattr(fates, n)}
    return ReportRow(**{**told, "rejected": sum(fates.rejected.values()), "refused_by": refused, "series": series})


def _refused(runtime: Runtime, rule: str, messages: int) -> RefusedBy:
    known = runtime.rules.get(rule, Rejected)
    says = {language: sentence(known, {}, language) for language in ("en", "zh-CN")}
    return RefusedBy(rule=rule, messages=messages, says=says)

"""Limit use and the states of complaints: figures whose members are customers and their complaints."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from analytics_svc.answering import Customer, Explanation, Figure, Figures, Page, Part, Stated, over
from analytics_svc.domain.figures import UsedAmount, ratio
from analytics_svc.domain.measures import LimitUse, LimitUses, Scope
from analytics_svc.projections import complaints, customers, exposures, receivables, terms
from analytics_svc.projections.complaints import DEADLINE_DAYS, StepCount
from analytics_svc.projections.stored import used_entries
from chassis.context import Paged
from chassis.routes import Routes
from events.base import Amount, AmountOrNone

router = Routes(tags=["figures"])
Limited = Annotated[Figures, over(exposures.VIEW, receivables.VIEW, terms.VIEW, customers.VIEW)]
Complained = Annotated[Figures, over(complaints.VIEW)]
Used = Annotated[UsedAmount, Query(description="What counts as used: the exposure credit decides by, or the balance.")]
OneCustomer = Annotated[str, Query(description="The customer.", examples=["C-103"])]
Deadline = Annotated[int, Query(ge=0, le=3660, description="Days at a step after which a complaint is overdue.")]
State = Annotated[str | None, Query(description="Only complaints in this state.", examples=["proposed"])]


class LimitRow(BaseModel):
    """`limit` null: unlimited, then there is no `share`; nor is there one of a limit of 0. Breached: strictly above."""

    customer: str
    used: Amount
    limit: AmountOrNone
    share: Decimal | None = Field(examples=["0.87"])
    breached: bool


class LimitsFigure(Figure):
    """How the limits in force are used; `breaches` counts the customers above theirs."""

    measure: UsedAmount
    with_limit: int
    unlimited: int
    breaches: int
    customers: Paged[LimitRow]


class ComplaintRow(BaseModel):
    """R-169: the step (1..7) a complaint stands at, and since when."""

    complaint: str
    customer: str
    subject: str | None
    step: int
    state: str
    opened: date
    since: date


class ComplaintsFigure(Stated):
    """The number of complaints in each state and at each step, and the complaints themselves.

    `overdue`: at the same step for more than `deadline_days` days (R-161).
    """

    states: dict[str, int] = Field(examples=[{"proposed": 2}])
    open: int
    overdue: int
    deadline_days: int
    steps: list[StepCount]
    complaints: Paged[ComplaintRow]


@router.get("/limits", summary="How credit limits are used")
async def limits(
    figures: Limited,
    page: Page,
    customer: Customer = None,
    measure: Used = "exposure",
    breached: Annotated[bool, Query(description="Only those above their limit.")] = False,
) -> LimitsFigure:
    """The customers with terms in force, ordered by id, with the limit of the date and what was used of it."""
    scope = await figures.scope(customer)
    found = LimitUses(await figures.measures.limit_use(scope, measure))
    rows = [_row(use) for use in found.shown(breached)]
    return LimitsFigure(
        **figures.stated,
        currency=scope.currency or "",
        measure=measure,
        with_limit=len(found.uses) - found.unlimited,
        unlimited=found.unlimited,
        breaches=found.breaches,
        customers=page.of(rows, lambda row: (row.customer,)),
    )


def _row(use: LimitUse) -> LimitRow:
    share = None if use.limit is None else ratio(use.used, use.limit).value
    return LimitRow(customer=use.customer, used=use.used, limit=use.limit, share=share, breached=use.breached)


@router.get("/limits/explain", summary="The events behind a customer's limit use")
async def explain_limits(
    figures: Limited, page: Page, customer: OneCustomer, measure: Used = "exposure", part: Part = "numerator"
) -> Explanation:
    """Parts: numerator (what is used), denominator (the limit, by the event that set it)."""
    scope = await figures.scope(customer)
    parts = {"numerator": used_entries(scope, measure), "denominator": terms.entries(scope)}
    return await figures.explain(page, scope, parts, part)


@router.get("/complaints", summary="The state of every complaint")
async def complaint_states(
    figures: Complained,
    page: Page,
    customer: Customer = None,
    state: State = None,
    deadline_days: Deadline = DEADLINE_DAYS,
) -> ComplaintsFigure:
    """R-169: where every complaint stands in the seven steps, on that day and as then known."""
    scope = _scope(figures, customer)
    states = {r["state"]: r["complaints"] for r in await figures.facts.rows(complaints.by_state(scope))}
    steps = complaints.every_step(await figures.facts.rows(complaints.by_step(scope, deadline_days)))
    query, order = complaints.page(scope, state)
    rows = await figures.page(page, query, order, make=ComplaintRow.model_validate)
    return ComplaintsFigure(
        **figures.stated,
        states=states,
        open=complaints.open_of(states),
        overdue=sum(s.overdue for s in steps),
        deadline_days=deadline_days,
        steps=steps,
        complaints=rows,
    )


@router.get("/complaints/explain", summary="The complaints a count counts")
async def explain_complaints(
    figures: Complained,
    page: Page,
    customer: Customer = None,
    deadline_days: Deadline = DEADLINE_DAYS,
    part: Part = "all",
) -> Explanation:
    """Parts: all, every state, open, overdue, step_1 to step_6 (open there); each complaint counts one, by the event
    that brought it there."""
    parts = complaints.parts(_scope(figures, customer), deadline_days)
    return await figures.explain(page, _scope(figures, customer), parts, part, counted=parts)


def _scope(figures: Figures, customer: str | None) -> Scope:
    return Scope(figures.point, None if customer is None else (customer,))

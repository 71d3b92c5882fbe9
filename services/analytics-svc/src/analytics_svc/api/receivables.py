"""Balance and ageing, each with its explanation."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query

from analytics_svc.answering import Customer, Explanation, Figure, Figures, Page, checked, over
from analytics_svc.domain.figures import CURRENT, UNALLOCATED, Edges, edges_of
from analytics_svc.domain.measures import Balance, Bucket, CustomerBalance, Scope, aged, due_within
from analytics_svc.projections import customers, receivables, terms
from chassis.context import Paged
from engine.keyset import Selection
from events.base import Amount

router = APIRouter(tags=["figures"])
Owed = Annotated[Figures, over(receivables.VIEW, terms.VIEW, customers.VIEW)]
EdgeText = Annotated[str | None, Query(alias="edges", description="Upper edges in days.", examples=["30,60,90,120"])]


class BalanceFigure(Figure, Balance):
    customer: str | None


class Balances(Figure):
    customers: Paged[CustomerBalance]


class AgeingFigure(Figure):
    """R-119. The buckets, unallocated cash among them as a negative row, add up to `outstanding`."""

    customer: str | None
    edges: list[int]
    buckets: list[Bucket]
    outstanding: Amount


@router.get("/balance", summary="What is owed")
async def balance(figures: Owed, customer: Customer = None) -> BalanceFigure:
    """Open instalments, unallocated cash and credit (negative), and their sum: what is outstanding."""
    scope = await figures.scope(customer)
    found = await figures.measures.balance(scope)
    return BalanceFigure(**figures.stated, currency=_currency(scope), customer=customer, **found.model_dump())


@router.get("/balance/customers", summary="What each customer owes")
async def balances(figures: Owed, page: Page) -> Balances:
    """The same of every customer with any receivable or cash, ordered by customer."""
    scope = await figures.scope()
    query, order = receivables.page(scope)
    rows = await figures.page(page, query, order, make=CustomerBalance.model_validate)
    return Balances(**figures.stated, currency=_currency(scope), customers=rows)


@router.get("/balance/explain", summary="The events behind a balance")
async def explain_balance(
    figures: Owed, page: Page, customer: Customer = None, part: str = "outstanding"
) -> Explanation:
    """Parts: outstanding, receivable, unallocated. What is settled is left out: it adds nothing."""
    scope = await figures.scope(customer)
    parts = {
        "outstanding": receivables.entries(scope),
        "receivable": receivables.entries(scope, unallocated=False),
        "unallocated": receivables.entries(scope, unallocated=True),
    }
    return await figures.explain(page, scope, parts, part)


@router.get("/ageing", summary="How old the receivables are")
async def ageing(figures: Owed, customer: Customer = None, edges: EdgeText = None) -> AgeingFigure:
    """Open amounts by days overdue; edges are inclusive above, due today is current."""
    steps, scope = checked(lambda: edges_of(edges)), await figures.scope(customer)
    buckets = aged(await figures.measures.by_due_date(scope), figures.point.as_of, steps)
    return AgeingFigure(
        **figures.stated,
        currency=_currency(scope),
        customer=customer,
        edges=list(steps.upper),
        buckets=buckets,
        outstanding=sum((b.amount for b in buckets), Decimal(0)),
    )


@router.get("/ageing/explain", summary="The events behind a bucket")
async def explain_ageing(
    figures: Owed, page: Page, customer: Customer = None, edges: EdgeText = None, part: str = CURRENT
) -> Explanation:
    """Parts: the buckets by name, and unallocated."""
    steps, scope = checked(lambda: edges_of(edges)), await figures.scope(customer)
    return await figures.explain(page, scope, _buckets(scope, steps), part)


def _buckets(scope: Scope, edges: Edges) -> dict[str, Selection]:
    found: dict[str, Selection] = {}
    for name in edges.names:
        first, last = due_within(name, scope.point.as_of, edges)
        found[name] = receivables.entries(scope, first=first, last=last, unallocated=False)
    return found | {UNALLOCATED: receivables.entries(scope, unallocated=True)}


def _currency(scope: Scope) -> str:
    return scope.currency or ""

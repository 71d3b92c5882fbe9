"""Totals of what was ordered, billed and paid."""

from typing import Annotated

from analytics_svc.answering import Customer, Explanation, Figure, Figures, First, Page, Part, checked, over
from analytics_svc.domain.figures import Window, window_of
from analytics_svc.domain.measures import Scope, Totals
from analytics_svc.projections import customers, receivables, sales, terms
from chassis.routes import Routes
from engine.keyset import Selection

router = Routes(tags=["figures"])
Sold = Annotated[Figures, over(sales.VIEW, receivables.VIEW, terms.VIEW, customers.VIEW)]


class TotalsFigure(Figure, Totals):
    """`gross_profit` is that on order intake, lines of unknown cost (`without_cost`) left out."""

    customer: str | None
    window: Window


@router.get("/totals", summary="What was ordered, billed and paid")
async def totals(figures: Sold, customer: Customer = None, first: First = None) -> TotalsFigure:
    """Order intake (cancelled orders included), billed and sales, paid, gross profit, and the documents counted."""
    window = checked(lambda: window_of(first, figures.point.as_of))
    scope = await figures.scope(customer, window)
    found = await figures.measures.totals(scope)
    return TotalsFigure(
        **figures.stated, currency=_currency(scope), customer=customer, window=window, **found.model_dump()
    )


@router.get("/totals/explain", summary="The events behind a total")
async def explain_totals(
    figures: Sold, page: Page, customer: Customer = None, first: First = None, part: Part = "order_intake"
) -> Explanation:
    """Parts: order_intake, billed, credited, credit_sales, sales, gross_profit, paid; the counts list their members."""
    scope = await figures.scope(customer, checked(lambda: window_of(first, figures.point.as_of)))
    return await figures.explain(page, scope, _parts(scope), part, alone=True, counted=COUNTED)


def _parts(scope: Scope) -> dict[str, Selection]:
    sums: dict[str, Selection] = {name: sales.entries(scope, name) for name in sales.PARTS}
    counts: dict[str, Selection] = {name: sales.counted(scope, name) for name in sales.COUNTS}
    came_in = {"paid": receivables.paid_entries(scope), "payments": receivables.paid_entries(scope, counted=True)}
    return sums | counts | came_in | {"customers": customers.entries(Scope(scope.point, scope.customers))}


COUNTED = frozenset({*sales.COUNTS, "payments", "customers"})


def _currency(scope: Scope) -> str:
    return scope.currency or ""

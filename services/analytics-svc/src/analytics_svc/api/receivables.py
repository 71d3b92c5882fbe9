"""What is owed, by all and by each customer, with the events behind."""

from typing import Annotated

from analytics_svc.answering import Customer, Explanation, Figure, Figures, Page, Part, over
from analytics_svc.domain.measures import Balance, CustomerBalance, Scope
from analytics_svc.projections import customers, receivables, terms
from chassis.context import Paged
from chassis.routes import Routes

router = Routes(tags=["figures"])
Owed = Annotated[Figures, over(receivables.VIEW, terms.VIEW, customers.VIEW)]


class BalanceFigure(Figure, Balance):
    customer: str | None


class Balances(Figure):
    customers: Paged[CustomerBalance]


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
    figures: Owed, page: Page, customer: Customer = None, part: Part = "outstanding"
) -> Explanation:
    """Parts: outstanding, receivable, unallocated. What is settled is left out: it adds nothing."""
    scope = await figures.scope(customer)
    parts = {
        "outstanding": receivables.entries(scope),
        "receivable": receivables.entries(scope, unallocated=False),
        "unallocated": receivables.entries(scope, unallocated=True),
    }
    return await figures.explain(page, scope, parts, part)


def _currency(scope: Scope) -> str:
    return scope.currency or ""

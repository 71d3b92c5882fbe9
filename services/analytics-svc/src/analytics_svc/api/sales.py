"""Totals, tiers and products: figures over the sales ledger."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from analytics_svc.answering import AsOf, Customer, Explanation, Figure, Figures, First, Page, checked, over
from analytics_svc.domain.figures import Measure, Window, window_of, year_to
from analytics_svc.domain.measures import Scope, Totals
from analytics_svc.domain.tiers import (
    ABC_CUTS,
    Cuts,
    Ranked,
    Scheme,
    TierAmount,
    amounts_of,
    cuts_of,
    of_subject,
    ranked,
    top_share,
    within,
)
from analytics_svc.projections import customers, receivables, sales, terms
from analytics_svc.projections.stored import ranked_entries
from chassis.context import Paged
from chassis.paging import Paging
from engine.keyset import Selection
from events.base import Amount

router = APIRouter(tags=["figures"])
Sold = Annotated[Figures, over(sales.VIEW, receivables.VIEW, terms.VIEW, customers.VIEW)]
Ordered = Annotated[Figures, over(sales.VIEW, terms.VIEW, customers.VIEW)]
ProductMeasure = Literal["order_intake", "gross_profit", "sales"]
Product = Annotated[str, Query(description="The product.", examples=["S18_1749"])]
MeasureOf = Annotated[Measure, Query(description="What customers are ranked by.")]
CutA = Annotated[Decimal, Query(description="Class A while the cumulative share before is below this.")]
CutB = Annotated[Decimal, Query(description="Class B while the cumulative share before is below this.")]


class TotalsFigure(Figure, Totals):
    """`gross_profit` is that on order intake, lines of unknown cost (`without_cost`) left out."""

    customer: str | None
    window: Window


class RankedRow(BaseModel):
    """A place in the ranking; `cumulative_share` includes the subject itself, `share_before` does not."""

    model_config = ConfigDict(from_attributes=True)

    rank: int
    subject: str = Field(examples=["C-103"])
    amount: Amount
    share: Decimal | None
    share_before: Decimal | None
    cumulative_share: Decimal | None
    tier: str = Field(examples=["A"])


class Ranking(Figure):
    """A page of the ranking, with the number in each tier; `measure` and `window` say what was ranked."""

    measure: str = Field(examples=["sales"])
    scheme: Scheme
    window: Window
    cuts: Cuts
    total: Amount
    top_fifth_share: Decimal | None = Field(description="R-047: the share of the total that the first 20 % make.")
    tiers: dict[str, int]
    amounts: list[TierAmount] = Field(description="What the members of each tier add up to.")
    within_first_cut: int = Field(description="Members whose cumulative share, themselves included, is at most cut A.")
    members: Paged[RankedRow]


@dataclass(frozen=True, slots=True)
class Order:
    """How subjects are ranked."""

    measure: Measure
    window: Window
    scheme: Scheme
    cuts: Cuts


def tier_order(
    as_of: AsOf,
    measure: MeasureOf = "sales",
    scheme: Annotated[Scheme, Query(description="ABC by cumulative share, VIP by rank.")] = "ABC",
    first: First = None,
    a: CutA = ABC_CUTS[0],
    b: CutB = ABC_CUTS[1],
) -> Order:
    """The window is the 12 months up to as_of unless `from` is given."""
    window = checked(lambda: window_of(first or year_to(as_of), as_of))
    return Order(measure, window, scheme, checked(lambda: cuts_of(a, b)))


def product_order(
    as_of: AsOf,
    measure: Annotated[ProductMeasure, Query(description="What products are ranked by.")] = "order_intake",
    first: First = None,
    a: CutA = ABC_CUTS[0],
    b: CutB = ABC_CUTS[1],
) -> Order:
    """The window is all that was up to as_of unless `from` is given."""
    return Order(measure, checked(lambda: window_of(first, as_of)), "ABC", checked(lambda: cuts_of(a, b)))


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
    figures: Sold, page: Page, customer: Customer = None, first: First = None, part: str = "order_intake"
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
TierOrder = Annotated[Order, Depends(tier_order)]
ProductOrder = Annotated[Order, Depends(product_order)]


@router.get("/tiers", summary="Customers by tier")
async def tiers(figures: Sold, page: Page, order: TierOrder, customer: Customer = None) -> Ranking:
    """R-047..R-053: all customers, ranked by amount, then id; with a customer, its place among all."""
    scope = await figures.scope(None, order.window)
    found = ranked(await figures.measures.ranking(scope, order.measure, "customer"), order.scheme, order.cuts)
    return _ranking(figures, page, scope, order, found, customer)


@router.get("/tiers/explain", summary="The events behind a customer's place")
async def explain_tier(
    figures: Sold, page: Page, order: TierOrder, customer: Customer = None, part: str = "numerator"
) -> Explanation:
    """Parts: numerator (the customer's amount), denominator (everybody's); the share is their ratio."""
    everybody, own = await figures.scope(None, order.window), await figures.scope(customer, order.window)
    parts = {"numerator": ranked_entries(own, order.measure), "denominator": ranked_entries(everybody, order.measure)}
    return await figures.explain(page, everybody, parts, part)


@router.get("/products", summary="Products by class")
async def products(figures: Ordered, page: Page, order: ProductOrder) -> Ranking:
    """ABC over products by order intake; amounts no product explains (rounding, whole invoices) are left out."""
    scope = await figures.scope(None, order.window)
    found = ranked(await figures.measures.ranking(scope, order.measure, "product"), order.scheme, order.cuts)
    return _ranking(figures, page, scope, order, found, None)


@router.get("/products/explain", summary="The events behind a product's place")
async def explain_product(
    figures: Ordered, page: Page, order: ProductOrder, product: Product, part: str = "numerator"
) -> Explanation:
    """Parts: numerator (the product's amount), denominator (that of all products)."""
    scope, name = await figures.scope(None, order.window), sales.part_of(order.measure)
    parts = {
        "numerator": sales.entries(scope, name, product=product),
        "denominator": sales.entries(scope, name, products=True),
    }
    return await figures.explain(page, scope, parts, part)


def _ranking(
    figures: Figures, page: Paging, scope: Scope, order: Order, found: Sequence[Ranked], only: str | None
) -> Ranking:
    rows = [RankedRow.model_validate(r) for r in of_subject(found, only)]
    return Ranking(
        **figures.stated,
        currency=_currency(scope),
        measure=order.measure,
        scheme=order.scheme,
        window=order.window,
        cuts=order.cuts,
        total=sum((r.amount for r in found), Decimal(0)),
        top_fifth_share=top_share(found, Decimal("0.2")),
        tiers=dict(Counter(r.tier for r in found)),
        amounts=amounts_of(found),
        within_first_cut=within(found, order.cuts.a),
        members=page.of(rows, lambda row: (row.rank,)),
    )


def _currency(scope: Scope) -> str:
    return scope.currency or ""

"""Customers by tier and products by class: rankings, shares, and the events behind a place."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from analytics_svc.answering import AsOf, Customer, Explanation, Figure, Figures, First, Page, Part, checked, over
from analytics_svc.domain.figures import Measure, Window, ratio, window_of, year_to
from analytics_svc.domain.key_figures import NO_COST, change
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.periods import GroupBy
from analytics_svc.domain.potential import Potential, potentials
from analytics_svc.domain.tiers import (
    ABC_CUTS,
    Cuts,
    Ranked,
    Scheme,
    TieredGroup,
    Tiering,
    TierShare,
    cuts_of,
    together,
)
from analytics_svc.projections import customers, groups, profiles, receivables, sales, terms, tiers
from analytics_svc.projections.stored import ranked_entries
from chassis.context import Paged
from chassis.routes import Routes
from engine.keyset import Selection
from events.base import Amount

router = Routes(tags=["figures"])
Sold = Annotated[Figures, over(sales.VIEW, receivables.VIEW, terms.VIEW, profiles.VIEW, customers.VIEW)]
Ordered = Annotated[Figures, over(sales.VIEW, terms.VIEW, customers.VIEW)]
ProductMeasure = Literal["order_intake", "gross_profit", "sales"]
Product = Annotated[str, Query(description="The product.", examples=["S18_1749"])]
MeasureOf = Annotated[Measure, Query(description="What customers are ranked by.")]
CutA = Annotated[Decimal, Query(description="Class A while the cumulative share before is below this.")]
CutB = Annotated[Decimal, Query(description="Class B while the cumulative share before is below this.")]
Top = Annotated[Decimal, Query(gt=0, le=1, description="R-047: the part of the members whose share is told.")]
OneCustomer = Annotated[str, Query(description="The customer.", examples=["C-103"])]
Below = Annotated[Decimal, Query(gt=0, le=1, description="Less than this part of the product's share of all.")]
Within = Annotated[GroupBy, Query(description="Divided within each of these groups; company: all together.")]


class RankedRow(BaseModel):
    """A place in the ranking of `group`; `cumulative_share` includes the subject itself, `share_before` does not."""

    group: str
    rank: int
    subject: str = Field(examples=["C-103"])
    amount: Amount
    share: Decimal | None
    share_before: Decimal | None
    cumulative_share: Decimal | None
    tier: str = Field(examples=["A"])


class ProductRow(RankedRow):
    """R-076, R-077, R-083: `margin` is gross profit / order intake of known cost.

    `change` compares the quantity with that of the period before; null where the window has no beginning.
    """

    quantity: Decimal
    quantity_before: Decimal | None
    change: Decimal | None
    gross_profit: Amount
    margin: Decimal | None


class Rankings(Figure):
    """The number in each tier and the total over all groups, and each group with its own tiers.

    `measure`, `scheme`, `cuts` and `window` say how subjects were ranked.
    """

    measure: Measure
    scheme: Scheme
    cuts: Cuts
    window: Window
    within: GroupBy
    top: Decimal
    total: Amount
    tiers: dict[str, int]
    amounts: list[TierShare] = Field(description="What the members of each tier add up to.")
    groups: list[TieredGroup]


class CustomerRanking(Rankings):
    members: Paged[RankedRow]


class ProductRanking(Rankings):
    customer: str | None
    members: Paged[ProductRow]


class PotentialFigure(Figure):
    customer: str
    measure: Measure
    window: Window
    below: Decimal
    products: Paged[Potential]


class Order(BaseModel):
    """How subjects are ranked."""

    tiering: Tiering
    window: Window
    within: GroupBy = "company"
    top: Decimal = Decimal("0.2")


def tier_order(
    as_of: AsOf,
    measure: MeasureOf = "sales",
    scheme: Annotated[Scheme, Query(description="ABC by cumulative share, VIP by rank.")] = "ABC",
    within: Within = "company",
    first: First = None,
    a: CutA = ABC_CUTS[0],
    b: CutB = ABC_CUTS[1],
    top: Top = Decimal("0.2"),
) -> Order:
    """The window is the 12 months up to as_of unless `from` is given."""
    tiering = Tiering(measure=measure, scheme=scheme, cuts=checked(lambda: cuts_of(a, b)))
    window = checked(lambda: window_of(first or year_to(as_of), as_of))
    return Order(tiering=tiering, window=window, within=within, top=top)


def product_order(
    as_of: AsOf,
    measure: Annotated[ProductMeasure, Query(description="What products are ranked by.")] = "order_intake",
    first: First = None,
    a: CutA = ABC_CUTS[0],
    b: CutB = ABC_CUTS[1],
    top: Top = Decimal("0.2"),
) -> Order:
    """The window is all that was up to as_of unless `from` is given."""
    tiering = Tiering(measure=measure, cuts=checked(lambda: cuts_of(a, b)))
    return Order(tiering=tiering, window=checked(lambda: window_of(first, as_of)), top=top)


TierOrder = Annotated[Order, Depends(tier_order)]
ProductOrder = Annotated[Order, Depends(product_order)]


@router.get("/tiers", summary="Customers by tier")
async def customer_tiers(figures: Sold, page: Page, order: TierOrder, customer: Customer = None) -> CustomerRanking:
    """R-047..R-053, R-058: all customers, ranked by amount, then id; with a customer, its place among all."""
    scope = await figures.scope(None, order.window)
    ranked = tiers.of_customers(scope, order.tiering, groups.of(scope, order.within))
    query, by = tiers.page(ranked, customer)
    return CustomerRanking(
        **await _rankings(figures, scope, order, ranked),
        members=await figures.page(page, query, *by, make=lambda row: RankedRow(**_place(row))),
    )


@router.get("/tiers/explain", summary="The events behind a customer's place")
async def explain_tier(
    figures: Sold, page: Page, order: TierOrder, customer: Customer = None, part: Part = "numerator"
) -> Explanation:
    """Parts: numerator (the customer's amount), denominator (everybody's in its group); the share is their ratio."""
    scope, own = await figures.scope(None, order.window), await figures.scope(customer, order.window)
    measure, of = order.tiering.measure, groups.of(scope, order.within)
    parts = {
        "numerator": ranked_entries(own, measure),
        "denominator": groups.beside(ranked_entries(scope, measure), of, customer),
    }
    return await figures.explain(page, scope, parts, part)


@router.get("/products", summary="Products by class")
async def products(figures: Ordered, page: Page, order: ProductOrder, customer: Customer = None) -> ProductRanking:
    """R-076, R-077: ABC over products; amounts no product explains (rounding, whole invoices) are left out.

    With a customer, the products it bought, by what it bought.
    """
    scope = await figures.scope(customer, order.window)
    ranked = tiers.of_products(scope, order.tiering)
    query, by = tiers.page(tiers.with_margins(ranked, scope), None)
    return ProductRanking(
        **await _rankings(figures, scope, order, ranked),
        customer=customer,
        members=await figures.page(page, query, *by, make=_product),
    )


@router.get("/products/potential", summary="Products a customer might buy more of")
async def potential(
    figures: Ordered, page: Page, order: ProductOrder, customer: OneCustomer, below: Below = Decimal("0.5")
) -> PotentialFigure:
    """R-082: products that make less than `below` x their share of all at this customer, the most lacking first.

    Their amounts are taken apart by /products/explain, of the customer and of all.
    """
    everybody, own = await figures.scope(None, order.window), await figures.scope(customer, order.window)
    measure = order.tiering.measure
    found = potentials(
        await figures.measures.by_product(everybody, measure), await figures.measures.by_product(own, measure), below
    )
    return PotentialFigure(
        **figures.stated,
        currency=everybody.currency or "",
        customer=customer,
        measure=measure,
        window=order.window,
        below=below,
        products=page.of(found, lambda row: (row.rank,)),
    )


@router.get("/products/explain", summary="The events behind a product's place")
async def explain_product(
    figures: Ordered,
    page: Page,
    order: ProductOrder,
    product: Product,
    customer: Customer = None,
    part: Part = "numerator",
) -> Explanation:
    """Parts: numerator (the product's amount), denominator (that of all), gross_profit and with_cost (its margin)."""
    scope, name = await figures.scope(customer, order.window), sales.part_of(order.tiering.measure)
    parts: dict[str, Selection] = {
        "numerator": sales.entries(scope, name, product=product),
        "denominator": sales.entries(scope, name, products=True),
        "gross_profit": sales.entries(scope, "gross_profit", product=product),
        "with_cost": sales.entries(scope, "with_cost", product=product),
    }
    return await figures.explain(page, scope, parts, part)


async def _rankings(figures: Figures, scope: Scope, order: Order, ranked: Selection) -> dict[str, Any]:
    """The fields of Rankings."""
    found = tiers.tiered_groups(await figures.facts.rows(tiers.by_tier(ranked, order.tiering, order.top)))
    amounts = together(found)
    return {
        **figures.stated,
        **dict(order.tiering),
        "currency": scope.currency or "",
        "window": order.window,
        "within": order.within,
        "top": order.top,
        "total": sum((group.total for group in found), Decimal(0)),
        "tiers": {tier.tier: tier.members for tier in amounts},
        "amounts": amounts,
        "groups": found,
    }


def _place(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("rank", "subject", "amount", "tier")
    place = Ranked(**{name: row[name] for name in ("name", "before", "total", "members", *names)})
    shares = {name: getattr(place, name) for name in ("share", "share_before", "cumulative_share")}
    return {"group": row["name"], **{name: row[name] for name in names}, **shares}


def _product(row: Mapping[Any, Any]) -> ProductRow:
    named = {name: row[name] for name in ("quantity", "quantity_before", "gross_profit")}
    margin = ratio(row["gross_profit"], row["with_cost"], reason=NO_COST).value
    return ProductRow(**_place(row), **named, margin=margin, change=change(row["quantity"], row["quantity_before"]))

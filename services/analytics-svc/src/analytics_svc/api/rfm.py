"""RFM: customers scored by how lately, how often and for how much they ordered."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from analytics_svc.answering import Customer, Explanation, Figure, Figures, First, Page, Part, checked, over
from analytics_svc.domain.figures import Measure, Window, ratio, window_of
from analytics_svc.domain.rfm import BINS, SEGMENTS
from analytics_svc.projections import customers, receivables, rfm, sales, terms
from analytics_svc.projections.rfm import Sort
from analytics_svc.projections.stored import ranked_entries
from chassis.context import Paged
from chassis.routes import Routes
from events.base import Amount

router = Routes(tags=["figures"])
Bought = Annotated[Figures, over(sales.VIEW, receivables.VIEW, terms.VIEW, customers.VIEW)]
Monetary = Annotated[Measure, Query(description="What is spent is measured by.")]
Bins = Annotated[int, Query(ge=2, le=10, description="Quantiles a score counts.")]
SegmentCode = Literal["champions", "to_develop", "to_keep", "to_retain", "regulars", "new", "fading", "lost"]
OfSegment = Annotated[SegmentCode | None, Query(description="Only customers of this segment.", examples=["to_keep"])]
SortedBy = Annotated[Sort, Query(description="By customer, or by a value, the largest first.")]


class RfmRow(BaseModel):
    """A customer's orders, and its scores: 1 the lowest; equal values have equal scores."""

    customer: str
    last_order: date
    recency_days: int
    frequency: int
    monetary: Amount
    recency_score: int
    frequency_score: int
    monetary_score: int
    segment: SegmentCode


class SegmentRow(BaseModel):
    """A segment, its names, and its share of what all spent."""

    segment: str
    meaning: str
    zh: str
    customers: int
    monetary: Amount
    share: Decimal | None


class RfmFigure(Figure):
    """The scored customers on this page, and the segments of all. Customers without an order are not scored."""

    measure: Measure
    window: Window
    bins: int
    scored: int
    without_orders: int
    segments: list[SegmentRow]
    customers: Paged[RfmRow] = Field(description="Scored among all customers, also when only some are shown.")


@router.get("/rfm", summary="Customers by recency, frequency and monetary value")
async def recency_frequency_monetary(
    figures: Bought,
    page: Page,
    measure: Monetary = "sales",
    first: First = None,
    bins: Bins = BINS,
    customer: Customer = None,
    segment: OfSegment = None,
    sort: SortedBy = "customer",
) -> RfmFigure:
    """R-068: days since the last order, orders (cancelled ones too), the measure's sum; each scored by quantile."""
    window = checked(lambda: window_of(first, figures.point.as_of))
    scope = await figures.scope(None, window)
    query, order = rfm.page(scope, measure, bins, customer, segment, sort)
    found = {r["segment"]: r for r in await figures.facts.rows(rfm.by_segment(scope, measure, bins))}
    scored = sum(r["customers"] for r in found.values())
    return RfmFigure(
        **figures.stated,
        currency=scope.currency or "",
        measure=measure,
        window=window,
        bins=bins,
        scored=scored,
        without_orders=max(0, await figures.measures.customers(scope) - scored),
        segments=_segments(found),
        customers=await figures.page(page, query, *order, make=RfmRow.model_validate, descending=sort != "customer"),
    )


def _segments(found: Mapping[str, Mapping[Any, Any]]) -> list[SegmentRow]:
    nothing = {"customers": 0, "monetary": Decimal(0)}
    rows = [(s, found.get(s.code, nothing)) for s in SEGMENTS.values()]
    total = sum((row["monetary"] for _, row in rows), Decimal(0))
    return [
        SegmentRow(
            segment=s.code,
            meaning=s.en,
            zh=s.zh,
            customers=row["customers"],
            monetary=row["monetary"],
            share=ratio(row["monetary"], total).value,
        )
        for s, row in rows
    ]


@router.get("/rfm/explain", summary="The events behind recency, frequency and monetary value")
async def explain(
    figures: Bought,
    page: Page,
    measure: Monetary = "sales",
    first: First = None,
    customer: Customer = None,
    part: Part = "monetary",
) -> Explanation:
    """Parts: recency (the orders of the last day with one), frequency (all orders, each as one), monetary."""
    scope = await figures.scope(customer, checked(lambda: window_of(first, figures.point.as_of)))
    parts = {
        "recency": sales.last_orders(scope),
        "frequency": sales.counted(scope, "orders"),
        "monetary": ranked_entries(scope, measure),
    }
    return await figures.explain(page, scope, parts, part, counted={"recency", "frequency"})

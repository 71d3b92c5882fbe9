"""How old receivables are: of all or one customer, as a matrix of groups and buckets, with the events behind."""

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from analytics_svc.answering import Customer, Explanation, Figure, Figures, Page, checked, one_of, over
from analytics_svc.domain.ageing import AgedGroup, Disputed, aged_group, columns
from analytics_svc.domain.figures import Basis, Edges, edges_of
from analytics_svc.domain.measures import Bucket, aged
from analytics_svc.domain.periods import GroupBy
from analytics_svc.projections import ageing as selections
from analytics_svc.projections import complaints, customers, groups, profiles, receivables, sales, terms
from chassis.context import Paged
from chassis.routes import Routes
from events.base import Amount

router = Routes(tags=["figures"])
Owed = Annotated[Figures, over(receivables.VIEW, complaints.VIEW, terms.VIEW, customers.VIEW)]
Known = Annotated[
    Figures, over(receivables.VIEW, complaints.VIEW, sales.VIEW, terms.VIEW, profiles.VIEW, customers.VIEW)
]
EdgeText = Annotated[str | None, Query(alias="edges", description="Upper edges in days.", examples=["30,60,90,120"])]
ByDate = Annotated[Basis, Query(description="Aged by due date, or by the date of the invoice.")]
WithDisputed = Annotated[Disputed, Query(description="With amounts in dispute, without them, or only these.")]
GroupedBy = Annotated[GroupBy, Query(description="What customers are grouped by, as known of them at as_of.")]
GroupName = Annotated[str | None, Query(description="Only the group of this name.", examples=["dealer"])]
SortedBy = Annotated[str, Query(description="name, outstanding, unallocated or a bucket; amounts largest first.")]


Part = Annotated[str | None, Query(description="The bucket; the first one else.", examples=["31-60"])]


class AgeingFigure(Figure):
    """R-119. The buckets, unallocated cash among them as a negative row, add up to `outstanding`.

    Without disputed amounts that is what is outstanding less those, and with `disputed=only` those alone.
    """

    customer: str | None
    edges: list[int]
    basis: Basis
    disputed: Disputed
    buckets: list[Bucket]
    outstanding: Amount


class AgeingMatrix(Figure):
    """Every group with something open. The rows of all pages add up to `total`, bucket by bucket."""

    by: GroupBy
    edges: list[int]
    basis: Basis
    disputed: Disputed
    total: AgedGroup
    rows: Paged[AgedGroup]


async def edges_asked(edges: EdgeText = None, basis: ByDate = "due") -> Edges:
    """The buckets asked for."""
    return checked(lambda: edges_of(edges, basis))


Buckets = Annotated[Edges, Depends(edges_asked)]


@router.get("/ageing", summary="How old the receivables are")
async def ageing(
    figures: Owed, edges: Buckets, customer: Customer = None, disputed: WithDisputed = "included"
) -> AgeingFigure:
    """Open amounts by days overdue, or since the invoice; edges are inclusive above, due today is current."""
    scope = await figures.scope(customer)
    buckets = aged(await figures.measures.by_date(scope, edges.basis, disputed), figures.point.as_of, edges)
    return AgeingFigure(
        **figures.stated,
        currency=scope.currency or "",
        customer=customer,
        edges=list(edges.upper),
        basis=edges.basis,
        disputed=disputed,
        buckets=buckets,
        outstanding=sum((b.amount for b in buckets), Decimal(0)),
    )


@router.get("/ageing/matrix", summary="How old the receivables of each customer or group are")
async def matrix(
    figures: Known,
    page: Page,
    edges: Buckets,
    by: GroupedBy = "customer",
    disputed: WithDisputed = "included",
    sort: SortedBy = "name",
) -> AgeingMatrix:
    """Customers by buckets, or groups of them; those with nothing open and nothing unallocated are left out."""
    one_of("sort", sort, ("name", "outstanding", *columns(edges)))
    scope = await figures.scope()
    query, order = selections.page(scope, edges, disputed, groups.of(scope, by), sort)
    buckets = aged(await figures.measures.by_date(scope, edges.basis, disputed), figures.point.as_of, edges)
    return AgeingMatrix(
        **figures.stated,
        currency=scope.currency or "",
        by=by,
        edges=list(edges.upper),
        basis=edges.basis,
        disputed=disputed,
        total=AgedGroup(name="", buckets=buckets, outstanding=sum((b.amount for b in buckets), Decimal(0))),
        rows=await figures.page(
            page, query, *order, make=lambda row: aged_group(row, edges), descending=sort != "name"
        ),
    )


@router.get("/ageing/explain", summary="The events behind a bucket")
async def explain_ageing(
    figures: Known,
    page: Page,
    edges: Buckets,
    customer: Customer = None,
    by: GroupedBy = "company",
    group: GroupName = None,
    disputed: WithDisputed = "included",
    part: Part = None,
) -> Explanation:
    """Parts: the buckets by name, and unallocated. A dispute is the event that opened its complaint."""
    scope = await figures.scope(customer)
    of = groups.of(scope, by)
    parts = {name: groups.only(q, of, group) for name, q in selections.entries(scope, edges, disputed).items()}
    return await figures.explain(page, scope, parts, part or edges.names[0])

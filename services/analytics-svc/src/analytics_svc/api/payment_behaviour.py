"""How customers pay: averages, lateness by bucket, each customer, each with its explanation."""

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from analytics_svc.answering import Customer, Explanation, Figure, Figures, First, Page, Part, checked, over
from analytics_svc.api.ageing import EdgeText
from analytics_svc.domain.ageing import Disputed
from analytics_svc.domain.figures import Window, edges_of
from analytics_svc.domain.payment_behaviour import (
    Behaviour,
    LateBucket,
    Lateness,
    LatenessRule,
    Payer,
    Payers,
    behaviour,
    bucketed,
    lateness_rule,
)
from analytics_svc.projections import complaints, customers, payment_behaviour, receivables, terms
from chassis.context import Paged
from chassis.routes import Routes

router = Routes(tags=["figures"])
Paid = Annotated[Figures, over(receivables.VIEW, complaints.VIEW, terms.VIEW, customers.VIEW)]
USUAL = LatenessRule()
COUNTED = frozenset({"instalments", "late", "days_to_pay", "days_late"})
HighShare = Annotated[Decimal, Query(description="High above this share of instalments paid late.")]
HighDays = Annotated[Decimal, Query(ge=0, description="High above so many days late on average.")]
MediumShare = Annotated[Decimal, Query(description="Medium above this share of instalments paid late.")]
OfDisputed = Annotated[
    Disputed,
    Query(
        description="With instalments of invoices of which a complaint disputed an amount (whatever became of it), "
        "without them, or only these."
    ),
]
OnlyLateness = Annotated[Lateness | None, Query(description="Only customers as late as this.")]


class PaymentBehaviourFigure(Figure, Behaviour):
    """`sums` is what /explain takes apart; the averages are made of them."""

    customer: str | None
    window: Window
    disputed: Disputed
    edges: list[int]
    buckets: list[LateBucket]


class CustomerBehaviour(Behaviour):
    customer: str
    lateness: Lateness


class CustomersBehaviour(Figure):
    """`lateness` counts the customers of each group by `rule`."""

    window: Window
    disputed: Disputed
    rule: LatenessRule
    lateness: dict[Lateness, int]
    customers: Paged[CustomerBehaviour]


@router.get("/payment-behaviour", summary="How fast and how reliably invoices are paid")
async def paid(
    figures: Paid,
    customer: Customer = None,
    first: First = None,
    edges: EdgeText = None,
    disputed: OfDisputed = "included",
) -> PaymentBehaviourFigure:
    """Instalments paid in full, by the day of their last payment: days late (early: 0), days to pay, and how spread."""
    steps, window = checked(lambda: edges_of(edges)), Window(first=first, last=figures.point.as_of)
    scope = await figures.scope(customer, window)
    found = behaviour(await figures.measures.paid(scope, disputed))
    return PaymentBehaviourFigure(
        **figures.stated,
        currency=scope.currency or "",
        customer=customer,
        window=window,
        disputed=disputed,
        edges=list(steps.upper),
        buckets=bucketed(await figures.measures.paid_by_days_late(scope, disputed), steps),
        **dict(found),
    )


def rule_of(
    high_share: HighShare = USUAL.high_share,
    high_days: HighDays = USUAL.high_days,
    medium_share: MediumShare = USUAL.medium_share,
) -> LatenessRule:
    """The rule of the lateness groups."""
    return checked(lambda: lateness_rule(high_share, high_days, medium_share))


@router.get("/payment-behaviour/customers", summary="How each customer pays")
async def paid_by_customer(
    figures: Paid,
    page: Page,
    rule: Annotated[LatenessRule, Depends(rule_of)],
    first: First = None,
    lateness: OnlyLateness = None,
    disputed: OfDisputed = "included",
) -> CustomersBehaviour:
    """Every customer that paid an instalment in full, ordered by id, and how late it pays: high, medium or low."""
    window = Window(first=first, last=figures.point.as_of)
    scope = await figures.scope(None, window)
    payers = Payers.of(await figures.measures.paid_by_customer(scope, disputed), rule)
    return CustomersBehaviour(
        **figures.stated,
        currency=scope.currency or "",
        window=window,
        disputed=disputed,
        rule=rule,
        lateness=payers.counts,
        customers=page.of([_row(p) for p in payers.shown(lateness)], lambda row: (row.customer,)),
    )


def _row(payer: Payer) -> CustomerBehaviour:
    return CustomerBehaviour(customer=payer.customer, lateness=payer.lateness, **dict(behaviour(payer.sums)))


@router.get("/payment-behaviour/explain", summary="The events behind a payment behaviour")
async def explain_paid(
    figures: Paid,
    page: Page,
    customer: Customer = None,
    first: First = None,
    edges: EdgeText = None,
    part: Part = "days_late",
    disputed: OfDisputed = "included",
) -> Explanation:
    """Parts: the members of `sums`, the buckets by name (their amounts); of each instalment its last payment."""
    steps = checked(lambda: edges_of(edges))
    scope = await figures.scope(customer, Window(first=first, last=figures.point.as_of))
    parts = payment_behaviour.entries(scope, steps, disputed)
    return await figures.explain(page, scope, parts, part, alone=True, counted=COUNTED)

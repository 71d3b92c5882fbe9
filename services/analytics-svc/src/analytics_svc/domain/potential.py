"""R-082: which products a customer might buy more of, by comparison with what all customers buy."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import Field

from analytics_svc.domain.figures import rounded
from analytics_svc.domain.tiers import share_of
from events.base import Amount, Value


class Potential(Value):
    """A product that makes less of the customer's amount than of all: it lacks `potential` to the same share."""

    rank: int
    product: str = Field(examples=["S18_1749"])
    own: Amount
    own_share: Decimal | None
    share_of_all: Decimal | None
    potential: Amount


def potentials(everybody: Mapping[str, Decimal], own: Mapping[str, Decimal], below: Decimal) -> list[Potential]:
    """The products that make less than `below` x their share of all at the customer, the most lacking first.

    Nothing where either has bought nothing: there is no share then.
    """
    whole, mine = sum(everybody.values(), Decimal(0)), sum(own.values(), Decimal(0))
    if whole <= 0 or mine <= 0:
        return []
    lacking = {
        product: amount * mine / whole - own.get(product, Decimal(0))
        for product, amount in everybody.items()
        if own.get(product, Decimal(0)) * whole < below * amount * mine
    }
    order = sorted(lacking, key=lambda product: (-lacking[product], product))
    return [
        Potential(
            rank=rank,
            product=product,
            own=own.get(product, Decimal(0)),
            own_share=share_of(own.get(product, Decimal(0)), mine),
            share_of_all=share_of(everybody[product], whole),
            potential=rounded(lacking[product], 2),
        )
        for rank, product in enumerate(order, 1)
    ]

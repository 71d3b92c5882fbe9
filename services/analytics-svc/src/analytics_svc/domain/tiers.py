"""Tiers of customers and products: ABC by cumulative share of amount (R-047..R-049), VIP by rank (R-050..R-053).

Subjects are ordered by amount descending, then by id. ABC: class A while the cumulative share **before** a subject is
below the first cut, B while it is below the second, else C; without a total above zero there is no share and all are C.
VIP goes by rank alone: the first 1 %, to 5 %, to 20 % of the subjects, their number rounded up, and the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from analytics_svc.domain.figures import CutsNotRising, Measure, rounded
from events.base import Amount, Value

Scheme = Literal["ABC", "VIP"]
ABC_CUTS = (Decimal("0.80"), Decimal("0.95"))
VIP_SHARES = (("VIP", Decimal("0.01")), ("main", Decimal("0.05")), ("ordinary", Decimal("0.20")))
"""Rank shares of the number of customers; the rest are ``small``."""
BANDS = {"VIP": (Decimal("0.70"), Decimal("0.80")), "main": (Decimal("0.10"), Decimal("0.20"))}
"""R-058: the share of the total that the scheme expects of a tier; of the others it says nothing."""


class Cuts(Value):
    """Class A while the cumulative share before the subject is below `a`, B while below `b`, else C."""

    a: Decimal = ABC_CUTS[0]
    b: Decimal = ABC_CUTS[1]


def cuts_of(a: Decimal, b: Decimal) -> Cuts:
    """Raises CutsNotRising."""
    if not 0 < a <= b <= 1:
        raise CutsNotRising(cuts=f"{a}, {b}")
    return Cuts(a=a, b=b)


class Tiering(Value):
    """How customers or products are divided: by which measure, by which scheme, and at which cuts."""

    measure: Measure = "sales"
    scheme: Scheme = "ABC"
    cuts: Cuts = Cuts()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A subject's place within its group of `members`, which together have the amount `total`.

    `before`: the cumulative amount without it; shares are of `total`, null where that is not above zero.
    """

    name: str
    rank: int
    subject: str
    amount: Decimal
    before: Decimal
    total: Decimal
    members: int
    tier: str

    @property
    def share(self) -> Decimal | None:
        return share_of(self.amount, self.total)

    @property
    def share_before(self) -> Decimal | None:
        return share_of(self.before, self.total)

    @property
    def cumulative_share(self) -> Decimal | None:
        return share_of(self.before + self.amount, self.total)


class TierShare(Value):
    """R-058: what the members of a tier make of the total; `expected` is the band the scheme states, if any."""

    tier: str = Field(examples=["A"])
    members: int
    amount: Amount
    share: Decimal | None = Field(examples=["0.78"])
    expected: tuple[Decimal, Decimal] | None
    as_expected: bool | None


class TieredGroup(Value):
    """A group that was divided by itself (R-048), named as in `within`; one without a name: all."""

    name: str = Field(examples=["dealer"])
    members: int
    total: Amount
    top_share: Annotated[
        Decimal | None, Field(description="R-047: the share of the total that the first `top` of the members make.")
    ]
    within_first_cut: Annotated[
        int, Field(description="Members whose cumulative share, themselves included, is at most cut A: others' rule.")
    ]
    tiers: list[TierShare]


def together(groups: Iterable[TieredGroup]) -> list[TierShare]:
    """What the members of each tier make of the total over all groups."""
    found: dict[str, tuple[int, Decimal]] = {}
    total = Decimal(0)
    for group in groups:
        total += group.total
        for tier in group.tiers:
            members, amount = found.get(tier.tier, (0, Decimal(0)))
            found[tier.tier] = members + tier.members, amount + tier.amount
    return [tier_share(tier, members, amount, total) for tier, (members, amount) in found.items()]


def tier_share(tier: str, members: int, amount: Decimal, total: Decimal) -> TierShare:
    """A tier's share of the total, against the band stated for it."""
    share, band = share_of(amount, total), BANDS.get(tier)
    met = None if share is None or band is None else band[0] <= share <= band[1]
    return TierShare(tier=tier, members=members, amount=amount, share=share, expected=band, as_expected=met)


def share_of(amount: Decimal, total: Decimal) -> Decimal | None:
    """The part of the total, to 6 places."""
    return rounded(amount / total, 6) if total > 0 else None

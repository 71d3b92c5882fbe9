"""Tiers of customers and products: ABC by cumulative share of amount (R-047..R-049), VIP by rank (R-050..R-053)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from analytics_svc.domain.figures import CutsNotRising, rounded
from events.base import Amount, Value

Scheme = Literal["ABC", "VIP"]
ABC_CUTS = (Decimal("0.80"), Decimal("0.95"))
VIP_SHARES = (("VIP", Decimal("0.01")), ("main", Decimal("0.05")), ("ordinary", Decimal("0.20")))
"""Rank shares of the number of customers; the rest are ``small``."""


class Cuts(Value):
    """Class A while the cumulative share before the subject is below `a`, B while below `b`, else C."""

    a: Decimal = ABC_CUTS[0]
    b: Decimal = ABC_CUTS[1]


def cuts_of(a: Decimal, b: Decimal) -> Cuts:
    """Raises CutsNotRising."""
    if not 0 < a <= b <= 1:
        raise CutsNotRising(cuts=f"{a}, {b}")
    return Cuts(a=a, b=b)


class TierAmount(Value):
    """What the members of a tier add up to."""

    tier: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Ranked:
    """A subject's place. `before` and `cumulative`: cumulative amounts without and with it; shares are of `total`."""

    rank: int
    subject: str
    amount: Decimal
    before: Decimal
    total: Decimal
    tier: str

    @property
    def cumulative(self) -> Decimal:
        return self.before + self.amount

    @property
    def share(self) -> Decimal | None:
        return self._of(self.amount)

    @property
    def share_before(self) -> Decimal | None:
        return self._of(self.before)

    @property
    def cumulative_share(self) -> Decimal | None:
        return self._of(self.cumulative)

    def _of(self, amount: Decimal) -> Decimal | None:
        return rounded(amount / self.total, 6) if self.total > 0 else None


def ranked(amounts: Iterable[tuple[str, Decimal]], scheme: Scheme = "ABC", cuts: Cuts | None = None) -> list[Ranked]:
    """Every subject with its tier, ordered by amount descending, then by id.

    Without a total above zero there is no share: all are then C (ABC); VIP goes by rank alone.
    """
    order = sorted(amounts, key=lambda s: (-s[1], s[0]))
    total = sum((amount for _, amount in order), Decimal(0))
    found: list[Ranked] = []
    before = Decimal(0)
    for rank, (subject, amount) in enumerate(order, 1):
        tier = _abc(before, total, cuts or Cuts()) if scheme == "ABC" else _vip(rank, len(order))
        found.append(Ranked(rank, subject, amount, before, total, tier))
        before += amount
    return found


def amounts_of(ranking: Sequence[Ranked]) -> list[TierAmount]:
    """What the members of each tier add up to, in the order of the ranking."""
    found: dict[str, Decimal] = {}
    for r in ranking:
        found[r.tier] = found.get(r.tier, Decimal(0)) + r.amount
    return [TierAmount(tier=tier, amount=amount) for tier, amount in found.items()]


def within(ranking: Sequence[Ranked], cut: Decimal) -> int:
    """How many have a cumulative share, themselves included, of at most `cut`: the inclusive rule others use."""
    return sum(1 for r in ranking if r.total > 0 and r.cumulative <= cut * r.total)


def top_share(ranking: Sequence[Ranked], part: Decimal) -> Decimal | None:
    """R-047: the share of the total that the first `part` of the subjects make (their number rounded up)."""
    n = _ceiling(part * len(ranking))
    return ranking[n - 1].cumulative_share if n else None


def of_subject(ranking: Sequence[Ranked], subject: str | None) -> list[Ranked]:
    """The places of one subject, or all."""
    return [r for r in ranking if subject in (None, r.subject)]


def _abc(before: Decimal, total: Decimal, cuts: Cuts) -> str:
    if total <= 0:
        return "C"
    if before < cuts.a * total:
        return "A"
    return "B" if before < cuts.b * total else "C"


def _vip(rank: int, count: int) -> str:
    return next((tier for tier, share in VIP_SHARES if rank <= _ceiling(share * count)), "small")


def _ceiling(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))

"""How customers pay: days from the invoice and from the due date until an instalment was paid in full.

An instalment counts once nothing of it is open and money closed it at least in part; what credit notes alone closed was
never paid. It was paid on the last day on which money was set against it. Days late are counted from the due date, and
paid early is 0 days late.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from analytics_svc.domain.figures import Edges, ratio, rounded
from engine.decider import Rejected
from events.base import Amount, Value

ZERO = Decimal(0)
NOTHING_PAID = "nothing_paid_in_window"
PLACES = 6
Lateness = Literal["high", "medium", "low"]
"""How reliably a customer pays late (拖欠程度 高, 中, 低); not the risk class CA1..CA5, which credit decides."""


class PaidSums(Value):
    """What the averages are made of; each is the sum of its members."""

    instalments: int = 0
    """Paid in full."""
    late: int = 0
    """Of those, paid after the due date."""
    amount: Amount = ZERO
    """Of the instalments, gross of tax."""
    paid: Amount = ZERO
    """The money that closed them: less than `amount` where credit notes did, too."""
    days_to_pay: int = 0
    """From the invoice date."""
    days_late: int = 0
    days_late_squared: int = 0
    most_days_late: int = 0
    paid_days: Decimal = ZERO
    """Each sum of money times the days from the invoice date to its value date."""


class Behaviour(Value):
    """The averages, to 6 places; null with the `reason` where nothing was paid in full."""

    sums: PaidSums
    mean_amount: Decimal | None = Field(examples=["59.895856"])
    late_share: Decimal | None = Field(description="Of the instalments paid in full.", examples=["0.355637"])
    mean_days_to_pay: Decimal | None = Field(examples=["26.444850"])
    weighted_days_to_pay: Decimal | None = Field(
        description="sum(money x days from the invoice date) / sum(money).", examples=["26.512345"]
    )
    mean_days_late: Decimal | None = Field(description="Paid early counts as 0.", examples=["3.442417"])
    mean_days_late_of_late: Decimal | None = Field(description="Of those paid late only.", examples=["9.679590"])
    sd_days_late: Decimal | None = Field(description="Standard deviation of a sample.", examples=["6.290607"])
    reason: str | None


@dataclass(frozen=True, slots=True)
class PaidOn:
    """Instalments paid in full so many days late."""

    days_late: int
    instalments: int
    amount: Decimal


class LateBucket(Value):
    """Instalments by days late when they were paid in full."""

    bucket: str = Field(examples=["1-30"])
    instalments: int
    amount: Amount


def bucketed(paid: Sequence[PaidOn], edges: Edges) -> list[LateBucket]:
    """Every bucket, with what was paid so late; `current` is what was paid by its due date."""
    found = {name: LateBucket(bucket=name, instalments=0, amount=ZERO) for name in edges.names}
    for p in paid:
        name = edges.bucket(p.days_late)
        before = found[name]
        more = {"instalments": before.instalments + p.instalments, "amount": before.amount + p.amount}
        found[name] = before.model_copy(update=more)
    return list(found.values())


def behaviour(sums: PaidSums) -> Behaviour:
    """The averages of these sums."""
    n = Decimal(sums.instalments)
    return Behaviour(
        sums=sums,
        mean_amount=_over(sums.amount, n),
        late_share=_over(sums.late, n),
        mean_days_to_pay=_over(sums.days_to_pay, n),
        weighted_days_to_pay=_over(sums.paid_days, sums.paid),
        mean_days_late=_over(sums.days_late, n),
        mean_days_late_of_late=_over(sums.days_late, Decimal(sums.late)),
        sd_days_late=_deviation(sums),
        reason=None if n else NOTHING_PAID,
    )


def _over(numerator: Decimal | int, denominator: Decimal) -> Decimal | None:
    return ratio(Decimal(numerator), denominator, places=PLACES).value


def _deviation(sums: PaidSums) -> Decimal | None:
    if sums.instalments < 2:
        return None
    n = Decimal(sums.instalments)
    spread = sums.days_late_squared - Decimal(sums.days_late) ** 2 / n
    return rounded((spread / (n - 1)).sqrt(), PLACES)


class LatenessNotFalling(Rejected):
    """The share {high} for high lateness must lie above the one for medium, {medium}, and both within 0 and 1."""

    zh: ClassVar[str] = "“高”的逾期比例 {high} 必须大于“中”的 {medium}，且二者都在 0 与 1 之间。"


class LatenessRule(Value):
    """High: more than `high_share` of the instalments late, or more than `high_days` on average; medium: more than
    `medium_share` late; else low. The defaults are those the published risk groups of the AR history used.
    """

    high_share: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.5")
    high_days: Annotated[Decimal, Field(ge=0)] = Decimal(10)
    medium_share: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.2")

    def lateness(self, sums: PaidSums) -> Lateness:
        """The group of a customer that has paid something; exact, not by the rounded averages."""
        n = sums.instalments
        if sums.late > self.high_share * n or sums.days_late > self.high_days * n:
            return "high"
        return "medium" if sums.late > self.medium_share * n else "low"


def lateness_rule(high_share: Decimal, high_days: Decimal, medium_share: Decimal) -> LatenessRule:
    """The rule of these cuts. Raises LatenessNotFalling."""
    if not 0 <= medium_share < high_share <= 1:
        raise LatenessNotFalling(high=str(high_share), medium=str(medium_share))
    return LatenessRule(high_share=high_share, high_days=high_days, medium_share=medium_share)


@dataclass(frozen=True, slots=True)
class Payer:
    customer: str
    sums: PaidSums
    lateness: Lateness


@dataclass(frozen=True, slots=True)
class Payers:
    """The customers that paid something in full, ordered by id."""

    everybody: Sequence[Payer]

    @classmethod
    def of(cls, found: Sequence[tuple[str, PaidSums]], rule: LatenessRule) -> "Payers":
        """Each with its lateness by `rule`."""
        return cls([Payer(customer, sums, rule.lateness(sums)) for customer, sums in found])

    def shown(self, only: Lateness | None) -> list[Payer]:
        """All, or those as late as that."""
        return [p for p in self.everybody if only in (None, p.lateness)]

    @property
    def counts(self) -> dict[Lateness, int]:
        """How many customers are how late."""
        found = Counter(p.lateness for p in self.everybody)
        return {name: found[name] for name in get_args(Lateness)}


RULES = (LatenessNotFalling,)

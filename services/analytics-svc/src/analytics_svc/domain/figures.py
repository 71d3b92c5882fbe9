"""What the figures mean: windows, ageing buckets, ratios. Pure arithmetic over amounts somebody else added up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.decider import Rejected
from events.base import Amount, Value

Measure = Literal["sales", "order_intake", "gross_profit", "paid"]
"""What customers are ranked by. Sales = billed, less tax, less credit notes; gross profit is that on order intake."""
Basis = Literal["due", "document"]
"""What an amount's age is counted from: the due date of its instalment, or the date of its invoice."""
UsedAmount = Literal["balance", "exposure"]
NO_SALES = "no_sales_in_window"
CURRENT = "current"
UNALLOCATED = "unallocated"

DEFAULT_EDGES = (30, 60, 90, 120)
"""Upper edges, inclusive, of the ageing buckets in days overdue (conventions; R-119)."""
DSO_DAYS = 90
"""Calendar days of the DSO window, ending at `as_of`."""


class NameACurrency(Rejected):
    """There are amounts in {currencies}; they are not added without a rate. Name one with ?currency=."""

    zh: ClassVar[str] = "存在多种货币的金额（{currencies}），没有汇率不能相加。请用 ?currency= 指定一种。"


class EdgesNotRising(Rejected):
    """The bucket edges {edges} must be whole days above zero, each larger than the one before."""

    zh: ClassVar[str] = "账龄分段 {edges} 必须是大于零的整天数，且逐个递增。"


class CutsNotRising(Rejected):
    """The cuts {cuts} must lie above 0 and at most at 1, the second not below the first."""

    zh: ClassVar[str] = "分级界限 {cuts} 必须大于 0 且不超过 1，后者不得小于前者。"


class WindowEndsBeforeItBegins(Rejected):
    """The window begins on {first}, after its end on {last}; give a `from` up to `as_of`."""

    zh: ClassVar[str] = "统计区间的起始日 {first} 晚于截止日 {last}；请使 from 不晚于 as_of。"


RULES = (NameACurrency, EdgesNotRising, CutsNotRising, WindowEndsBeforeItBegins)


@dataclass(frozen=True, slots=True)
class Point:
    """The two times of every figure: facts effective up to `as_of`, as far as recorded up to `known_at`."""

    as_of: date
    known_at: datetime


class Window(Value):
    """Business days from `first` to `last`, both included. `first` null: since the first fact."""

    first: date | None
    last: date

    @classmethod
    def of_days(cls, days: int, last: date) -> "Window":
        """The `days` calendar days that end with `last`."""
        return cls(first=last - timedelta(days=days - 1), last=last)


def window_of(first: date | None, last: date) -> Window:
    """The window from `first`, or from the first fact, to `last`. Raises WindowEndsBeforeItBegins."""
    if first is not None and first > last:
        raise WindowEndsBeforeItBegins(first=str(first), last=str(last))
    return Window(first=first, last=last)


def year_to(last: date) -> date:
    """The first day of the 12 months that end with `last`."""
    following = last + timedelta(days=1)
    leap_day = (following.month, following.day) == (2, 29)
    return following.replace(year=following.year - 1, day=28 if leap_day else following.day)


class Ratio(Value):
    """numerator / denominator x factor, of two amounts. `value` null where it cannot be said, with the `reason`."""

    value: Decimal | None
    numerator: Amount
    denominator: Amount
    factor: Decimal = Decimal(1)
    reason: str | None = None


def ratio(numerator: Decimal, denominator: Decimal, *, factor: int = 1, places: int = 6, reason: str = "") -> Ratio:
    """The ratio, rounded half up to `places`; with a denominator of zero or less it has no value, only `reason`."""
    known = denominator > 0
    return Ratio(
        value=rounded(numerator * factor / denominator, places) if known else None,
        numerator=numerator,
        denominator=denominator,
        factor=Decimal(factor),
        reason=None if known else reason,
    )


def dso(receivables: Decimal, sales: Decimal, days: int = DSO_DAYS) -> Ratio:
    """R-122, standard form: receivables at the end / sales of the window x its days, in days to two places.

    Sales = billed less credit notes, gross of tax, dated in the window.
    """
    return ratio(receivables, sales, factor=days, places=2, reason=NO_SALES)


def rounded(amount: Decimal, places: int) -> Decimal:
    """Half up, for presentation and the last step of a formula only."""
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


class Edges(Value):
    """The ageing buckets: `current` (0 days overdue or fewer), then up to each edge, then beyond the last.

    Aged by document date nothing is current: the first bucket begins with 0 days.
    """

    upper: Annotated[tuple[int, ...], Field(min_length=1, max_length=20)] = DEFAULT_EDGES
    basis: Basis = "due"

    @property
    def bounds(self) -> tuple[tuple[str, int | None, int | None], ...]:
        """Every bucket with its name and its least and most days, None where it is open."""
        by_due = self.basis == "due"
        lower = [1 if by_due else 0, *(edge + 1 for edge in self.upper)]
        ranges = [(f"{low}-{high}", low, high) for low, high in zip(lower, self.upper, strict=False)]
        return (*([(CURRENT, None, 0)] if by_due else []), *ranges, (f">{self.upper[-1]}", lower[-1], None))

    @property
    def names(self) -> tuple[str, ...]:
        """``current, 1-30, 31-60, 61-90, 91-120, >120``."""
        return tuple(name for name, _, _ in self.bounds)

    def days(self, bucket: str) -> tuple[int, int | None]:
        """The least and the most days of a bucket, from 0 on; None: no end."""
        _, low, high = self.bounds[self.names.index(bucket)]
        return low or 0, high

    def dates(self, bucket: str, as_of: date) -> tuple[date | None, date | None]:
        """First and last date of what is in a bucket at `as_of`, None where it is open."""
        _, low, high = self.bounds[self.names.index(bucket)]
        first = None if high is None else as_of - timedelta(days=high)
        return first, None if low is None else as_of - timedelta(days=low)

    def bucket(self, days: int) -> str:
        """The bucket of an amount so many days old; edges are inclusive above."""
        return next(name for name, _, high in self.bounds if high is None or days <= high)


def edges_of(text: str | None, basis: Basis = "due") -> Edges:
    """``30,60,90`` as edges, the default without a text. Raises EdgesNotRising."""
    if not text:
        return Edges(basis=basis)
    upper = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if not _rising(upper) or len(upper) > 20:
        raise EdgesNotRising(edges=text)
    return Edges(upper=tuple(upper), basis=basis)


def _rising(upper: Sequence[int]) -> bool:
    return all(low < high for low, high in zip([0, *upper], upper, strict=False))


def the_currency(named: str | None, present: Sequence[str], default: str) -> str:
    """The currency to answer in: the one named, else the only one there is. Raises NameACurrency for several."""
    if named or not present:
        return named or default
    if len(present) > 1:
        raise NameACurrency(currencies=", ".join(sorted(present)))
    return present[0]

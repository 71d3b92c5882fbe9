"""What figures are added up by: groups of customers; periods, the one before, calendar months; and what is added up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from analytics_svc.domain.figures import DSO_DAYS, Window

GroupBy = Literal["company", "type", "owner", "group", "city", "risk_class", "tier", "vip", "customer"]
"""What customers are grouped by, as it was known of them at the figure's point; company: all are one group.

`tier` is ABC, `vip` the tiers by rank, both by sales of the 12 months up to that day.
"""
By = Literal[GroupBy, "month"]
"""`month` groups no customers, but what happened: the calendar months of a window."""
Sum = Literal[
    "order_intake",
    "with_cost",
    "billed",
    "sales",
    "gross_profit",
    "paid",
    "orders",
    "period_sales",
    "opening",
    "outstanding",
    "current",
    "overdue",
    "credit_sales",
]
"""What is added up: what flows within a window, what stands at its end (`opening`: before it), the sales of the DSO.

`with_cost`: order intake of known cost. `period_sales` and `credit_sales`: billed less credit notes, gross of tax,
within the window and within that of the DSO. `current`: open instalments not yet due.
"""
SUMS: tuple[Sum, ...] = get_args(Sum)
FLOWS: tuple[Sum, ...] = SUMS[: SUMS.index("opening")]
"""Those that flow within a window; months add up to the whole."""


@dataclass(frozen=True, slots=True)
class Period:
    """A window, and the number of days of the DSO window that ends with it."""

    window: Window
    days: int = DSO_DAYS

    @property
    def first(self) -> date:
        """Raises ValueError for a window without a beginning."""
        if self.window.first is None:
            raise ValueError("a window without a beginning is no period")
        return self.window.first

    @property
    def last(self) -> date:
        return self.window.last

    @property
    def dso(self) -> Window:
        return Window.of_days(self.days, self.window.last)

    @property
    def reaches_back_to(self) -> date:
        """The first day of either window."""
        return min(self.first, self.dso.first or self.first)

    @property
    def name(self) -> str:
        """The month it ends in: ``2024-05``."""
        return f"{self.last:%Y-%m}"


def before(period: Period) -> Period:
    """The period right before: as many months where the window is whole months long, else as many days."""
    first, following = period.first, period.last + timedelta(days=1)
    day_before = first - timedelta(days=1)
    months = _months(following) - _months(first)
    if first.day == following.day and first.day <= 28:
        return Period(Window(first=_shifted(first, -months), last=day_before), period.days)
    return Period(Window.of_days((following - first).days, day_before), period.days)


def months_up_to(last: date, months: int) -> date:
    """The first day of the `months` months that end with `last`."""
    following = last + timedelta(days=1)
    shifted = _shifted(following.replace(day=min(following.day, 28)), -months)
    return shifted if following.day <= 28 else shifted + timedelta(days=1)


def calendar_months(window: Window, days: int = DSO_DAYS) -> list[Period]:
    """The calendar months of the window, each as far as it lies in it. Raises ValueError without a beginning."""
    whole = Period(window, days)
    found: list[Period] = []
    first = whole.first
    while first <= whole.last:
        following = _shifted(first.replace(day=1), 1)
        found.append(Period(Window(first=first, last=min(following - timedelta(days=1), whole.last)), days))
        first = following
    return found


def recent_months(last: date, months: int, days: int = DSO_DAYS) -> list[Period]:
    """The calendar month of `last`, up to that day, and the ones before it: so many together."""
    return calendar_months(Window(first=_shifted(last.replace(day=1), 1 - months), last=last), days)


def with_month_before(months: Sequence[Period]) -> list[Period]:
    """The months and one before the first, which ends where that begins."""
    first = months[0].first
    earlier = Window(first=_shifted(first.replace(day=min(first.day, 28)), -1), last=first - timedelta(days=1))
    return [Period(earlier, months[0].days), *months]


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _shifted(day: date, months: int) -> date:
    year, month = divmod(_months(day) + months, 12)
    return date(year, month + 1, day.day)

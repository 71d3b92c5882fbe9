"""The DSO family: how many days of sales are outstanding, by every convention that is told apart (R-122, R-124).

AR is what is outstanding (unallocated cash reduces it), C what of it is not yet due, O what is overdue, S the sales of
the last D days (billed less credit notes, gross of tax). Unallocated cash is negative: AR = C + O + cash.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from analytics_svc.domain.figures import NO_SALES, Ratio, dso, ratio, rounded
from analytics_svc.domain.periods import Period
from events.base import Amount, Value

MORE_THAN_EVER_SOLD = "receivables_exceed_all_sales"
NOTHING_TO_COLLECT = "nothing_to_collect"
NOTHING_SETTLED = "nothing_paid_in_full_in_window"
NO_STOCK_FACTS = "no_stock_facts"
NO_PAYABLES_FACTS = "no_payables_facts"
CEI_MONTHS = 3
Month = int
"""Year x 12 + number - 1."""


class FamilySums(Value):
    """What the family of one group is made of, at the end of a period; see `domain.periods`."""

    name: str
    customers: int
    opening: Decimal
    period_sales: Decimal
    outstanding: Decimal
    current: Decimal
    overdue: Decimal
    credit_sales: Decimal
    settled: Decimal = Decimal(0)
    settled_days: Decimal = Decimal(0)


class MonthSums(FamilySums):
    """The same at the end of the month with number `n`."""

    n: int


class Countback(Value):
    """DSO by exhaustion: the newest month's sales first, whole months while the receivables reach, then the fraction.

    Months without sales above zero are passed over and named.
    """

    value: Decimal | None = Field(examples=["73.71"])
    receivables: Amount
    months: list[str] = Field(description="Counted, newest first; the last one in part.", examples=[["2024-05"]])
    skipped: list[str]
    reason: str | None


class Effectiveness(Value):
    """CEI, monthly, in percent: what was collected of what could be.

    (opening + sales / months - closing) / (opening + sales / months - closing not yet due) x 100.
    """

    value: Decimal | None = Field(examples=["55.93"])
    opening: Amount
    sales: Amount
    months: int
    closing: Amount
    closing_current: Amount
    reason: str | None


class CashTiedUp(Value):
    """R-124, 资金积压期间: inventory + receivable - payable days; null where one is not known, with the reasons."""

    days: Decimal | None
    inventory_days: Decimal | None
    receivable_days: Annotated[
        Decimal | None, Field(description="(opening + closing receivables) / 2 / sales of the months x their days.")
    ]
    payable_days: Decimal | None
    reasons: list[str]


class DsoFamily(Value):
    """One group's figures; `name` is empty where the attribute is not known, or for all together."""

    name: str = Field(examples=["dealer"])
    customers: int
    dso: Ratio = Field(description="AR / S x D")
    best_possible: Ratio = Field(description="C / S x D")
    average_days_delinquent: Ratio = Field(description="DSO - best possible = (AR - C) / S x D")
    days_credit_granted: Ratio = Field(description="(AR - O) / S x D")
    delinquent: Ratio = Field(description="DSO - days credit granted = O / S x D")
    countback: Countback
    effectiveness: Effectiveness
    weighted_days_to_pay: Ratio = Field(
        description="sum(money x days from the invoice date) / sum(money), of instalments paid in full in the D days"
    )
    cash_tied_up: CashTiedUp


def family(sums: FamilySums, sales: Mapping[Month, Decimal], period: Period, months: int) -> DsoFamily:
    """The figures at the end of `period`, which is `months` long; `sales` are those of each calendar month by then."""
    ar, s, days = sums.outstanding, sums.credit_sales, period.days
    return DsoFamily(
        name=sums.name,
        customers=sums.customers,
        dso=dso(ar, s, days),
        best_possible=dso(sums.current, s, days),
        average_days_delinquent=dso(ar - sums.current, s, days),
        days_credit_granted=dso(ar - sums.overdue, s, days),
        delinquent=dso(sums.overdue, s, days),
        countback=countback(ar, sales, period.last),
        effectiveness=effectiveness(sums.opening, sums.period_sales, months, ar, sums.current),
        weighted_days_to_pay=ratio(sums.settled_days, sums.settled, places=2, reason=NOTHING_SETTLED),
        cash_tied_up=cash_tied_up(sums.opening, ar, sums.period_sales, (period.last - period.first).days + 1),
    )


def countback(receivables: Decimal, sales: Mapping[Month, Decimal], at: date) -> Countback:
    """DSO by exhaustion at the end of `at`, over calendar months."""
    newest = month_of(at)
    months = range(newest, min(sales, default=newest) - 1, -1)
    return exhausted(receivables, [(named(m), sales.get(m, Decimal(0)), days_of(m, at)) for m in months])


def exhausted(receivables: Decimal, periods: Sequence[tuple[str, Decimal, int]]) -> Countback:
    """DSO by exhaustion over periods, newest first, each with its name, sales and days; in days to two places."""
    left, total = max(receivables, Decimal(0)), Decimal(0)
    counted: list[str] = []
    skipped: list[str] = []
    for name, sold, days in periods:
        if not left:
            break
        (counted if sold > 0 else skipped).append(name)
        if sold > 0:
            part = min(left, sold)
            total += part / sold * days
            left -= part
    reason = None if not left else MORE_THAN_EVER_SOLD if counted else NO_SALES
    value = None if reason else rounded(total, 2)
    return Countback(value=value, receivables=receivables, months=counted, skipped=skipped, reason=reason)


def counted_since(found: Countback, at: date) -> date:
    """The first day of the months whose sales a countback at the end of `at` has counted."""
    return date.fromisoformat(f"{found.months[-1]}-01") if found.months else at


def effectiveness(opening: Decimal, sales: Decimal, months: int, closing: Decimal, current: Decimal) -> Effectiveness:
    """CEI of a period of `months`, in percent to two places."""
    collectable = opening + sales / months
    found = ratio(collectable - closing, collectable - current, factor=100, places=2, reason=NOTHING_TO_COLLECT)
    return Effectiveness(
        value=found.value,
        opening=opening,
        sales=sales,
        months=months,
        closing=closing,
        closing_current=current,
        reason=found.reason,
    )


def cash_tied_up(opening: Decimal, closing: Decimal, sales: Decimal, days: int) -> CashTiedUp:
    """R-124 as far as there are facts: none of stock and of what the company itself owes."""
    receivable = dso((opening + closing) / 2, sales, days)
    reasons = [NO_STOCK_FACTS, *([receivable.reason] if receivable.reason else []), NO_PAYABLES_FACTS]
    return CashTiedUp(
        days=None, inventory_days=None, receivable_days=receivable.value, payable_days=None, reasons=reasons
    )


def month_of(day: date) -> Month:
    """The month of a day."""
    return day.year * 12 + day.month - 1


def named(month: Month) -> str:
    """``2024-05``."""
    return f"{month // 12}-{month % 12 + 1:02}"


def days_of(month: Month, at: date) -> int:
    """The days of the month, as far as it lies before the end of `at`."""
    return at.day if month == month_of(at) else monthrange(month // 12, month % 12 + 1)[1]


def sales_by_month(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Mapping[Month, Decimal]]:
    """Rows of `name`, `month` and `credit_sales` as sales by month of each of the names."""
    found: dict[str, dict[Month, Decimal]] = {name: {} for name in names}
    for row in rows:
        found[row["name"]][row["month"]] = row["credit_sales"]
    return found

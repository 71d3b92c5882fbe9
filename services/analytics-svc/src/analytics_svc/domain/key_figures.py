"""Key figures of a group of customers over a period, beside the period before: what is shown and how it is derived."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from analytics_svc.domain.figures import DSO_DAYS, NO_SALES, Ratio, Window, dso, ratio
from events.base import Amount, AmountOrNone, Value

By = Literal["company", "type", "owner", "group", "city", "risk_class", "tier", "vip", "customer"]
"""What customers are grouped by, as it was known of them at the figure's point.

`tier` is ABC, `vip` the tiers by rank, both by sales of the 12 months up to that day.
"""
KeyMeasure = Literal[
    "order_intake",
    "billed",
    "sales",
    "gross_profit",
    "margin",
    "paid",
    "orders",
    "average_order_value",
    "outstanding",
    "overdue",
    "dso",
]
KEY_MEASURES: tuple[KeyMeasure, ...] = get_args(KeyMeasure)
Sum = Literal[
    "order_intake",
    "with_cost",
    "billed",
    "sales",
    "gross_profit",
    "paid",
    "orders",
    "outstanding",
    "overdue",
    "credit_sales",
]
"""What is added up. `with_cost`: order intake of known cost; `credit_sales`: those of the DSO window."""
SUMS: tuple[Sum, ...] = get_args(Sum)
ADDITIVE: tuple[KeyMeasure, ...] = tuple(m for m in KEY_MEASURES if m in SUMS)
"""Those whose groups add up to the total."""
NOW, BEFORE = "now_", "before_"
"""What the sums of the two periods are called by."""
NO_COST = "no_order_intake_of_known_cost"
NO_ORDERS = "no_orders"
NOTHING_BEFORE = "nothing_in_the_period_before"


class KeyFigures(Value):
    """Only what was asked for is there. A ratio that cannot be said is null, with the reason in `reasons`."""

    order_intake: AmountOrNone = None
    billed: AmountOrNone = None
    sales: AmountOrNone = None
    gross_profit: AmountOrNone = None
    margin: Annotated[Decimal | None, Field(examples=["0.398355"])] = None
    paid: AmountOrNone = None
    orders: int | None = None
    average_order_value: AmountOrNone = None
    outstanding: AmountOrNone = None
    overdue: AmountOrNone = None
    dso: Annotated[Decimal | None, Field(examples=["55.35"])] = None
    reasons: dict[str, str] = Field(default={}, examples=[{"dso": NO_SALES}])


class Group(Value):
    """Figures of a group in a period and in the one before. `name` is empty where the attribute is not known.

    `change` is (figure - before) / |before|, `share` the part of the total, of those figures that add up; null where
    the divisor is 0.
    """

    name: str = Field(examples=["dealer"])
    customers: int
    figures: KeyFigures
    before: KeyFigures
    change: dict[str, Decimal | None]
    share: dict[str, Decimal | None]


@dataclass(frozen=True, slots=True)
class Period:
    """A window, with that of the DSO at its end."""

    window: Window

    @property
    def last(self) -> date:
        return self.window.last

    @property
    def dso(self) -> Window:
        return Window.of_days(DSO_DAYS, self.window.last)


def before(window: Window) -> Window:
    """The period right before: as many months where the window is whole months long, else as many days."""
    first, following = window.first, window.last + timedelta(days=1)
    if first is None:
        raise ValueError("a window without a beginning has no period before it")
    months = (following.year - first.year) * 12 + following.month - first.month
    if first.day == following.day and first.day <= 28:
        year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
        return Window(first=date(year, month + 1, first.day), last=first - timedelta(days=1))
    return Window.of_days((following - first).days, first - timedelta(days=1))


def ratios(sums: Mapping[str, Any]) -> dict[KeyMeasure, Ratio]:
    """The measures that are ratios of two sums."""
    return {
        "margin": ratio(sums["gross_profit"], sums["with_cost"], reason=NO_COST),
        "average_order_value": ratio(sums["order_intake"], Decimal(sums["orders"]), places=2, reason=NO_ORDERS),
        "dso": dso(sums["outstanding"], sums["credit_sales"]),
    }


def key_figures(sums: Mapping[str, Any], wanted: Collection[KeyMeasure]) -> KeyFigures:
    """The wanted figures of one group."""
    divided = {name: r for name, r in ratios(sums).items() if name in wanted}
    values: dict[str, Any] = {name: divided[name].value if name in divided else sums[name] for name in wanted}
    return KeyFigures(**values, reasons={name: r.reason for name, r in divided.items() if r.reason is not None})


def group_of(row: Mapping[Any, Any], total: Mapping[Any, Any], wanted: Collection[KeyMeasure]) -> Group:
    """A group's figures beside those before, and its share of the total; rows hold the sums under NOW and BEFORE."""
    now, then = _under(row, NOW), _under(row, BEFORE)
    figures, earlier = key_figures(now, wanted), key_figures(then, wanted)
    return Group(
        name=row["name"],
        customers=row["customers"],
        figures=figures,
        before=earlier,
        change={name: _change(getattr(figures, name), getattr(earlier, name)) for name in wanted},
        share={name: _part(now[name], total[NOW + name]) for name in wanted if name in ADDITIVE},
    )


def _under(row: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
    return {name: row[prefix + name] for name in SUMS}


def _change(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    return None if now is None or then is None else _part(now - then, abs(then))


def _part(amount: Amount, of: Amount) -> Decimal | None:
    return ratio(Decimal(amount), Decimal(of), reason=NOTHING_BEFORE).value

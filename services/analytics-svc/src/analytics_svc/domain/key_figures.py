"""Key figures of a group of customers over a period, beside the period before: what is shown and how it is derived."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from analytics_svc.domain.figures import NO_SALES, Ratio, dso, ratio
from analytics_svc.domain.periods import FLOWS, SUMS, By
from events.base import Amount, AmountOrNone, Value

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

    `change` is (figure - before) / |before|, `share` the part of the total, of those figures that add up (of months not
    what is open at their ends); null where the divisor is not above 0.
    """

    name: str = Field(examples=["dealer"])
    customers: int
    figures: KeyFigures
    before: KeyFigures
    change: dict[str, Decimal | None]
    share: dict[str, Decimal | None]


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


def group_of(
    row: Mapping[Any, Any], total: Mapping[Any, Any], wanted: Collection[KeyMeasure], by: By = "company"
) -> Group:
    """A group's figures beside those before, and its share of the total; rows hold the sums under NOW and BEFORE."""
    shared = [name for name in wanted if name in ADDITIVE and (by != "month" or name in FLOWS)]
    now, then = _under(row, NOW), _under(row, BEFORE)
    figures, earlier = key_figures(now, wanted), key_figures(then, wanted)
    return Group(
        name=row["name"],
        customers=row["customers"],
        figures=figures,
        before=earlier,
        change={name: change(getattr(figures, name), getattr(earlier, name)) for name in wanted},
        share={name: _part(now[name], total[NOW + name]) for name in shared},
    )


def _under(row: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
    return {name: row[prefix + name] for name in SUMS}


def change(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    """(now - then) / |then|; null where one is not known or there was nothing."""
    return None if now is None or then is None else _part(now - then, abs(then))


def _part(amount: Amount, of: Amount) -> Decimal | None:
    return ratio(Decimal(amount), Decimal(of), reason=NOTHING_BEFORE).value

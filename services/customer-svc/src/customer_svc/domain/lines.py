"""What order lines come to: quantities and values. Exact until the last step, rounded half up there."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import ClassVar

from engine.decider import Rejected
from events.base import NonNegativeMoney
from events.currencies import minor_units
from events.customer import OrderLine

MOST_DIGITS = 20
"""Digits an amount of money can hold, decimal places included."""
ENOUGH_DIGITS = 60
NONE = Decimal(0)


class OrderTooLarge(Rejected):
    """The total of order {order} has more digits than an amount can hold."""

    zh: ClassVar[str] = "订单 {order} 的总金额超出可记录的位数。"


def quantities(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Quantities by product; a product named twice is added up."""
    found: dict[str, Decimal] = {}
    for product, quantity in pairs:
        found[product] = found.get(product, NONE) + quantity
    return found


def ordered(lines: Iterable[OrderLine]) -> dict[str, Decimal]:
    """What `lines` order, by product."""
    return quantities((line.product, line.quantity) for line in lines)


def remaining(lines: Iterable[OrderLine], delivered: Mapping[str, Decimal]) -> tuple[OrderLine, ...]:
    """`lines` with the quantities not delivered yet; deliveries of a product fill its lines in their order."""
    pool = dict(delivered)
    found = []
    for line in lines:
        gone = min(line.quantity, pool.get(line.product, NONE))
        pool[line.product] = pool.get(line.product, NONE) - gone
        if gone < line.quantity:
            found.append(line.model_copy(update={"quantity": line.quantity - gone}))
    return tuple(found)


def total(order: str, lines: Iterable[OrderLine], currency: str) -> NonNegativeMoney:
    """Sum of quantity x price, rounded half up to the minor units of `currency`. Raises OrderTooLarge."""
    amount = rounded(_exact(lines), currency)
    if len(amount.as_tuple().digits) > MOST_DIGITS:
        raise OrderTooLarge(order=order)
    return money(amount, currency)


def delivered_value(lines: tuple[OrderLine, ...], delivered: Mapping[str, Decimal], currency: str) -> Decimal:
    """Value of `delivered` at the prices of `lines`, rounded once: successive values differ by what a delivery adds."""
    with localcontext(prec=ENOUGH_DIGITS):
        return rounded(_exact(lines) - _exact(remaining(lines, delivered)), currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half up to the minor units of `currency`."""
    with localcontext(prec=ENOUGH_DIGITS):
        return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), rounding=ROUND_HALF_UP)


def money(amount: Decimal, currency: str) -> NonNegativeMoney:
    return NonNegativeMoney.of(amount, currency)


def _exact(lines: Iterable[OrderLine]) -> Decimal:
    with localcontext(prec=ENOUGH_DIGITS):
        return sum((line.quantity * line.price for line in lines), NONE)

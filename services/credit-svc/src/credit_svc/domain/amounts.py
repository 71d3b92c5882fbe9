"""Amounts of one currency, as the events want them."""

from decimal import ROUND_HALF_UP, Decimal

from events.base import Money, NonNegativeMoney, PositiveMoney
from events.currencies import UNITS


def money(amount: Decimal, currency: str) -> Money:
    """Any amount."""
    return Money.of(amount, currency)


def non_negative(amount: Decimal, currency: str) -> NonNegativeMoney:
    """An amount of zero or more."""
    return NonNegativeMoney.of(amount, currency)


def positive(amount: Decimal, currency: str) -> PositiveMoney:
    """An amount above zero."""
    return PositiveMoney.of(amount, currency)


def to_account(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """An amount of another currency in that of the account, rounded half up as it is stored."""
    return (amount * rate).quantize(UNITS[currency], ROUND_HALF_UP)

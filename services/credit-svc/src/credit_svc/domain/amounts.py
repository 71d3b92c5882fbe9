"""Amounts of one currency, as the events want them."""

from decimal import Decimal

from events.base import Money, NonNegativeMoney, PositiveMoney


def money(amount: Decimal, currency: str) -> Money:
    """Any amount."""
    return Money.of(amount, currency)


def non_negative(amount: Decimal, currency: str) -> NonNegativeMoney:
    """An amount of zero or more."""
    return NonNegativeMoney.of(amount, currency)


def positive(amount: Decimal, currency: str) -> PositiveMoney:
    """An amount above zero."""
    return PositiveMoney.of(amount, currency)

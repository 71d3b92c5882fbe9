"""May this go? The reasons against it, and the holds that clear by themselves once no reason is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from credit_svc.domain.amounts import money, non_negative
from credit_svc.domain.exposure import EXPOSURE, Exposure, Hold, moved
from events.base import Event, NonNegativeMoney
from events.credit import Category, Decided, HoldReason, HoldReleased, OrderHeld

OVER_LIMIT = "over-limit"
NO_CREDIT = "no-credit"
OVERDUE = "overdue"
MANUAL = "manual-hold"
OTHER_CURRENCY = "other-currency-without-rate"
NEVER_CLEAR = frozenset({MANUAL, OTHER_CURRENCY})
"""Reasons that only a person takes away."""


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """`overdue_days`: with an instalment this many days overdue or more, orders are held; None switches it off.

    `reservation_days`: how long a granted order is reserved before the reservation expires.
    """

    overdue_days: int | None = 60
    reservation_days: int = 90


POLICY = CheckPolicy()
"""The policy in force. It becomes versioned data when policies do."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The limit that counts on a day (None: unlimited), the account's currency, and the rule that set the limit."""

    limit: Decimal | None
    currency: str
    because: str

    def as_money(self) -> NonNegativeMoney | None:
        """The limit as an amount."""
        return None if self.limit is None else non_negative(self.limit, self.currency)


def reasons_against(
    exposure: Exposure, order: str | None, amount: Decimal, limit: InForce, today: date
) -> tuple[HoldReason, ...]:
    """All reasons why `amount` of `order` may not be added to `exposure`; its present reservation does not count."""
    others = without(exposure, order)
    found = [*_limit_reasons(others, amount, limit), *overdue_reasons(exposure, today)]
    return tuple(found)


def without(exposure: Exposure, order: str | None) -> Decimal:
    """The exposure, the reservation of `order` left out."""
    own = exposure.orders.get(order) if order else None
    return exposure.total - (own.open if own else Decimal(0))


def _limit_reasons(others: Decimal, amount: Decimal, limit: InForce) -> list[HoldReason]:
    if limit.limit is None or others + amount <= limit.limit:
        return []
    rule = OVER_LIMIT if limit.limit else NO_CREDIT
    exposure, asked = money(others, limit.currency), non_negative(amount, limit.currency)
    return [HoldReason(rule=rule, exposure=exposure, amount=asked, limit=limit.as_money())]


def overdue_reasons(exposure: Exposure, today: date) -> list[HoldReason]:
    """The reason that something is overdue for too long, if it is."""
    days = exposure.days_overdue(today)
    late = POLICY.overdue_days is not None and days >= POLICY.overdue_days
    return [HoldReason(rule=OVERDUE, days_overdue=days)] if late else []


def decided(exposure: Exposure, order: str | None, limit: InForce, on: date) -> Decided:
    """What a decision stands on, to be kept with it."""
    others = without(exposure, order)
    return Decided(exposure=money(others, limit.currency), limit=limit.as_money(), because=limit.because, on=on)


def expiry(today: date) -> date:
    """The day on which a reservation made today expires."""
    return today + timedelta(days=POLICY.reservation_days)


def reconsidered(customer: str, exposure: Exposure, limit: InForce, today: date) -> list[Event]:
    """Releases of the holds of which every cause is gone, oldest first; holds with other reasons than before, anew."""
    events: list[Event] = []
    for order, hold in exposure.holds.items():
        if not NEVER_CLEAR.isdisjoint(hold.rules):
            continue
        now = EXPOSURE.fold(events, exposure)
        events += _reconsidered(customer, now, order, hold, limit, today)
    return events


def cleared(customer: str, exposure: Exposure, moves: Sequence[Event], limit: InForce, today: date) -> list[Event]:
    """What becomes of the holds once `moves`, which add none, have happened to `exposure`."""
    return reconsidered(customer, EXPOSURE.fold(moves, exposure), limit, today) if exposure.holds else []


def _reconsidered(
    customer: str, exposure: Exposure, order: str, hold: Hold, limit: InForce, today: date
) -> list[Event]:
    reasons = reasons_against(exposure, order, hold.amount.amount, limit, today)
    if not reasons:
        return released(customer, order, hold, hold.amount, "cause_gone", "every cause is gone", today)
    if tuple(r.rule for r in reasons) == hold.rules:
        return []
    return [held_anew(customer, exposure, order, hold, reasons, limit, today)]


def held_anew(
    customer: str,
    exposure: Exposure,
    order: str,
    hold: Hold,
    reasons: tuple[HoldReason, ...],
    limit: InForce,
    today: date,
) -> OrderHeld:
    """The hold, now for `reasons`."""
    return OrderHeld(
        customer=customer,
        order=order,
        order_version=hold.version,
        amount=hold.amount,
        decided=decided(exposure, order, limit, today),
        reasons=reasons,
        requested_by=hold.requested_by,
    )


def released(
    customer: str,
    order: str,
    hold: Hold,
    amount: NonNegativeMoney,
    by: Literal["person", "cause_gone"],
    reason: str,
    today: date,
    rate: Decimal | None = None,
) -> list[Event]:
    """The hold is gone and `amount` (account currency) is reserved."""
    gone = HoldReleased(
        customer=customer,
        order=order,
        order_version=hold.version,
        amount=amount,
        by=by,
        reason=reason,
        expires_on=expiry(today),
        rate=rate,
    )
    reserved: dict[Category, Decimal] = {"open_orders": amount.amount}
    return [gone, *moved(customer, order, "hold_released", today, amount.currency, reserved, order=order)]

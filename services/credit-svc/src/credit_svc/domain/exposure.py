"""The exposure of a customer: totals by category, what is open by order and by due date, the orders held.

Bounded by open orders and days: what is settled, delivered and invoiced leaves no trace here. Every decision that must
not race about a customer's credit is checked against this one stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar, assert_never, cast

from credit_svc.domain.due import OpenByDueDate
from engine.decider import Aggregate
from events.base import Event, Money, NonNegativeMoney
from events.credit import (
    Category,
    CreditGranted,
    DueAmount,
    ExposureChanged,
    ExposureEvent,
    HoldDropped,
    HoldReason,
    HoldReleased,
    MovedBy,
    OrderHeld,
)

K = TypeVar("K")
V = TypeVar("V")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """What of an order counts: `open` is reserved until `expires_on`, `delivered` waits for its invoice."""

    version: int = 0
    open: Decimal = ZERO
    delivered: Decimal = ZERO
    expires_on: date | None = None
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """An order that may not go; `amount` would be reserved were it released."""

    version: int
    amount: NonNegativeMoney
    reasons: tuple[HoldReason, ...]
    requested_by: str | None

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(r.rule for r in self.reasons)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Amounts in the account's currency, none of them negative; `due` splits open_invoices by due date."""

    open_orders: Decimal = ZERO
    delivered: Decimal = ZERO
    open_invoices: Decimal = ZERO
    unallocated_cash: Decimal = ZERO
    orders: Mapping[str, OpenOrder] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    due: OpenByDueDate = field(default_factory=OpenByDueDate)

    @property
    def total(self) -> Decimal:
        """What counts against the limit; negative where the customer has paid ahead."""
        return self.open_orders + self.delivered + self.open_invoices - self.unallocated_cash

    def version_of(self, order: str) -> int:
        """The version of `order` that was answered last and still counts; 0 where nothing is known."""
        known = [entry.version for entry in (self.orders.get(order), self.holds.get(order)) if entry]
        return max(known, default=0)

    def days_overdue(self, today: date) -> int:
        """Age of the oldest open instalment, counted from its due date; 0 where nothing is late."""
        earliest = self.due.earliest
        return max((today - earliest).days, 0) if earliest else 0


def moved(
    customer: str,
    document: str,
    cause: MovedBy,
    on: date,
    currency: str,
    changes: Mapping[Category, Decimal],
    due: Mapping[date, Decimal] | None = None,
    order: str | None = None,
) -> list[ExposureChanged]:
    """The event that states `changes`; none where nothing moved."""
    stated: dict[Category, Money] = {c: Money.of(a, currency) for c, a in changes.items() if a}
    by_day = sorted((due or {}).items())
    split = tuple(DueAmount(due=d, amount=Money.of(a, currency)) for d, a in by_day if a)
    if not stated and not split:
        return []
    return [
        ExposureChanged(
            customer=customer, document=document, cause=cause, changes=stated, due=split, order=order, on=on
        )
    ]


def _with(known: Mapping[K, V], key: K, value: V | None) -> dict[K, V]:
    rest = {k: v for k, v in known.items() if k != key}
    return rest if value is None else {**rest, key: value}


def _order_moved(state: Exposure, event: ExposureChanged) -> Mapping[str, OpenOrder]:
    if event.order is None:
        return state.orders
    entry = state.orders.get(event.order, OpenOrder())
    reserved, delivered = _part(event, "open_orders"), _part(event, "delivered")
    entry = OpenOrder(entry.version, entry.open + reserved, entry.delivered + delivered, entry.expires_on, entry.rate)
    return _with(state.orders, event.order, entry if entry.open or entry.delivered else None)


def _part(event: ExposureChanged, category: Category) -> Decimal:
    change = event.changes.get(category)
    return change.amount if change else ZERO


def _moved(state: Exposure, event: ExposureChanged) -> Exposure:
    return Exposure(
        open_orders=state.open_orders + _part(event, "open_orders"),
        delivered=state.delivered + _part(event, "delivered"),
        open_invoices=state.open_invoices + _part(event, "open_invoices"),
        unallocated_cash=state.unallocated_cash + _part(event, "unallocated_cash"),
        orders=_order_moved(state, event),
        holds=state.holds,
        due=state.due.moved([(d.due, d.amount.amount) for d in event.due]) if event.due else state.due,
    )


def _reserved(state: Exposure, event: CreditGranted | HoldReleased) -> Exposure:
    entry = state.orders.get(event.order, OpenOrder())
    rate = event.rate if isinstance(event, HoldReleased) else None
    entry = replace(entry, version=event.order_version, expires_on=event.expires_on, rate=rate)
    counts = event.amount.amount or entry.open or entry.delivered
    orders = _with(state.orders, event.order, entry if counts else None)
    return replace(state, orders=orders, holds=_with(state.holds, event.order, None))


def _held(state: Exposure, event: OrderHeld) -> Exposure:
    hold = Hold(event.order_version, event.amount, event.reasons, event.requested_by)
    return replace(state, holds={**state.holds, event.order: hold})


def evolve(state: Exposure, event: Event) -> Exposure:
    """`state` after `event`."""
    match cast(ExposureEvent, event):
        case ExposureChanged() as change:
            return _moved(state, change)
        case CreditGranted() | HoldReleased() as granted:
            return _reserved(state, granted)
        case OrderHeld() as held:
            return _held(state, held)
        case HoldDropped(order=order):
            return replace(state, holds=_with(state.holds, order, None))
        case other:
            assert_never(other)


EXPOSURE = Aggregate("exposure", Exposure(), evolve)

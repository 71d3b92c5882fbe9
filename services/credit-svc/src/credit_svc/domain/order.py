"""An order as credit sees it: how far it was delivered and invoiced; and what placing, changing, ending it comes to.

The progress of an order has a stream of its own, because its invoice may arrive before credit has heard of the order.
What is open of it, and whether it is held, lies in the exposure of its customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias, assert_never, cast

from pydantic import Field

from credit_svc.domain.account import (
    ACCOUNT,
    CreditAccount,
    CurrencyWithoutRate,
    RoundsToNothing,
    UnknownCustomer,
    converted,
    opened,
)
from credit_svc.domain.amounts import non_negative
from credit_svc.domain.check import (
    OTHER_CURRENCY,
    InForce,
    decided,
    expiry,
    held_anew,
    overdue_reasons,
    reasons_against,
    reconsidered,
)
from credit_svc.domain.exposure import EXPOSURE, ZERO, Exposure, OpenOrder, moved
from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, States
from events.base import CustomerId, Event, Id, NonNegativeMoney
from events.credit import (
    Category,
    CreditGranted,
    ExposureChanged,
    HoldDropped,
    HoldReason,
    MovedBy,
    OrderHeld,
    OrderProgressed,
    Requester,
)

INITIAL_LOAD = "initial-load"
"""The `because` of orders granted unchecked in the initial load."""
Dropped: TypeAlias = Literal["cancelled", "changed", "fulfilled"]
Version: TypeAlias = Annotated[int, Field(ge=1)]

# --- commands -----------------------------------------------------------------------------------------------------


class CheckOrder(Command):
    """May this version of the order go? It replaces an earlier version, reservation or hold."""

    customer: CustomerId
    order: Id
    order_version: Version
    amount: NonNegativeMoney
    on: date
    requested_by: Requester | None = None


class CloseOrder(Command):
    """The order was cancelled: what is not delivered of it falls away."""

    customer: CustomerId
    order: Id
    on: date


class CountDelivery(Command):
    """Goods of the order left for the customer; `value` at order prices."""

    customer: CustomerId
    order: Id
    delivery: Id
    value: NonNegativeMoney
    on: date


class ExpireReservation(Command):
    """The reservation of this version of the order has been open for too long; due on the day it expires."""

    customer: CustomerId
    order: Id
    order_version: Version


OrderCommand: TypeAlias = CheckOrder | CloseOrder | CountDelivery | ExpireReservation

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """Delivered and invoiced so far, in the account's currency."""

    customer: str = ""
    delivered: Decimal = ZERO
    invoiced: Decimal = ZERO

    @property
    def covered(self) -> Decimal:
        """What needs no reservation any more."""
        return max(self.delivered, self.invoiced)

    @property
    def uninvoiced(self) -> Decimal:
        """Delivered and not invoiced."""
        return max(self.delivered - self.invoiced, ZERO)


# --- decide -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """What an order is decided on."""

    account: CreditAccount
    exposure: Exposure
    progress: Progress
    limit: InForce
    facts: Facts

    def after(self, customer: str, events: Sequence[Event]) -> list[Event]:
        """`events` and the releases they lead to."""
        now = EXPOSURE.fold(events, self.exposure)
        lower = now.total < self.exposure.total
        return [*events, *(reconsidered(customer, now, self.limit, self.facts.today) if lower else ())]


def _case(cmd: OrderCommand, states: States, facts: Facts) -> _Case:
    account, exposure = opened(states, cmd.customer), states[EXPOSURE(cmd.customer)]
    return _Case(account, exposure, states[PROGRESS(cmd.order)], account.limit_on(facts.today), facts)


def _check(cmd: CheckOrder, case: _Case) -> list[Event]:
    version = case.exposure.version_of(cmd.order)
    if version >= cmd.order_version:
        return []
    dropped = _dropped(cmd.customer, cmd.order, case.exposure, "changed")
    if cmd.amount.currency != case.account.currency:
        return case.after(cmd.customer, [*dropped, *_held_for_its_currency(cmd, case)])
    amount = max(cmd.amount.amount - case.progress.covered, ZERO)
    done_already = not amount and bool(cmd.amount.amount)
    unchecked = done_already or case.facts.initial_load
    reasons = () if unchecked else reasons_against(case.exposure, cmd.order, amount, case.limit, case.facts.today)
    if reasons:
        return case.after(
            cmd.customer, [*dropped, *_held(cmd, case, non_negative(amount, case.account.currency), reasons)]
        )
    return case.after(cmd.customer, [*dropped, *_granted(cmd, case, amount)])


def _granted(cmd: CheckOrder, case: _Case, amount: Decimal) -> list[Event]:
    stands_on = decided(case.exposure, cmd.order, case.limit, _decided_on(cmd, case))
    if case.facts.initial_load:
        stands_on = stands_on.model_copy(update={"because": INITIAL_LOAD})
    granted = CreditGranted(
        customer=cmd.customer,
        order=cmd.order,
        order_version=cmd.order_version,
        amount=non_negative(amount, case.account.currency),
        decided=stands_on,
        expires_on=expiry(case.facts.today),
    )
    return [granted, *_reserve(cmd, case, amount, "order_granted")]


def _held(cmd: CheckOrder, case: _Case, amount: NonNegativeMoney, reasons: tuple[HoldReason, ...]) -> list[Event]:
    held = OrderHeld(
        customer=cmd.customer,
        order=cmd.order,
        order_version=cmd.order_version,
        amount=amount,
        decided=decided(case.exposure, cmd.order, case.limit, _decided_on(cmd, case)),
        reasons=reasons,
        requested_by=cmd.requested_by,
    )
    return [held, *_reserve(cmd, case, ZERO, "order_held")]


def _held_for_its_currency(cmd: CheckOrder, case: _Case) -> list[Event]:
    reasons = (HoldReason(rule=OTHER_CURRENCY), *overdue_reasons(case.exposure, case.facts.today))
    return _held(cmd, case, cmd.amount, reasons)


def _decided_on(cmd: CheckOrder, case: _Case) -> date:
    """The open day; in an initial load the order's own day, as if it had been decided then."""
    return cmd.on if case.facts.initial_load else case.facts.today


def _reserve(cmd: CheckOrder, case: _Case, amount: Decimal, cause: MovedBy) -> list[ExposureChanged]:
    before = case.exposure.orders.get(cmd.order, OpenOrder()).open
    changes: dict[Category, Decimal] = {"open_orders": amount - before}
    on = _decided_on(cmd, case)
    return moved(cmd.customer, cmd.order, cause, on, case.account.currency, changes, order=cmd.order)


def _dropped(customer: str, order: str, exposure: Exposure, cause: Dropped) -> list[Event]:
    hold = exposure.holds.get(order)
    if hold is None:
        return []
    return [HoldDropped(customer=customer, order=order, order_version=hold.version, cause=cause)]


def _close(cmd: CloseOrder, case: _Case) -> list[Event]:
    dropped = _dropped(cmd.customer, cmd.order, case.exposure, "cancelled")
    given_back = _given_back(cmd.customer, cmd.order, case, "order_cancelled", cmd.on)
    return case.after(cmd.customer, [*dropped, *given_back])


def _given_back(customer: str, order: str, case: _Case, cause: MovedBy, on: date) -> list[ExposureChanged]:
    entry = case.exposure.orders.get(order, OpenOrder())
    changes: dict[Category, Decimal] = {"open_orders": -entry.open}
    return moved(customer, order, cause, on, case.account.currency, changes, order=order)


def _expire(cmd: ExpireReservation, case: _Case) -> list[Event]:
    entry = case.exposure.orders.get(cmd.order)
    if entry is None or entry.version != cmd.order_version or entry.expires_on is None:
        return []
    if entry.expires_on > case.facts.today:
        return []
    given_back = _given_back(cmd.customer, cmd.order, case, "reservation_expired", case.facts.today)
    return case.after(cmd.customer, [*given_back])


def _count(cmd: CountDelivery, case: _Case) -> Decision:
    entry = case.exposure.orders.get(cmd.order, OpenOrder())
    value = converted(cmd.value, case.account, entry.rate, cmd.order)
    after = replace(case.progress, delivered=case.progress.delivered + value)
    step = progressed(cmd.customer, cmd.order, cmd.delivery, after, case.account.currency, cmd.on)
    changes = order_changes(cmd.order, case.exposure, case.progress, after)
    change = moved(cmd.customer, cmd.order, "order_delivered", cmd.on, case.account.currency, changes, order=cmd.order)
    hold = hold_after_progress(
        cmd.customer, cmd.order, case.exposure, case.limit, case.progress, after, case.facts.today
    )
    events = case.after(cmd.customer, [*change, *hold])
    return [(PROGRESS(cmd.order), step), *((EXPOSURE(cmd.customer), e) for e in events)]


def progressed(customer: str, order: str, document: str, after: Progress, currency: str, on: date) -> OrderProgressed:
    """The event that states how far the order has come with `document`."""
    return OrderProgressed(
        customer=customer,
        order=order,
        document=document,
        delivered=non_negative(after.delivered, currency),
        invoiced=non_negative(after.invoiced, currency),
        on=on,
    )


def order_changes(order: str, exposure: Exposure, before: Progress, after: Progress) -> dict[Category, Decimal]:
    """How progress moves the reservation of an order and what of it waits for an invoice."""
    entry = exposure.orders.get(order, OpenOrder())
    left = max(entry.open - (after.covered - before.covered), ZERO)
    return {"open_orders": left - entry.open, "delivered": after.uninvoiced - entry.delivered}


def hold_after_progress(
    customer: str, order: str, exposure: Exposure, limit: InForce, before: Progress, after: Progress, today: date
) -> list[Event]:
    """Goods of a held order left or were invoiced: less is held, or nothing is left to hold."""
    hold = exposure.holds.get(order)
    step = after.covered - before.covered
    if hold is None or not step or hold.amount.currency != limit.currency:
        return []
    left = hold.amount.amount - step
    if left <= 0:
        return _dropped(customer, order, exposure, "fulfilled")
    less = replace(hold, amount=non_negative(left, limit.currency))
    return [held_anew(customer, exposure, order, less, hold.reasons, limit, today)]


def streams(cmd: OrderCommand, facts: Facts) -> list[Ref[Any]]:
    """The exposure, what it is compared with, and how far the order has come."""
    return [EXPOSURE(cmd.customer), ACCOUNT(cmd.customer), PROGRESS(cmd.order)]


def decide(cmd: OrderCommand, states: States, facts: Facts) -> Decision:
    """What the command comes to."""
    case = _case(cmd, states, facts)
    ref = EXPOSURE(cmd.customer)
    match cmd:
        case CheckOrder():
            return [(ref, e) for e in _check(cmd, case)]
        case CloseOrder():
            return [(ref, e) for e in _close(cmd, case)]
        case CountDelivery():
            return _count(cmd, case)
        case ExpireReservation():
            return [(ref, e) for e in _expire(cmd, case)]
        case _:
            assert_never(cmd)


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: Progress, event: Event) -> Progress:
    """`state` after `event`."""
    match cast(OrderProgressed, event):
        case OrderProgressed() as progressed:
            return Progress(progressed.customer, progressed.delivered.amount, progressed.invoiced.amount)
        case other:
            assert_never(other)


PROGRESS = Aggregate("progress", Progress(), evolve)
ORDERS: Decider[Facts] = Decider(
    commands=(CheckOrder, CloseOrder, CountDelivery, ExpireReservation),
    streams=streams,
    decide=decide,
    rules=(UnknownCustomer, CurrencyWithoutRate, RoundsToNothing),
)

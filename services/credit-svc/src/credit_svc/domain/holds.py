"""Held orders in a person's hands: release with a reason; hold by hand, which never clears by itself."""

from decimal import Decimal
from typing import Any, ClassVar, TypeAlias, assert_never

from credit_svc.domain.account import ACCOUNT, CurrencyWithoutRate, RoundsToNothing, UnknownCustomer, converted, opened
from credit_svc.domain.amounts import non_negative
from credit_svc.domain.check import MANUAL, OTHER_CURRENCY, InForce, held_anew, reasons_against, reconsidered, released
from credit_svc.domain.exposure import EXPOSURE, Exposure, Hold, OpenOrder, moved
from engine.decider import Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States
from events.base import CustomerId, Event, Id, Text
from events.credit import Category, HoldReason, Rate

# --- commands -----------------------------------------------------------------------------------------------------


class ReleaseHold(Command):
    """Let the order go although there are reasons against it; `rate` where it is in another currency."""

    customer: CustomerId
    order: Id
    reason: Text
    rate: Rate | None = None


class PlaceManualHold(Command):
    """Hold the order whatever the figures say; its reservation is given back."""

    customer: CustomerId
    order: Id
    reason: Text


class LiftManualHold(Command):
    """Take the manual reason away; the order goes if no other reason is left."""

    customer: CustomerId
    order: Id
    reason: Text


HoldCommand: TypeAlias = ReleaseHold | PlaceManualHold | LiftManualHold

# --- rules --------------------------------------------------------------------------------------------------------


class NotHeld(NotFound):
    """Order {order} of customer {customer} is not held."""

    zh: ClassVar[str] = "客户 {customer} 的订单 {order} 未被冻结。"


class NothingToHold(NotFound):
    """Order {order} of customer {customer} has nothing open that could be held."""

    zh: ClassVar[str] = "客户 {customer} 的订单 {order} 没有可冻结的未交部分。"


class ReleasedByRequester(Rejected):
    """Whoever asked for order {order} does not release it."""

    zh: ClassVar[str] = "提出订单 {order} 的人不得自行放行。"


class HeldByHandAlready(Rejected):
    """Order {order} is held by hand already."""

    zh: ClassVar[str] = "订单 {order} 已被人工冻结。"


class NotHeldByHand(Rejected):
    """Order {order} is held, but not by hand."""

    zh: ClassVar[str] = "订单 {order} 被冻结，但不是人工冻结。"


# --- decide -------------------------------------------------------------------------------------------------------


def _hold(cmd: HoldCommand, exposure: Exposure) -> Hold:
    hold = exposure.holds.get(cmd.order)
    if hold is None:
        raise NotHeld(order=cmd.order, customer=cmd.customer)
    return hold


def _release(cmd: ReleaseHold, states: States, facts: Facts) -> list[Event]:
    account = opened(states, cmd.customer)
    hold = _hold(cmd, states[EXPOSURE(cmd.customer)])
    if hold.requested_by == facts.actor.id:
        raise ReleasedByRequester(order=cmd.order)
    amount = non_negative(converted(hold.amount, account, cmd.rate, cmd.order), account.currency)
    rate = cmd.rate if hold.amount.currency != account.currency else None
    return released(cmd.customer, cmd.order, hold, amount, "person", cmd.reason, facts.today, rate)


def _place(cmd: PlaceManualHold, states: States, facts: Facts) -> list[Event]:
    limit = opened(states, cmd.customer).limit_on(facts.today)
    exposure = states[EXPOSURE(cmd.customer)]
    by_hand = HoldReason(rule=MANUAL, note=cmd.reason)
    hold = exposure.holds.get(cmd.order)
    if hold and MANUAL in hold.rules:
        raise HeldByHandAlready(order=cmd.order)
    if hold is None:
        return _hold_reserved(cmd, exposure, by_hand, limit, facts)
    return [held_anew(cmd.customer, exposure, cmd.order, hold, (*hold.reasons, by_hand), limit, facts.today)]


def _hold_reserved(
    cmd: PlaceManualHold, exposure: Exposure, by_hand: HoldReason, limit: InForce, facts: Facts
) -> list[Event]:
    entry = exposure.orders.get(cmd.order, OpenOrder())
    if not entry.open:
        raise NothingToHold(order=cmd.order, customer=cmd.customer)
    hold = Hold(entry.version, non_negative(entry.open, limit.currency), (by_hand,), None)
    held = held_anew(cmd.customer, exposure, cmd.order, hold, hold.reasons, limit, facts.today)
    back: dict[Category, Decimal] = {"open_orders": -entry.open}
    change = moved(cmd.customer, cmd.order, "order_held", facts.today, limit.currency, back, order=cmd.order)
    events: list[Event] = [held, *change]
    return [*events, *reconsidered(cmd.customer, EXPOSURE.fold(events, exposure), limit, facts.today)]


def _lift(cmd: LiftManualHold, states: States, facts: Facts) -> list[Event]:
    limit = opened(states, cmd.customer).limit_on(facts.today)
    exposure = states[EXPOSURE(cmd.customer)]
    hold = _hold(cmd, exposure)
    if MANUAL not in hold.rules:
        raise NotHeldByHand(order=cmd.order)
    reasons = _still_against(cmd.order, hold, exposure, limit, facts)
    if reasons:
        return [held_anew(cmd.customer, exposure, cmd.order, hold, reasons, limit, facts.today)]
    return released(cmd.customer, cmd.order, hold, hold.amount, "person", cmd.reason, facts.today)


def _still_against(order: str, hold: Hold, exposure: Exposure, limit: InForce, facts: Facts) -> tuple[HoldReason, ...]:
    if OTHER_CURRENCY in hold.rules:
        return tuple(r for r in hold.reasons if r.rule != MANUAL)
    return reasons_against(exposure, order, hold.amount.amount, limit, facts.today)


def streams(cmd: HoldCommand, facts: Facts) -> list[Ref[Any]]:
    """The exposure, which holds the holds, and the account it is compared with."""
    return [EXPOSURE(cmd.customer), ACCOUNT(cmd.customer)]


def decide(cmd: HoldCommand, states: States, facts: Facts) -> Decision:
    """What the command comes to."""
    ref = EXPOSURE(cmd.customer)
    match cmd:
        case ReleaseHold():
            return [(ref, e) for e in _release(cmd, states, facts)]
        case PlaceManualHold():
            return [(ref, e) for e in _place(cmd, states, facts)]
        case LiftManualHold():
            return [(ref, e) for e in _lift(cmd, states, facts)]
        case _:
            assert_never(cmd)


HOLDS: Decider[Facts] = Decider(
    commands=(ReleaseHold, PlaceManualHold, LiftManualHold),
    streams=streams,
    decide=decide,
    rules=(
        UnknownCustomer,
        CurrencyWithoutRate,
        RoundsToNothing,
        NotHeld,
        NothingToHold,
        ReleasedByRequester,
        HeldByHandAlready,
        NotHeldByHand,
    ),
)

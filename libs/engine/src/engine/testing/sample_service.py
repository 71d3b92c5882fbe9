"""The smallest service there is: it drops holds, refuses one, and breaks on another."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from engine.database import Database
from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, States
from engine.handle import Handler
from engine.reaction import Due, Reaction, Timer
from engine.store import PostgresStore
from engine.testing.sample_views import DAY
from events import credit, customer
from events.base import Event
from events.envelope import Envelope


class Drop(Command):
    """Drop the hold of an order, from the day `on` on; ``REFUSED`` is refused, ``BROKEN`` breaks the decision."""

    customer: str
    order: str
    on: date | None = None


class NotThisOne(Rejected):
    """This hold stays."""


def _count(state: int, event: Event) -> int:
    return state + 1


HOLDS = Aggregate("holds", 0, _count)


def _streams(command: Drop, facts: Facts) -> Sequence[Ref[Any]]:
    return [HOLDS(command.customer)]


def _decide(command: Drop, states: States, facts: Facts) -> Decision:
    if command.order == "REFUSED":
        raise NotThisOne
    if command.order == "BROKEN":
        raise ZeroDivisionError
    if command.on and command.on > facts.today:
        return []
    event = credit.HoldDropped(customer=command.customer, order=command.order, order_version=1, cause="cancelled")
    return [(HOLDS(command.customer), event)]


DECIDER = Decider((Drop,), _streams, _decide, (NotThisOne,))


def _react(event: Envelope[Any]) -> Iterable[Command]:
    owner = event.event.owner
    return [Drop(customer=event.event.customer, order=o) for o in owner.split("-")]


REACTION = Reaction("drop-on-assignment", (customer.OwnerAssigned,), _react)
"""An owner named ``A-B`` drops the holds A and B of the customer."""


def _plan(event: Envelope[Any]) -> Iterable[Due]:
    paid: credit.PaymentReceived = event.event
    on = DAY + timedelta(days=int(paid.amount.amount))
    drop = partial(Drop, customer=paid.customer, order=paid.payment, on=on)
    yield Due(f"drop/{paid.customer}/{paid.payment}", on, drop)


TIMER = Timer("drop-later", (credit.PaymentReceived,), _plan)
"""A payment of n CNY has its hold dropped n days later."""


def handler(store: PostgresStore, database: Database) -> Handler:
    """Decides `Drop`; it never hears of another day than the first."""

    async def today() -> date:
        return DAY

    return Handler(store, [DECIDER], {}, database, today)

"""How customer-svc answers what credit says."""

from collections.abc import Iterable
from typing import Any

from customer_svc.domain.order import RecordCreditDecision
from engine.decider import Command
from engine.reaction import Reaction
from events.base import Event
from events.credit import CreditGranted, HoldReleased, OrderHeld
from events.envelope import Envelope


def follow_credit(envelope: Envelope[Any]) -> Iterable[Command]:
    event: Event = envelope.event
    match event:
        case CreditGranted():
            yield RecordCreditDecision(order=event.order, order_version=event.order_version, outcome="granted")
        case HoldReleased():
            yield RecordCreditDecision(order=event.order, order_version=event.order_version, outcome="released")
        case OrderHeld():
            reasons = tuple(reason.rule for reason in event.reasons)
            yield RecordCreditDecision(
                order=event.order, order_version=event.order_version, outcome="held", reasons=reasons
            )
        case _:
            pass


CREDIT_DECISIONS = Reaction("order-credit", (CreditGranted, OrderHeld, HoldReleased), follow_credit)
REACTIONS = (CREDIT_DECISIONS,)

"""What credit has to look at later: reservations that expire, instalments that may be late, limits set in advance."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from credit_svc.domain.account import ReconsiderHolds
from credit_svc.domain.order import ExpireReservation
from credit_svc.domain.receivable import LATENESS_STEPS, NoticeLateness
from engine.reaction import Due, Timer
from events.credit import CreditGranted, HoldReleased, InvoiceIssued, LimitSet
from events.envelope import Envelope


def _expiry(told: Envelope[Any]) -> Iterable[Due]:
    event: CreditGranted | HoldReleased = told.event
    key = f"reservation/{event.order}/{event.order_version}/{event.expires_on}"
    expire = partial(ExpireReservation, customer=event.customer, order=event.order, order_version=event.order_version)
    return [Due(key, event.expires_on, expire)] if event.amount.amount else []


def _lateness(told: Envelope[Any]) -> Iterable[Due]:
    event: InvoiceIssued = told.event
    return [
        Due(
            f"invoice/{event.invoice}/{owed.number}/{days}",
            owed.due + timedelta(days=days),
            partial(NoticeLateness, invoice=event.invoice, instalment=owed.number, days=days),
        )
        for owed in event.instalments
        for days in LATENESS_STEPS
    ]


def _limit_in_force(told: Envelope[Any]) -> Iterable[Due]:
    event: LimitSet = told.event
    key = f"limit/{event.customer}/{told.id}"
    return [Due(key, event.valid_from, partial(ReconsiderHolds, customer=event.customer))]


RESERVATIONS = Timer("reservations", (CreditGranted, HoldReleased), _expiry)
LATENESS = Timer("lateness", (InvoiceIssued,), _lateness)
LIMITS = Timer("limits", (LimitSet,), _limit_in_force)
TIMERS = (RESERVATIONS, LATENESS, LIMITS)

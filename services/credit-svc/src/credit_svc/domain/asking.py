"""Asking for credit without placing anything: would this go, and why not? Nothing is reserved."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from credit_svc.domain.account import ACCOUNT, CurrencyWithoutRate, opened
from credit_svc.domain.check import reasons_against, without
from credit_svc.domain.exposure import EXPOSURE
from engine.decider import Command, Ref, States
from events.base import CustomerId, Id, NonNegativeMoney, Value
from events.credit import HoldReason


class CheckCredit(Command):
    """Would this amount go? `order`: a known order that the amount would replace."""

    customer: CustomerId
    amount: NonNegativeMoney
    order: Id | None = None


class CheckAnswer(Value):
    """What a check of credit found. It binds nobody: `reserved` is always false, only an order reserves.

    `exposure` is without the amount asked for, `limit` null is unlimited, `because` names the rule that set it,
    `reasons` are all reasons against; empty where the amount would be granted.
    """

    customer: CustomerId
    granted: bool
    reserved: Literal[False] = False
    amount: Decimal
    exposure: Decimal
    limit: Decimal | None
    available: Decimal | None
    currency: str
    because: str
    reasons: tuple[HoldReason, ...]
    on: date


def streams(asked: CheckCredit) -> list[Ref[Any]]:
    """The two streams that decide, whatever the number of invoices."""
    return [ACCOUNT(asked.customer), EXPOSURE(asked.customer)]


def answer(asked: CheckCredit, states: States, today: date) -> CheckAnswer:
    """The answer on the open day. Raises UnknownCustomer, CurrencyWithoutRate."""
    account, exposure = opened(states, asked.customer), states[EXPOSURE(asked.customer)]
    limit, amount = account.limit_on(today), asked.amount.amount
    if asked.amount.currency != account.currency:
        raise CurrencyWithoutRate(
            document="the amount", currency=asked.amount.currency, account_currency=account.currency
        )
    reasons = reasons_against(exposure, asked.order, amount, limit, today)
    others = without(exposure, asked.order)
    return CheckAnswer(
        customer=asked.customer,
        granted=not reasons,
        amount=amount,
        exposure=others,
        limit=limit.limit,
        available=None if limit.limit is None else limit.limit - others,
        currency=account.currency,
        because=limit.because,
        reasons=reasons,
        on=today,
    )

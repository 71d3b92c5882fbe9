"""The account of a customer as others are told of it by topic: what it is now, from the two streams that decide."""

from datetime import date
from decimal import Decimal
from typing import Any, get_args

from credit_svc.domain.account import ACCOUNT, CreditAccount
from credit_svc.domain.amounts import money, non_negative
from credit_svc.domain.exposure import EXPOSURE, Exposure
from engine.decider import Ref, States
from engine.stated import Stated, Told
from events.credit import AccountEvent, ExposureEvent
from events.currencies import UNITS
from events.states import AccountState


def refs(customer: str) -> list[Ref[Any]]:
    """The account and the exposure."""
    return [ACCOUNT(customer), EXPOSURE(customer)]


def tell(customer: str, states: States, day: date, position: int) -> Told | None:
    """The account on `day`, and when a limit set in advance comes into force; None where there is no account."""
    account, exposure = states[ACCOUNT(customer)], states[EXPOSURE(customer)]
    if not account.currency:
        return None
    coming = [limit.valid_from for limit in account.limits if limit.valid_from > day]
    return Told(_state(customer, account, exposure, day, position), min(coming, default=None))


def _state(customer: str, account: CreditAccount, exposure: Exposure, day: date, position: int) -> AccountState:
    limit, currency = account.limit_on(day), account.currency
    free = None if limit.limit is None else limit.limit - exposure.total
    return AccountState(
        customer=customer,
        currency=currency,
        limit=None if limit.limit is None else non_negative(_written(limit.limit, currency), currency),
        because=limit.because,
        available=None if free is None else money(_written(free, currency), currency),
        exposure=money(_written(exposure.total, currency), currency),
        open_orders=non_negative(_written(exposure.open_orders, currency), currency),
        delivered=non_negative(_written(exposure.delivered, currency), currency),
        open_invoices=non_negative(_written(exposure.open_invoices, currency), currency),
        unallocated_cash=non_negative(_written(exposure.unallocated_cash, currency), currency),
        risk_class=account.risk_class,
        held_orders=len(exposure.holds),
        oldest_due=exposure.due.earliest,
        on=day,
        position=position,
    )


def _written(amount: Decimal, currency: str) -> Decimal:
    """With all places of the currency, as it is shown everywhere."""
    return amount.quantize(UNITS[currency])


ACCOUNT_STATES = Stated(
    shape=AccountState, handles=(*get_args(AccountEvent), *get_args(ExposureEvent)), refs=refs, tell=tell
)

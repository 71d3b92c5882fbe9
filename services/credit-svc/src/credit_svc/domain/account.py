"""The credit account of a customer: its currency, its own limit over time, its risk class."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeAlias, assert_never, cast

from pydantic import Field

from credit_svc.domain.amounts import non_negative, to_account
from credit_svc.domain.check import InForce, reconsidered
from credit_svc.domain.exposure import EXPOSURE
from engine.decider import Aggregate, Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States, Waits
from events.base import Currency, CustomerId, Event, Money, NonNegativeMoney
from events.credit import AccountEvent, AccountOpened, LimitSet, RiskClass, RiskClassSet

NEW_ACCOUNT_LIMIT: Decimal | None = Decimal(0)
"""The limit of a new account: no credit until somebody sets one (R-152); its orders are held or paid in advance."""
NEW_ACCOUNT_CLASS: RiskClass = "CA3"
"""The class of a new account: the middle one, treated as its limit says (R-108)."""
OWN_LIMIT = "own-limit"
NEW_ACCOUNT = "new-account-default"
"""Which rule set a limit: the `because` of a decision."""
Remark: TypeAlias = Annotated[str, Field(max_length=4000)]

# --- commands -----------------------------------------------------------------------------------------------------


class OpenAccount(Command):
    """Open the account of a customer that was registered."""

    customer: CustomerId
    currency: Currency
    on: date


class SetLimit(Command):
    """Set the customer's own limit from a day on (today by default); null is unlimited, 0 no credit."""

    customer: CustomerId
    limit: NonNegativeMoney | None
    valid_from: date | None = None
    reason: Remark = ""


class SetRiskClass(Command):
    """Set the customer's risk class from a day on (today by default), CA1 the best, CA5 cash only."""

    customer: CustomerId
    risk_class: RiskClass
    valid_from: date | None = None
    reason: Remark = ""


class ReconsiderHolds(Command):
    """Release what is held for no cause any more: due when a limit set in advance comes into force."""

    customer: CustomerId


AccountCommand: TypeAlias = OpenAccount | SetLimit | SetRiskClass | ReconsiderHolds

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatedLimit:
    valid_from: date
    limit: Decimal | None
    because: str


@dataclass(frozen=True, slots=True)
class CreditAccount:
    """`limits` in the order they came into force, first the default of a new account, which any own limit replaces.

    `currency` is empty while there is no account.
    """

    currency: str = ""
    limits: tuple[DatedLimit, ...] = ()
    risk_class: RiskClass = NEW_ACCOUNT_CLASS

    def limit_on(self, day: date) -> InForce:
        """The limit in force on `day`."""
        found = [known for known in self.limits if known.valid_from <= day][-1]
        return InForce(found.limit, self.currency, found.because)


# --- rules --------------------------------------------------------------------------------------------------------


class UnknownCustomer(Waits, NotFound):
    """Customer {customer} has no credit account."""

    zh: ClassVar[str] = "客户 {customer} 没有信用账户。"


class LimitInAnotherCurrency(Rejected):
    """The limit is in {currency}, the account is kept in {account_currency}."""

    zh: ClassVar[str] = "信用额度的币种为 {currency}，而账户币种为 {account_currency}。"


class RaiseNeedsReason(Rejected):
    """Raising the limit from {previous} to {limit} needs a reason."""

    zh: ClassVar[str] = "将信用额度由 {previous} 提高到 {limit} 必须说明理由。"


class CurrencyWithoutRate(Rejected):
    """{document} is in {currency}, the account is kept in {account_currency}: a rate is needed and never guessed."""

    zh: ClassVar[str] = "{document} 的币种为 {currency}，而账户币种为 {account_currency}：必须提供汇率，系统不作猜测。"


class RoundsToNothing(Rejected):
    """{amount} {currency} at the rate {rate} rounds to nothing in {account_currency}."""

    zh: ClassVar[str] = "{amount} {currency} 按汇率 {rate} 折算成 {account_currency} 后四舍五入为零。"


# --- decide -------------------------------------------------------------------------------------------------------


def opened(states: States, customer: str) -> CreditAccount:
    """The account of `customer`. Raises UnknownCustomer."""
    account = states[ACCOUNT(customer)]
    if not account.currency:
        raise UnknownCustomer(customer=customer)
    return account


def converted(money: Money, account: CreditAccount, rate: Decimal | None, document: str) -> Decimal:
    """`money` in the account's currency, rounded half up. Raises CurrencyWithoutRate, RoundsToNothing."""
    if money.currency == account.currency:
        return money.amount
    if rate is None:
        raise CurrencyWithoutRate(document=document, currency=money.currency, account_currency=account.currency)
    amount = to_account(money.amount, rate, account.currency)
    if not amount and money.amount:
        raise RoundsToNothing(
            amount=money.amount, currency=money.currency, rate=rate, account_currency=account.currency
        )
    return amount


def _open(cmd: OpenAccount, account: CreditAccount) -> list[Event]:
    if account.currency:
        return []
    start = NEW_ACCOUNT_LIMIT
    limit = None if start is None else non_negative(start, cmd.currency)
    return [
        AccountOpened(
            customer=cmd.customer, currency=cmd.currency, limit=limit, risk_class=NEW_ACCOUNT_CLASS, opened_on=cmd.on
        )
    ]


def _set_limit(cmd: SetLimit, account: CreditAccount, today: date) -> list[Event]:
    if cmd.limit is not None and cmd.limit.currency != account.currency:
        raise LimitInAnotherCurrency(currency=cmd.limit.currency, account_currency=account.currency)
    day = cmd.valid_from or today
    before = account.limit_on(day)
    limit = cmd.limit.amount if cmd.limit else None
    later = any(known.valid_from > day for known in account.limits)
    if limit == before.limit and before.because == OWN_LIMIT and not later:
        return []
    if _higher(limit, before.limit) and not cmd.reason.strip():
        raise RaiseNeedsReason(previous=_shown(before.limit), limit=_shown(limit))
    previous = before.as_money()
    return [LimitSet(customer=cmd.customer, limit=cmd.limit, previous=previous, reason=cmd.reason, valid_from=day)]


def _higher(limit: Decimal | None, before: Decimal | None) -> bool:
    return before is not None and (limit is None or limit > before)


def _shown(limit: Decimal | None) -> str:
    return "unlimited" if limit is None else str(limit)


def _set_class(cmd: SetRiskClass, account: CreditAccount, today: date) -> list[Event]:
    if cmd.risk_class == account.risk_class:
        return []
    return [
        RiskClassSet(
            customer=cmd.customer,
            risk_class=cmd.risk_class,
            previous=account.risk_class,
            reason=cmd.reason,
            valid_from=cmd.valid_from or today,
        )
    ]


def _releases(customer: str, states: States, set_now: list[Event], today: date) -> list[Event]:
    account = ACCOUNT.fold(set_now, states[ACCOUNT(customer)])
    return reconsidered(customer, states[EXPOSURE(customer)], account.limit_on(today), today)


def streams(cmd: AccountCommand, facts: Facts) -> list[Ref[Any]]:
    """The account; and the exposure, where holds may clear."""
    both = isinstance(cmd, SetLimit | ReconsiderHolds)
    return [ACCOUNT(cmd.customer), EXPOSURE(cmd.customer)] if both else [ACCOUNT(cmd.customer)]


def decide(cmd: AccountCommand, states: States, facts: Facts) -> Decision:
    """What the command comes to."""
    ref = ACCOUNT(cmd.customer)
    if isinstance(cmd, OpenAccount):
        return [(ref, e) for e in _open(cmd, states[ref])]
    account = opened(states, cmd.customer)
    match cmd:
        case SetLimit():
            done = _set_limit(cmd, account, facts.today)
            releases = _releases(cmd.customer, states, done, facts.today) if done else []
            return [*((ref, e) for e in done), *((EXPOSURE(cmd.customer), e) for e in releases)]
        case SetRiskClass():
            return [(ref, e) for e in _set_class(cmd, account, facts.today)]
        case ReconsiderHolds():
            return [(EXPOSURE(cmd.customer), e) for e in _releases(cmd.customer, states, [], facts.today)]
        case _:
            assert_never(cmd)


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: CreditAccount, event: Event) -> CreditAccount:
    """`state` after `event`."""
    match cast(AccountEvent, event):
        case AccountOpened(limit=limit, currency=currency, risk_class=risk_class):
            first = DatedLimit(date.min, limit.amount if limit else None, NEW_ACCOUNT)
            return CreditAccount(currency, (first,), risk_class)
        case LimitSet(limit=limit, valid_from=day):
            dated = DatedLimit(day, limit.amount if limit else None, OWN_LIMIT)
            return replace(state, limits=tuple(sorted((*state.limits, dated), key=lambda known: known.valid_from)))
        case RiskClassSet(risk_class=risk_class):
            return replace(state, risk_class=risk_class)
        case other:
            assert_never(other)


ACCOUNT = Aggregate("account", CreditAccount(), evolve)
ACCOUNTS: Decider[Facts] = Decider(
    commands=(OpenAccount, SetLimit, SetRiskClass, ReconsiderHolds),
    streams=streams,
    decide=decide,
    rules=(UnknownCustomer, LimitInAnotherCurrency, RaiseNeedsReason),
)

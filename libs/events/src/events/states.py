"""States that are published: what something is now, its newest record in a compacted topic. Never personal data."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from events.base import Currency, CustomerId, Id, Money, NonNegativeMoney, Value
from events.credit import RiskClass
from events.topics import ACCOUNT_STATE


class State(Value):
    """What is known of a customer: a record that replaces the one before it of the same key."""

    type: ClassVar[str]
    zh: ClassVar[str]
    topic: ClassVar[str]
    customer: CustomerId


class AccountState(State):
    """The credit account of a customer as it is on the open business day: what an order may still add, and why.

    exposure = open_orders + delivered + open_invoices - unallocated_cash. `limit` null is unlimited, 0 no credit;
    `because` names the rule that set it; `available` = limit - exposure, null where unlimited. `held_orders` wait for
    a release. `oldest_due` is the earliest due date of what is open. At least all up to `position` of the log is in it.
    """

    type: ClassVar[str] = "credit.AccountState.v1"
    zh: ClassVar[str] = "客户信用账户在当前营业日的状态：额度、敞口、可用额度、风险等级、被冻结的订单。"
    topic: ClassVar[str] = ACCOUNT_STATE
    currency: Currency
    limit: NonNegativeMoney | None
    because: Id
    available: Money | None
    exposure: Money
    open_orders: NonNegativeMoney
    delivered: NonNegativeMoney
    open_invoices: NonNegativeMoney
    unallocated_cash: NonNegativeMoney
    risk_class: RiskClass
    held_orders: Annotated[int, Field(ge=0)]
    oldest_due: date | None
    on: date
    position: Annotated[int, Field(ge=0)]


STATES: tuple[type[State], ...] = (AccountState,)

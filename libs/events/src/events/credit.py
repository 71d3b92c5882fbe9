"""Facts credit-svc states: limits, holds, reservations, what is owed, what came in, what is late."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, StringConstraints

from events.base import Currency, CustomerId, Event, Id, Money, NonNegativeMoney, PositiveMoney, Text, Value

RiskClass = Literal["CA1", "CA2", "CA3", "CA4", "CA5"]
Rate = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=10)]
"""Units of the account currency for one unit of the document's currency."""
Category = Literal["open_orders", "delivered", "open_invoices", "unallocated_cash"]
"""Parts of the exposure, none negative: open_orders + delivered + open_invoices - unallocated_cash = exposure."""
MovedBy = Literal[
    "order_granted",
    "order_held",
    "hold_released",
    "order_cancelled",
    "reservation_expired",
    "order_delivered",
    "invoice_issued",
    "payment_received",
    "credit_note_issued",
    "cash_allocated",
]
Requester = Annotated[str, StringConstraints(max_length=200)]
"""Who asked for an order: an actor's id; whoever asked does not release."""


class AccountOpened(Event):
    """The customer has a credit account, in one currency; `limit` null is unlimited, 0 is no credit."""

    type: ClassVar[str] = "credit.AccountOpened"
    customer: CustomerId
    currency: Currency
    limit: NonNegativeMoney | None
    risk_class: RiskClass
    opened_on: date

    def effective_on(self) -> date:
        return self.opened_on


class LimitSet(Event):
    """The customer's own limit is this from now on; null is unlimited, 0 is no credit."""

    type: ClassVar[str] = "credit.LimitSet"
    customer: CustomerId
    limit: NonNegativeMoney | None
    previous: NonNegativeMoney | None
    reason: Annotated[str, Field(max_length=4000)] = ""
    valid_from: date

    def effective_on(self) -> date:
        return self.valid_from


class RiskClassSet(Event):
    """R-107: the customer's risk class CA1 (best) to CA5 (cash only)."""

    type: ClassVar[str] = "credit.RiskClassSet"
    customer: CustomerId
    risk_class: RiskClass
    previous: RiskClass
    reason: Annotated[str, Field(max_length=4000)] = ""
    valid_from: date

    def effective_on(self) -> date:
        return self.valid_from


class HoldReason(Value):
    """One reason of a hold: the rule's code and the figures that made it apply. `exposure` is without the order."""

    rule: Id
    exposure: Money | None = None
    amount: NonNegativeMoney | None = None
    limit: NonNegativeMoney | None = None
    days_overdue: int | None = None
    note: Annotated[str, Field(max_length=4000)] = ""


class Decided(Value):
    """The facts a credit decision stood on: `exposure` without the order, `limit` in force, which rule set it, when."""

    exposure: Money
    limit: NonNegativeMoney | None
    because: Id
    on: date


class CreditGranted(Event):
    """This version of the order may go; `amount` is reserved until delivered, invoiced, cancelled or expired.

    `amount` is what of the order is neither delivered nor invoiced yet. The ExposureChanged beside it moves the totals.
    """

    type: ClassVar[str] = "credit.CreditGranted"
    customer: CustomerId
    order: Id
    order_version: int
    amount: NonNegativeMoney
    decided: Decided
    expires_on: date

    def effective_on(self) -> date:
        return self.decided.on


class OrderHeld(Event):
    """This version of the order may not go, for all these reasons; an earlier answer to the order is void.

    `amount` is what of it is neither delivered nor invoiced yet; in the order's currency where that is the reason.
    """

    type: ClassVar[str] = "credit.OrderHeld"
    customer: CustomerId
    order: Id
    order_version: int
    amount: NonNegativeMoney
    decided: Decided
    reasons: Annotated[tuple[HoldReason, ...], Field(min_length=1)]
    requested_by: Requester | None = None

    def effective_on(self) -> date:
        return self.decided.on


class HoldReleased(Event):
    """The hold is gone: by a person with a reason, or by itself when every cause was gone.

    `amount` is reserved, in the account's currency (with `rate` where the order has another one). The ExposureChanged
    beside it moves the totals.
    """

    type: ClassVar[str] = "credit.HoldReleased"
    customer: CustomerId
    order: Id
    order_version: int
    amount: NonNegativeMoney
    by: Literal["person", "cause_gone"]
    reason: Text
    expires_on: date
    rate: Rate | None = None


class HoldDropped(Event):
    """Nothing is left to hold: the order was cancelled, replaced by a new version, or delivered or invoiced in full."""

    type: ClassVar[str] = "credit.HoldDropped"
    customer: CustomerId
    order: Id
    order_version: int
    cause: Literal["cancelled", "changed", "fulfilled"]


class OrderProgressed(Event):
    """How far an order has been delivered and invoiced so far, as credit sees it (account currency, cumulative)."""

    type: ClassVar[str] = "credit.OrderProgressed"
    customer: CustomerId
    order: Id
    document: Id
    delivered: NonNegativeMoney
    invoiced: NonNegativeMoney
    on: date

    def effective_on(self) -> date:
        return self.on


class DueAmount(Value):
    """A change of what is open at one due date; positive adds to the receivable."""

    due: date
    amount: Money


class ExposureChanged(Event):
    """How a document moved the customer's exposure, by category (account currency); zero categories are left out.

    The only event that moves totals: sums over these events are the totals, on every date and position. `document` is
    the order, invoice, payment or credit note; `order` the order whose reservation or delivery moved. `due` splits the
    change of open_invoices by due date. A document that moves the exposure on two dates states two of these.
    """

    type: ClassVar[str] = "credit.ExposureChanged"
    customer: CustomerId
    document: Id
    cause: MovedBy
    changes: dict[Category, Money]
    due: tuple[DueAmount, ...] = ()
    order: Id | None = None
    on: date

    def effective_on(self) -> date:
        return self.on


class Instalment(Value):
    number: Annotated[int, Field(ge=1)]
    due: date
    amount: PositiveMoney


class InvoiceLine(Value):
    """`net` and `tax` of the line in the invoice's currency; `cost` of the whole line where known."""

    product: Id
    category: Annotated[str, Field(max_length=100)] = ""
    quantity: Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=4)]
    net: NonNegativeMoney
    tax: NonNegativeMoney | None = None
    cost: NonNegativeMoney | None = None


class InvoiceIssued(Event):
    """A receivable came into being. `amount` is gross of tax in the account currency, the sum of its instalments.

    A document in another currency carries it in `document_amount` with `rate`.
    """

    type: ClassVar[str] = "credit.InvoiceIssued"
    customer: CustomerId
    invoice: Id
    order: Id | None
    invoice_date: date
    amount: PositiveMoney
    instalments: Annotated[tuple[Instalment, ...], Field(min_length=1, max_length=120)]
    lines: Annotated[tuple[InvoiceLine, ...], Field(max_length=1000)] = ()
    document_amount: PositiveMoney | None = None
    rate: Rate | None = None

    def effective_on(self) -> date:
        return self.invoice_date


class InvoiceSettled(Event):
    """Part or all of an instalment is no longer owed, through a payment or a credit note."""

    type: ClassVar[str] = "credit.InvoiceSettled"
    customer: CustomerId
    invoice: Id
    instalment: int
    amount: PositiveMoney
    document: Id
    settled_on: date
    open: NonNegativeMoney
    """What is still owed of the instalment."""

    def effective_on(self) -> date:
        return self.settled_on


class PaymentReceived(Event):
    """Money came in. Until it is allocated it is unallocated cash and reduces what the customer owes as a whole."""

    type: ClassVar[str] = "credit.PaymentReceived"
    customer: CustomerId
    payment: Id
    amount: PositiveMoney
    value_date: date
    names: tuple[Id, ...] = ()
    document_amount: PositiveMoney | None = None
    rate: Rate | None = None

    def effective_on(self) -> date:
        return self.value_date


class CreditNoteIssued(Event):
    """We gave back part of an invoice; what exceeds its open amount stays as unallocated credit of the customer.

    `amount` and `net` are in the account currency; a document in another one carries `document_amount` and `rate`.
    """

    type: ClassVar[str] = "credit.CreditNoteIssued"
    customer: CustomerId
    credit_note: Id
    invoice: Id | None
    amount: PositiveMoney
    net: NonNegativeMoney | None = None
    issued_on: date
    reason: Text
    document_amount: PositiveMoney | None = None
    rate: Rate | None = None

    def effective_on(self) -> date:
        return self.issued_on


class Allocated(Event):
    """Unallocated cash or credit was set against an instalment; effective at the later of the two documents."""

    type: ClassVar[str] = "credit.Allocated"
    customer: CustomerId
    document: Id
    document_kind: Literal["payment", "credit_note"]
    invoice: Id
    instalment: int
    due: date
    amount: PositiveMoney
    effective: date

    def effective_on(self) -> date:
        return self.effective


class PaymentDelayed(Event):
    """An instalment was still open `days` days after its due date: a notice, never an input of a figure."""

    type: ClassVar[str] = "credit.PaymentDelayed"
    customer: CustomerId
    invoice: Id
    instalment: int
    due: date
    days: Annotated[int, Field(ge=1)]
    open: PositiveMoney

    def effective_on(self) -> date:
        return self.due + timedelta(days=self.days)


class CompanyAssetsReported(Event):
    """R-118: total assets of the selling company on a date, the denominator of the receivables warning line."""

    type: ClassVar[str] = "credit.CompanyAssetsReported"
    total_assets: PositiveMoney
    on: date

    def effective_on(self) -> date:
        return self.on


AccountEvent: TypeAlias = AccountOpened | LimitSet | RiskClassSet
"""What happens to a credit account."""
ExposureEvent: TypeAlias = ExposureChanged | CreditGranted | OrderHeld | HoldReleased | HoldDropped
"""What happens to an exposure."""
InvoiceEvent: TypeAlias = InvoiceIssued | InvoiceSettled | PaymentDelayed
"""What happens to an invoice."""
SettlementEvent: TypeAlias = PaymentReceived | CreditNoteIssued | Allocated
"""What happens to a payment or a credit note."""
EVENTS: tuple[type[Event], ...] = (
    AccountOpened,
    LimitSet,
    RiskClassSet,
    CreditGranted,
    OrderHeld,
    HoldReleased,
    HoldDropped,
    OrderProgressed,
    ExposureChanged,
    InvoiceIssued,
    InvoiceSettled,
    PaymentReceived,
    CreditNoteIssued,
    Allocated,
    PaymentDelayed,
    CompanyAssetsReported,
)

"""Documents an ERP sends us: what comes in on ``erp.*``. Not events of ours; each is answered with a receipt."""

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from events.base import Currency, CustomerId, Id, NonNegativeMoney, PositiveMoney, Text, Value
from events.credit import Instalment, InvoiceLine, Rate, RiskClass
from events.customer import Basics, Contact, DeliveredLine, OrderLine
from events.record import Blocks, Collected, Profile


class Document(Value):
    """A message of the ERP. `type` as CloudEvents type; `topic` names where it comes in; `zh` says what it is.

    `numbered` and `dated` name the fields with its number and its business date, where it has them; `sign` says which
    way its `amount` moves what the customer owes: 1, -1, or 0 where it does not.
    """

    type: ClassVar[str]
    topic: ClassVar[str]
    zh: ClassVar[str]
    numbered: ClassVar[str] = ""
    dated: ClassVar[str] = ""
    sign: ClassVar[int] = 0

    @property
    def about(self) -> str | None:
        """The customer it concerns: documents of one customer are decided in the order they come in."""
        return getattr(self, "customer", None)


class Customer(Document):
    """Create or update a customer's basic record, contacts, and what is known of persons (`collected` says how)."""

    type: ClassVar[str] = "erp.Customer.v1"
    topic: ClassVar[str] = "erp.customers.v1"
    zh: ClassVar[str] = "新建或更新客户的基本资料、联系人及个人情况。"
    customer: CustomerId
    basics: Basics
    since: date | None = None
    contacts: Annotated[tuple[Contact, ...], Field(max_length=100)] = ()
    profiles: Annotated[tuple[Profile, ...], Field(max_length=100)] = ()
    collected: Collected | None = None

    @model_validator(mode="after")
    def _says_how_profiles_were_collected(self) -> Self:
        if self.profiles and self.collected is None:
            raise ValueError("profiles need `collected`: on which day and how they came to be known")
        return self


class CustomerRecord(Document):
    """Blocks of a customer's record, as collected at one occasion; blocks left out stay as they are."""

    type: ClassVar[str] = "erp.CustomerRecord.v1"
    topic: ClassVar[str] = "erp.customers.v1"
    zh: ClassVar[str] = "一次采集到的客户档案各部分；未提供的部分保持不变。"
    customer: CustomerId
    collected: Collected
    blocks: Blocks


class CreditTerms(Document):
    """Limit and class of an account; `limit` null is unlimited, 0 is no credit."""

    type: ClassVar[str] = "erp.CreditTerms.v1"
    topic: ClassVar[str] = "erp.finance.v1"
    zh: ClassVar[str] = "账户的信用额度与信用等级；limit 为 null 表示不限额，0 表示不赊销。"
    customer: CustomerId
    limit: NonNegativeMoney | None
    risk_class: RiskClass | None = None
    valid_from: date
    reason: Text = "set in the ERP"


class Order(Document):
    """Place an order, or change it when it is known already."""

    type: ClassVar[str] = "erp.Order.v1"
    topic: ClassVar[str] = "erp.orders.v1"
    zh: ClassVar[str] = "下达订单；订单已存在时为变更。"
    numbered: ClassVar[str] = "order"
    dated: ClassVar[str] = "order_date"
    customer: CustomerId
    order: Id
    order_date: date
    currency: Currency
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=1000)]
    requested_delivery: date | None = None


class OrderCancellation(Document):
    """Cancel what has not been delivered of an order."""

    type: ClassVar[str] = "erp.OrderCancellation.v1"
    topic: ClassVar[str] = "erp.orders.v1"
    zh: ClassVar[str] = "取消订单中尚未发货的部分。"
    customer: CustomerId
    order: Id
    cancelled_on: date
    reason: Text = "cancelled in the ERP"


class Delivery(Document):
    """Goods left for the customer. Without lines: everything still undelivered."""

    type: ClassVar[str] = "erp.Delivery.v1"
    topic: ClassVar[str] = "erp.deliveries.v1"
    zh: ClassVar[str] = "货物已发往客户；不列明细时为全部未发货物。"
    numbered: ClassVar[str] = "delivery"
    dated: ClassVar[str] = "delivered_on"
    customer: CustomerId
    order: Id
    delivery: Id
    delivered_on: date
    lines: Annotated[tuple[DeliveredLine, ...], Field(max_length=1000)] = ()


class Invoice(Document):
    """An invoice, gross of tax; without instalments it is due as a whole on `due`."""

    type: ClassVar[str] = "erp.Invoice.v1"
    topic: ClassVar[str] = "erp.invoices.v1"
    zh: ClassVar[str] = "含税发票；不列分期时全额于 due 到期。"
    numbered: ClassVar[str] = "invoice"
    dated: ClassVar[str] = "invoice_date"
    sign: ClassVar[int] = 1
    customer: CustomerId
    invoice: Id
    order: Id | None = None
    invoice_date: date
    amount: PositiveMoney
    due: date | None = None
    instalments: Annotated[tuple[Instalment, ...], Field(max_length=120)] = ()
    lines: Annotated[tuple[InvoiceLine, ...], Field(max_length=1000)] = ()
    rate: Rate | None = None


class CreditNote(Document):
    """Give back part or all of an invoice."""

    type: ClassVar[str] = "erp.CreditNote.v1"
    topic: ClassVar[str] = "erp.invoices.v1"
    zh: ClassVar[str] = "冲减发票的部分或全部金额（红字发票）。"
    numbered: ClassVar[str] = "credit_note"
    dated: ClassVar[str] = "issued_on"
    sign: ClassVar[int] = -1
    customer: CustomerId
    credit_note: Id
    invoice: Id | None = None
    amount: PositiveMoney
    net: NonNegativeMoney | None = None
    issued_on: date
    reason: Text
    rate: Rate | None = None


class Payment(Document):
    """Money came in; `names` are the invoices it is for, in order; without names: oldest due first."""

    type: ClassVar[str] = "erp.Payment.v1"
    topic: ClassVar[str] = "erp.payments.v1"
    zh: ClassVar[str] = "收到款项；names 依次列出所付发票，未列时先付最早到期者。"
    numbered: ClassVar[str] = "payment"
    dated: ClassVar[str] = "value_date"
    sign: ClassVar[int] = -1
    customer: CustomerId
    payment: Id
    amount: PositiveMoney
    value_date: date
    names: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    rate: Rate | None = None


class BalanceSheet(Document):
    """Total assets of the selling company on a date (R-118)."""

    type: ClassVar[str] = "erp.BalanceSheet.v1"
    topic: ClassVar[str] = "erp.finance.v1"
    zh: ClassVar[str] = "本公司某日的资产总额（R-118）。"
    total_assets: PositiveMoney
    on: date


DOCUMENTS: tuple[type[Document], ...] = (
    Customer,
    CustomerRecord,
    CreditTerms,
    Order,
    OrderCancellation,
    Delivery,
    Invoice,
    CreditNote,
    Payment,
    BalanceSheet,
)

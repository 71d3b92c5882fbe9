"""Facts customer-svc states: who the customer is, who looks after it, what was ordered and delivered."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from events.base import Currency, CustomerId, Event, Id, Name, NonNegativeMoney, Personal, Quantity, Text, Value
from events.record import (
    BusinessStatus,
    Characteristics,
    Collected,
    Dealings,
    Dossier,
    Profile,
    SupplyNeeds,
    TradingStatus,
)

CustomerType = Literal["dealer", "retailer", "agent", "industrial_customer", "consumer", "other"]
"""R-012: 经销商, 零售商, 代理商, 工业客户, 消费者; an open list."""


class Address(Value):
    street: Annotated[str, Field(max_length=400)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    postal_code: Annotated[str, Field(max_length=30)] = ""
    country: Annotated[str, Field(max_length=60)] = ""


class Basics(Value):
    """R-001: the basic record of the company that buys from us; it holds no personal data."""

    name: Name
    type: CustomerType
    currency: Currency
    owner: Id | None = None
    group: Id | None = None
    phone: Annotated[str, Field(max_length=60)] = ""
    address: Address = Address()
    tax_id: Annotated[str, Field(max_length=40)] = ""


class Contact(Value):
    """A person at the customer; every readable field is personal data of `person`.

    `role` is any word; R-001 names `proprietor`, `operating_manager` and `legal_representative`.
    """

    person: Id
    role: Annotated[str, Field(max_length=60)] = ""
    name: Personal
    phone: Personal = None
    email: Personal = None


class OrderLine(Value):
    """`price` and `cost` are for one unit, before tax, in the order's currency; line value = quantity x price."""

    product: Id
    description: Annotated[str, Field(max_length=200)] = ""
    category: Annotated[str, Field(max_length=100)] = ""
    quantity: Annotated[Quantity, Field(gt=0)]
    price: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
    cost: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)] | None = None


class DeliveredLine(Value):
    product: Id
    quantity: Annotated[Quantity, Field(gt=0)]


class CustomerRegistered(Event):
    """A company became known to us as a customer."""

    type: ClassVar[str] = "customer.CustomerRegistered"
    customer: CustomerId
    basics: Basics
    since: date

    def effective_on(self) -> date:
        return self.since


class CustomerUpdated(Event):
    """The basic record reads so from now on (R-008)."""

    type: ClassVar[str] = "customer.CustomerUpdated"
    customer: CustomerId
    basics: Basics


class OwnerAssigned(Event):
    """R-011: this employee is responsible for the customer from now on."""

    type: ClassVar[str] = "customer.OwnerAssigned"
    customer: CustomerId
    owner: Id
    previous: Id | None


class ContactRecorded(Event):
    """A person at the customer, new or changed."""

    type: ClassVar[str] = "customer.ContactRecorded"
    customer: CustomerId
    contact: Contact


class ContactRemoved(Event):
    """The person no longer speaks for the customer; the data stays until erased."""

    type: ClassVar[str] = "customer.ContactRemoved"
    customer: CustomerId
    person: Id


class PersonErased(Event):
    """The key of this person is destroyed; what was said of the person can no longer be read anywhere."""

    type: ClassVar[str] = "customer.PersonErased"
    customer: CustomerId
    person: Id
    reason: Text


class RecordEvent(Event):
    """Something of the customer record, and how it came to be known."""

    customer: CustomerId
    collected: Collected

    def effective_on(self) -> date:
        return self.collected.on


class DealingsRecorded(RecordEvent):
    """R-003, R-013, R-014: which business the customer does with us, and in which form."""

    type: ClassVar[str] = "customer.DealingsRecorded"
    block: Dealings


class CharacteristicsRecorded(RecordEvent):
    """R-005: the customer's characteristics, as found on that day."""

    type: ClassVar[str] = "customer.CharacteristicsRecorded"
    block: Characteristics


class BusinessStatusRecorded(RecordEvent):
    """R-006: how the customer does in its market and with us, as found on that day."""

    type: ClassVar[str] = "customer.BusinessStatusRecorded"
    block: BusinessStatus


class TradingStatusRecorded(RecordEvent):
    """R-007: how the customer's trade stands, as found on that day."""

    type: ClassVar[str] = "customer.TradingStatusRecorded"
    block: TradingStatus


class SupplyNeedsRecorded(RecordEvent):
    """R-015: what the customer expects of our deliveries, as said on that day."""

    type: ClassVar[str] = "customer.SupplyNeedsRecorded"
    block: SupplyNeeds


class DossierRecorded(RecordEvent):
    """R-020: the customer's dossier for sales preparation."""

    type: ClassVar[str] = "customer.DossierRecorded"
    block: Dossier


class RecordVerified(RecordEvent):
    """R-008: the whole record was looked through on that day and still reads right."""

    type: ClassVar[str] = "customer.RecordVerified"


class ProfileRecorded(RecordEvent):
    """R-002, R-021: what is known of a person at the customer; replaces what was known before."""

    type: ClassVar[str] = "customer.ProfileRecorded"
    profile: Profile


class OrderPlaced(Event):
    """The customer ordered. `total` = sum of quantity x price, rounded half up to the currency's minor units."""

    type: ClassVar[str] = "customer.OrderPlaced"
    customer: CustomerId
    order: Id
    order_version: Literal[1] = 1
    order_date: date
    currency: Currency
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=1000)]
    total: NonNegativeMoney
    requested_delivery: date | None = None

    def effective_on(self) -> date:
        return self.order_date


class OrderChanged(Event):
    """The order reads so from now on; credit is checked again for the new version."""

    type: ClassVar[str] = "customer.OrderChanged"
    customer: CustomerId
    order: Id
    order_version: Annotated[int, Field(ge=2)]
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=1000)]
    previous_lines: tuple[OrderLine, ...]
    total: NonNegativeMoney
    previous_total: NonNegativeMoney
    changed_on: date
    requested_delivery: date | None = None

    def effective_on(self) -> date:
        return self.changed_on


class OrderCancelled(Event):
    """The order will not be delivered any further; `lines` are what falls away, `undelivered` is its value."""

    type: ClassVar[str] = "customer.OrderCancelled"
    customer: CustomerId
    order: Id
    order_version: int
    lines: tuple[OrderLine, ...]
    undelivered: NonNegativeMoney
    reason: Text
    cancelled_on: date

    def effective_on(self) -> date:
        return self.cancelled_on


class OrderDelivered(Event):
    """Goods left for the customer; `value` at order prices: the values of all deliveries add up to the order's total.

    `despite` says that credit had not granted the order when the ERP reported goods that had left already.
    """

    type: ClassVar[str] = "customer.OrderDelivered"
    customer: CustomerId
    order: Id
    delivery: Id
    lines: Annotated[tuple[DeliveredLine, ...], Field(min_length=1, max_length=1000)]
    value: NonNegativeMoney
    complete: bool
    delivered_on: date
    despite: Literal["not_decided", "held"] | None = None

    def effective_on(self) -> date:
        return self.delivered_on


class OrderConfirmed(Event):
    """Credit was granted for this version of the order; it may be delivered."""

    type: ClassVar[str] = "customer.OrderConfirmed"
    customer: CustomerId
    order: Id
    order_version: int


class OrderBlocked(Event):
    """Credit holds this version of the order, for all these reasons (rule codes)."""

    type: ClassVar[str] = "customer.OrderBlocked"
    customer: CustomerId
    order: Id
    order_version: int
    reasons: tuple[str, ...]

    @model_validator(mode="after")
    def _names_a_reason(self) -> Self:
        if not self.reasons:
            raise ValueError("a block names at least one reason")
        return self


OrderEvent: TypeAlias = OrderPlaced | OrderChanged | OrderCancelled | OrderDelivered | OrderConfirmed | OrderBlocked
"""What happens to an order."""

CustomerEvent: TypeAlias = (
    CustomerRegistered
    | CustomerUpdated
    | OwnerAssigned
    | ContactRecorded
    | ContactRemoved
    | PersonErased
    | ProfileRecorded
)
"""What happens to a customer and the people who speak for it."""

BlockRecorded: TypeAlias = (
    DealingsRecorded
    | CharacteristicsRecorded
    | BusinessStatusRecorded
    | TradingStatusRecorded
    | SupplyNeedsRecorded
    | DossierRecorded
)
"""A block of the record reads so."""

EVENTS = (
    CustomerRegistered,
    CustomerUpdated,
    OwnerAssigned,
    ContactRecorded,
    ContactRemoved,
    PersonErased,
    ProfileRecorded,
    DealingsRecorded,
    CharacteristicsRecorded,
    BusinessStatusRecorded,
    TradingStatusRecorded,
    SupplyNeedsRecorded,
    DossierRecorded,
    RecordVerified,
    OrderPlaced,
    OrderChanged,
    OrderCancelled,
    OrderDelivered,
    OrderConfirmed,
    OrderBlocked,
)

"""What a customer orders, what leaves for it and what it is billed: every amount follows from quantity and price."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from all_in_one.demo.company.buyers import Buyer, Firm
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.products import TENTH_OF_A_FEN, VALUE_ADDED_TAX, Product, cost_on
from all_in_one.demo.company.seasons import season, working_day
from events import erp

CURRENCY = "CNY"
FEN = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Line:
    """Pieces of a product at the customer's price; `cost` of one piece."""

    product: Product
    quantity: int
    price: Decimal
    cost: Decimal

    @property
    def net(self) -> Decimal:
        return (self.price * self.quantity).quantize(FEN, ROUND_HALF_UP)

    @property
    def tax(self) -> Decimal:
        return (self.net * VALUE_ADDED_TAX).quantize(FEN, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods that leave on `day`; they are billed on the same day, `terms` says when parts of that are due."""

    number: int
    day: date
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Deal:
    """An order with what becomes of it: shipments, or its cancellation."""

    buyer: Buyer
    number: int
    placed: date
    lines: Sequence[Line]
    shipments: Sequence[Shipment]
    cancelled: date | None = None

    @property
    def key(self) -> str:
        return f"{self.buyer.number}-{self.number:03}"

    @property
    def order(self) -> str:
        return f"SO-{self.key}"


@dataclass(frozen=True, slots=True)
class Part:
    """An instalment of a bill."""

    number: int
    due: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """The invoice of a shipment."""

    deal: Deal
    shipment: Shipment
    parts: Sequence[Part]

    @property
    def invoice(self) -> str:
        return f"INV-{self.deal.key}-{self.shipment.number}"

    @property
    def amount(self) -> Decimal:
        return sum((part.amount for part in self.parts), Decimal(0))


def money(amount: Decimal) -> Mapping[str, str]:
    """An amount as documents write it."""
    return {"amount": str(amount), "currency": CURRENCY}


# --- deals --------------------------------------------------------------------------------------------------------


def deals(buyer: Buyer, firm: Firm, through: date) -> Iterator[Deal]:
    """The orders placed up to `through`, in order; a later `through` adds orders and changes none."""
    draw = firm.chance.of(buyer.id, "deal")
    start = max(firm.first, buyer.since)
    day, number = start + timedelta(days=int(buyer.rhythm * draw.unit("first"))), 0
    while day <= through:
        number += 1
        gap = max(2, round(buyer.rhythm * (0.7 + 0.6 * draw.unit(number, "gap")) / _pace(buyer, day)))
        yield _deal(buyer, firm, number, day, gap)
        day += timedelta(days=gap)


def _pace(buyer: Buyer, day: date) -> float:
    """In season orders are larger and come more often."""
    return float(season(buyer.products[0].category, day) ** 0.5)


def _deal(buyer: Buyer, firm: Firm, number: int, day: date, gap: int) -> Deal:
    draw = firm.chance.of(buyer.id, "deal", number)
    placed = working_day(day)
    worth = buyer.yearly * gap / 365 * (0.8 + 0.4 * draw.unit("worth"))
    worth *= _pace(buyer, day) * (1 + buyer.growth * ((day - firm.until).days / 365))
    lines = _lines(buyer, placed, worth, draw.between(1, len(buyer.products), "lines"))
    if draw.odds(0.025, "cancelled"):
        return Deal(buyer, number, placed, lines, (), working_day(placed + timedelta(days=draw.between(2, 8, "off"))))
    leaves = working_day(placed + timedelta(days=draw.between(6, 18, "lead")))
    if draw.odds(0.15, "split"):
        first, rest = _split(lines)
        later = working_day(leaves + timedelta(days=draw.between(5, 12, "later")))
        return Deal(buyer, number, placed, lines, [Shipment(1, leaves, first), Shipment(2, later, rest)])
    return Deal(buyer, number, placed, lines, [Shipment(1, leaves, lines)])


def _lines(buyer: Buyer, day: date, worth: float, count: int) -> Sequence[Line]:
    """`worth` yuan, evenly over the first `count` products, in whole pallets."""
    return [line_of(product, buyer.discount, day, worth / count) for product in buyer.products[:count]]


def line_of(product: Product, discount: Decimal, day: date, worth: float) -> Line:
    """About `worth` yuan of a product, in whole pallets, one at least."""
    price = (product.price * (1 - discount)).quantize(TENTH_OF_A_FEN, ROUND_HALF_UP)
    pallets = max(2, round(worth / (float(price) * product.pack)))
    return Line(product, pallets * product.pack, price, cost_on(product, day))


def _split(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The larger half of every line first, in whole pallets."""
    halves = [(line.quantity // line.product.pack + 1) // 2 * line.product.pack for line in lines]
    first = [Line(x.product, half, x.price, x.cost) for x, half in zip(lines, halves, strict=True)]
    rest = [Line(x.product, x.quantity - half, x.price, x.cost) for x, half in zip(lines, halves, strict=True)]
    return first, rest


# --- documents ----------------------------------------------------------------------------------------------------


def bills(deal: Deal) -> Sequence[Bill]:
    """The invoices of a deal, one for each shipment; parts are equal, the last takes what rounding leaves."""
    return [Bill(deal, shipment, _parts(deal, shipment)) for shipment in deal.shipments]


def _parts(deal: Deal, shipment: Shipment) -> Sequence[Part]:
    total = sum((line.net + line.tax for line in shipment.lines), Decimal(0))
    terms = deal.buyer.terms
    equal = (total / len(terms)).quantize(FEN, ROUND_HALF_UP)
    amounts = [*[equal] * (len(terms) - 1), total - equal * (len(terms) - 1)]
    return [
        Part(n, shipment.day + timedelta(days=days), amount)
        for n, (days, amount) in enumerate(zip(terms, amounts, strict=True), 1)
    ]


def papers(deal: Deal) -> Iterator[Document]:
    """Order, deliveries, invoices, cancellation."""
    yield _order(deal)
    if deal.cancelled:
        data = {"customer": deal.buyer.id, "order": deal.order, "cancelled_on": str(deal.cancelled)}
        told = {**data, "reason": "客户取消 cancelled by the customer"}
        yield Document(erp.OrderCancellation.type, f"cancel/{deal.order}", deal.cancelled, deal.cancelled, told)
    for bill in bills(deal):
        yield _delivery(deal, bill.shipment)
        yield _invoice(bill)


def _order(deal: Deal) -> Document:
    data = {
        "customer": deal.buyer.id,
        "order": deal.order,
        "order_date": str(deal.placed),
        "currency": CURRENCY,
        "requested_delivery": str(deal.placed + timedelta(days=14)),
        "lines": [
            {
                "product": line.product.id,
                "description": line.product.description,
                "category": line.product.category,
                "quantity": str(line.quantity),
                "price": str(line.price),
                "cost": str(line.cost),
            }
            for line in deal.lines
        ],
    }
    return Document(erp.Order.type, f"order/{deal.order}", deal.placed, deal.placed, data)


def _delivery(deal: Deal, shipment: Shipment) -> Document:
    key = f"DN-{deal.key}-{shipment.number}"
    data = {
        "customer": deal.buyer.id,
        "order": deal.order,
        "delivery": key,
        "delivered_on": str(shipment.day),
        "lines": [{"product": line.product.id, "quantity": str(line.quantity)} for line in shipment.lines],
    }
    return Document(erp.Delivery.type, f"delivery/{key}", shipment.day, shipment.day, data)


def _invoice(bill: Bill) -> Document:
    data: dict[str, Any] = {
        "customer": bill.deal.buyer.id,
        "invoice": bill.invoice,
        "order": bill.deal.order,
        "invoice_date": str(bill.shipment.day),
        "amount": money(bill.amount),
        "lines": [
            {
                "product": line.product.id,
                "category": line.product.category,
                "quantity": str(line.quantity),
                "net": money(line.net),
                "tax": money(line.tax),
                "cost": money((line.cost * line.quantity).quantize(FEN, ROUND_HALF_UP)),
            }
            for line in bill.shipment.lines
        ],
    }
    if len(bill.parts) == 1:
        data["due"] = str(bill.parts[0].due)
    else:
        data["instalments"] = [{"number": p.number, "due": str(p.due), "amount": money(p.amount)} for p in bill.parts]
    return Document(erp.Invoice.type, f"invoice/{bill.invoice}", bill.shipment.day, bill.shipment.day, data)

"""An order and what becomes of it: what leaves, what is billed. Every amount follows from quantity and price."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from all_in_one.demo.company.buyers import Buyer
from all_in_one.demo.company.products import TENTH_OF_A_FEN, VALUE_ADDED_TAX, Product, cost_on

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

    def of(self, quantity: int) -> "Line":
        """The same, so many pieces of it."""
        return Line(self.product, quantity, self.price, self.cost)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods that leave on `day`, and are billed on that day."""

    number: int
    day: date
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Deal:
    """An order with its shipments, or its cancellation."""

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

    @property
    def bills(self) -> Sequence["Bill"]:
        """One for each shipment."""
        return [Bill(self, shipment, _parts(self.buyer, shipment)) for shipment in self.shipments]


@dataclass(frozen=True, slots=True)
class Part:
    """An instalment of a bill."""

    number: int
    due: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """The invoice of a shipment, gross of tax."""

    deal: Deal
    shipment: Shipment
    parts: Sequence[Part]

    @property
    def key(self) -> str:
        return f"{self.deal.key}-{self.shipment.number}"

    @property
    def invoice(self) -> str:
        return f"INV-{self.key}"

    @property
    def day(self) -> date:
        return self.shipment.day

    @property
    def amount(self) -> Decimal:
        return sum((part.amount for part in self.parts), Decimal(0))


def _parts(buyer: Buyer, shipment: Shipment) -> Sequence[Part]:
    """Equal parts; the last takes what rounding leaves."""
    total = sum((line.net + line.tax for line in shipment.lines), Decimal(0))
    equal = (total / len(buyer.terms)).quantize(FEN, ROUND_HALF_UP)
    amounts = [*[equal] * (len(buyer.terms) - 1), total - equal * (len(buyer.terms) - 1)]
    return [
        Part(number, shipment.day + timedelta(days=days), amount)
        for number, (days, amount) in enumerate(zip(buyer.terms, amounts, strict=True), 1)
    ]


def line_of(product: Product, discount: Decimal, day: date, worth: float) -> Line:
    """About `worth` yuan of a product before tax, in whole pallets, two at least."""
    price = (product.price * (1 - discount)).quantize(TENTH_OF_A_FEN, ROUND_HALF_UP)
    pallets = max(2, round(worth / (float(price) * product.pack)))
    return Line(product, pallets * product.pack, price, cost_on(product, day))


def halves(lines: Sequence[Line]) -> tuple[Sequence[Line], Sequence[Line]]:
    """The larger half of every line, and the rest, in whole pallets."""
    first = [line.of((line.quantity // line.product.pack + 1) // 2 * line.product.pack) for line in lines]
    return first, [line.of(line.quantity - half.quantity) for line, half in zip(lines, first, strict=True)]

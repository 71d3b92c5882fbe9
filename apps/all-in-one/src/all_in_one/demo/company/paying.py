"""How bills are paid: early, promptly, late, ever later, in parts, under protest, or no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from all_in_one.demo.company.buyers import Buyer, Firm
from all_in_one.demo.company.chance import Chance
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.trade import FEN, Bill, Part, money
from events import erp

SLOW_FOR = 270
"""Days before the last day on which the deteriorating payers begin to."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that comes in on `day`."""

    day: date
    amount: Decimal


def payments(bill: Bill, firm: Firm) -> Iterator[Document]:
    """The payments for a bill; one in thirty is told to us days or weeks after it came in."""
    buyer = bill.deal.buyer
    for part in bill.parts:
        draw = firm.chance.of(buyer.id, "pay", bill.invoice, part.number)
        for number, came in enumerate(_moneys(buyer, bill, part, firm, draw), 1):
            key = f"PAY-{bill.invoice.partition('-')[2]}-{part.number}{number}"
            told = came.day + timedelta(days=draw.between(5, 24, "lag") if draw.odds(1 / 30, "slow", number) else 0)
            data = {
                "customer": buyer.id,
                "payment": key,
                "amount": money(came.amount),
                "value_date": str(came.day),
                "names": [bill.invoice],
            }
            yield Document(erp.Payment.type, f"payment/{key}", came.day, told, data)


def _moneys(buyer: Buyer, bill: Bill, part: Part, firm: Firm, draw: Chance) -> Iterator[Money]:
    match buyer.entry.payer:
        case "partial" | "disputing":
            first = (part.amount * Decimal(draw.between(55, 70, "share")) / 100).quantize(FEN, ROUND_HALF_UP)
            yield Money(part.due + timedelta(days=draw.between(0, 6, "days")), first)
            yield Money(part.due + timedelta(days=draw.between(32, 55, "rest")), part.amount - first)
        case "prepaid":
            yield Money(bill.shipment.day - timedelta(days=draw.between(2, 6, "days")), part.amount)
        case _:
            day = max(bill.shipment.day, part.due + timedelta(days=days_late(buyer, part.due, firm, draw)))
            yield Money(day, part.amount)


def days_late(buyer: Buyer, due: date, firm: Firm, draw: Chance) -> int:
    """Days after the due date on which a bill is paid; negative: before it."""
    match buyer.entry.payer:
        case "early":
            return draw.between(-14, -2, "days")
        case "late":
            return draw.between(8, 27, "days")
        case "deteriorating" | "failing":
            slower = max(0, SLOW_FOR - (firm.until - due).days)
            return draw.between(0, 4, "days") + min(75, round(slower * 0.17))
        case _:
            return draw.between(-2, 4, "days")

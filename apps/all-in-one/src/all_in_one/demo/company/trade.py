"""What most customers order, and how they pay: by season and size, early, promptly, late, in parts or in advance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from all_in_one.demo.company.buyers import Buyer, Firm
from all_in_one.demo.company.chance import Chance
from all_in_one.demo.company.deals import FEN, Bill, Deal, Line, Part, Shipment, halves, line_of
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.limits import reviews
from all_in_one.demo.company.papers import Given, Paid
from all_in_one.demo.company.seasons import season, working_day

DAYS_LATE = {"early": (-14, -2), "prompt": (-5, 0), "late": (8, 27)}
"""Days after the due date on which a bill is paid; negative: before it."""


@dataclass(frozen=True, slots=True)
class Usual:
    """A customer without a story."""

    buyer: Buyer
    firm: Firm

    def decisions(self) -> Iterator[Document]:
        """Limits and classes over the years."""
        return reviews(self.buyer, self.firm)

    def deals(self, through: date) -> Iterator[Deal]:
        """The orders placed up to `through`, in order; a later `through` adds orders and changes none."""
        buyer, draw = self.buyer, self.firm.chance.of(self.buyer.id, "deal")
        start = max(self.firm.first, buyer.since)
        day, number = start + timedelta(days=int(buyer.rhythm * draw.unit("first"))), 0
        while day <= through:
            number += 1
            gap = max(2, round(buyer.rhythm * (0.7 + 0.6 * draw.unit(number, "gap")) / _pace(buyer, day)))
            yield _deal(buyer, self.firm, number, day, gap)
            day += timedelta(days=gap)

    def paid(self, bill: Bill, part: Part) -> Iterator[Paid]:
        """The money for a part of a bill; of one payment in thirty we are told days or weeks after it came in."""
        draw = self.firm.chance.of(self.buyer.id, "pay", bill.key, part.number)
        back = self.given(bill) if part is bill.parts[-1] else None
        for number, (day, amount) in enumerate(_moneys(bill, part, draw, back.amount if back else Decimal(0))):
            slow = draw.odds(1 / 30, "slow", number)
            yield Paid(day, amount, draw.between(5, 24, "lag", number) if slow else 0)

    def given(self, bill: Bill) -> Given | None:
        """One bill in sixty is corrected, mostly weeks later: a pallet was short."""
        draw = self.firm.chance.of(self.buyer.id, "given", bill.key)
        if self.buyer.entry.payer == "prepaid" or not draw.odds(1 / 60):
            return None
        line = bill.shipment.lines[0].of(bill.shipment.lines[0].product.pack)
        amount = min(line.net + line.tax, (bill.parts[-1].amount / 4).quantize(FEN, ROUND_HALF_UP))
        day = bill.day + timedelta(days=draw.between(4, 12, "day"))
        return Given(day, amount, "少交一板 one pallet short", draw.between(0, 25, "lag"))


def _moneys(bill: Bill, part: Part, draw: Chance, returned: Decimal) -> Iterator[tuple[date, Decimal]]:
    owed = part.amount - returned
    match bill.deal.buyer.entry.payer:
        case "partial":
            first = (owed * draw.between(55, 70, "share") / 100).quantize(FEN, ROUND_HALF_UP)
            yield part.due + timedelta(days=draw.between(0, 6, "days")), first
            yield part.due + timedelta(days=draw.between(20, 28, "rest")), owed - first
        case "prepaid":
            yield bill.day - timedelta(days=draw.between(2, 6, "days")), owed
        case payer:
            least, most = DAYS_LATE[payer]
            yield max(bill.day, part.due + timedelta(days=draw.between(least, most, "days"))), owed


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
        first, rest = halves(lines)
        later = working_day(leaves + timedelta(days=draw.between(5, 12, "later")))
        return Deal(buyer, number, placed, lines, [Shipment(1, leaves, first), Shipment(2, later, rest)])
    return Deal(buyer, number, placed, lines, [Shipment(1, leaves, lines)])


def _lines(buyer: Buyer, day: date, worth: float, count: int) -> Sequence[Line]:
    """`worth` yuan, evenly over the first `count` products, in whole pallets."""
    return [line_of(product, buyer.discount, day, worth / count) for product in buyer.products[:count]]

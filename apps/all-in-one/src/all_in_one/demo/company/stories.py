"""The customers with a story: what each orders when, and how it pays, which is all there is to find in the figures.

All is counted in days from the last day, without seasons, working days and dice: a story reads the same in every year.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from all_in_one.demo.company.buyers import HISTORY, Buyer, Firm, Terms
from all_in_one.demo.company.deals import FEN, Bill, Deal, Part, Shipment, line_of
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.papers import Given, Paid, terms

Orders = Callable[[], Iterator[tuple[int, int]]]
"""Yields (days before the last day, yuan before tax), the earliest first, without end or until there are no more."""
Payments = Callable[[int, int], Sequence[tuple[int, int, int]]]
"""(number of the bill, days before the last day on which it is due) -> (days late, percent of it, days untold)."""
Decisions = Sequence[tuple[int, int, str, str]]
"""(days before the last day, limit in yuan, class, reason)."""


@dataclass(frozen=True, slots=True)
class Story:
    """`gives`: the percentage of a disputed bill that is given back; `disputes`: every so manieth bill, 0 for none."""

    orders: Orders
    pays: Payments
    decided: Decisions
    terms: Terms = (45,)
    lead: int = 10
    disputes: int = 0
    gives: int = 0
    since: int = 1500


# --- what is ordered ----------------------------------------------------------------------------------------------


def every(days: int, worth: int, *, start: int = HISTORY - 5) -> Orders:
    """The same again and again."""

    def orders() -> Iterator[tuple[int, int]]:
        ago = start
        while True:
            yield ago, worth
            ago -= days

    return orders


def _more_and_more() -> Iterator[tuple[int, int]]:
    """600,000 every four weeks; for the last five months more, and every two; two more orders, and no others."""
    yield from ((ago, 600_000) for ago in range(HISTORY - 18, 146, -28))
    yield from ((ago, 700_000 + 50_000 * n) for n, ago in enumerate(range(140, 0, -14)))
    yield from ((0, 1_300_000), (-10, 1_400_000))


def _campaign() -> Iterator[tuple[int, int]]:
    """1,500,000 every sixteen days, and three large orders for a campaign in the last weeks."""
    for ago, worth in every(16, 1_500_000, start=HISTORY - 8)():
        yield ago, worth * 2 if 0 < ago <= 48 else worth


def _first_order() -> Iterator[tuple[int, int]]:
    """Two orders of a customer that nobody has given a limit yet."""
    yield from ((0, 420_000), (-24, 380_000))


# --- how it is paid -----------------------------------------------------------------------------------------------


def _promptly(_: int, __: int) -> Sequence[tuple[int, int, int]]:
    return [(0, 100, 0)]


def ever_later(_: int, due: int) -> Sequence[tuple[int, int, int]]:
    """Promptly until nine months ago; since then a week later every month."""
    return [(min(95, max(0, 282 - due) * 26 // 100), 100, 0)]


def _no_more(_: int, due: int) -> Sequence[tuple[int, int, int]]:
    """Promptly, then ever later, then 40 % of a bill with a promise for the rest, then nothing."""
    if due > 240:
        return [(0, 100, 0)]
    if due > 100:
        return [((240 - due) // 5, 100, 0)]
    return [(7, 40, 0)] if due > 86 else []


def _until_now(_: int, due: int) -> Sequence[tuple[int, int, int]]:
    """Promptly; what is due in these days, and later, seven weeks late."""
    return [(0 if due > 3 else 49, 100, 0)]


def _in_two(number: int, _: int) -> Sequence[tuple[int, int, int]]:
    """Every second bill in two parts: 60 %, and the rest four weeks after it was due."""
    return [(0, 60, 0), (27, 40, 0)] if number % 2 else [(0, 100, 0)]


def _told_late(_: int, due: int) -> Sequence[tuple[int, int, int]]:
    """On the day, always; of one payment the bank told us a month later."""
    return [(0, 100, 30 if 44 < due <= 58 else 0)]


def _under_protest(number: int, _: int) -> Sequence[tuple[int, int, int]]:
    """Of every fourth bill 70 %; then 12 % are given back, and the rest is paid."""
    return [(0, 70, 0), (26, 18, 0)] if number % 4 == 0 else [(0, 100, 0)]


def _settled(limit: int, risk_class: str = "CA2") -> Decisions:
    return (
        (HISTORY, limit * 3 // 4, "CA3", "开户 opening"),
        (500, limit, risk_class, "年度复核 yearly review"),
    )


def _deteriorating(days: int, worth: int, limit: int, start: int) -> Story:
    decided = (*_settled(limit), (35, limit, "CA3", "付款变慢 pays more slowly"))
    return Story(every(days, worth, start=HISTORY - start), ever_later, decided)


STORIES: Mapping[str, Story] = {
    "C-117": Story(
        _more_and_more,
        _no_more,
        (
            (HISTORY, 5_000_000, "CA3", "开户 opening"),
            (700, 6_000_000, "CA2", "年度复核 yearly review"),
            (150, 8_000_000, "CA2", "订单大增 strong growth"),
            (14, 8_000_000, "CA4", "付款中断 payments stopped"),
        ),
    ),
    "C-118": Story(every(21, 1_200_000), _told_late, _settled(9_000_000)),
    "C-119": Story(every(17, 800_000, start=HISTORY - 1), _until_now, _settled(6_000_000)),
    "C-121": _deteriorating(14, 900_000, 12_000_000, 3),
    "C-122": _deteriorating(21, 350_000, 3_000_000, 9),
    "C-123": _deteriorating(28, 420_000, 3_000_000, 16),
    "C-124": _deteriorating(18, 260_000, 2_500_000, 5),
    "C-125": Story(_campaign, _promptly, _settled(10_000_000, "CA1"), terms=(60,)),
    "C-126": Story(every(24, 300_000), _under_protest, _settled(2_000_000), disputes=4, gives=12),
    "C-127": Story(every(30, 500_000, start=HISTORY - 21), _under_protest, _settled(2_800_000), disputes=4, gives=12),
    "C-128": Story(every(26, 280_000), _in_two, _settled(2_000_000, "CA4"), terms=(30,)),
    "C-129": Story(every(17, 1_100_000), _in_two, _settled(9_000_000, "CA4")),
    "C-130": Story(_first_order, _promptly, (), terms=(30,), lead=6, since=6),
}


# --- as deals and money -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A customer with a story."""

    story: Story
    buyer: Buyer
    firm: Firm

    @classmethod
    def of(cls, buyer: Buyer, firm: Firm) -> "Told | None":
        """The story of a customer, if it has one: on the terms it names, of one product at list price."""
        story = STORIES.get(buyer.id)
        if story is None:
            return None
        alike = replace(buyer, products=buyer.products[:1], discount=Decimal(0), names=True)
        return cls(story, replace(alike, since=firm.ago(story.since), terms=story.terms), firm)

    def decisions(self) -> Iterator[Document]:
        """Limits and classes, as the story says."""
        for ago, limit, risk_class, reason in self.story.decided:
            yield terms(self.buyer, self.firm.ago(ago), Decimal(limit).quantize(FEN), risk_class, reason)

    def deals(self, through: date) -> Iterator[Deal]:
        """The orders placed up to `through`, in order."""
        for number, (ago, worth) in enumerate(self.story.orders(), 1):
            placed = self.firm.ago(ago)
            if placed > through:
                return
            lines = [line_of(self.buyer.products[0], self.buyer.discount, placed, worth)]
            leaves = placed + timedelta(days=self.story.lead)
            yield Deal(self.buyer, number, placed, lines, [Shipment(1, leaves, lines)])

    def paid(self, bill: Bill, part: Part) -> Iterator[Paid]:
        """The money for a bill. Where it is paid in full, the last payment is what is left, to the fen."""
        pays, back = self.story.pays(bill.deal.number, (self.firm.until - part.due).days), self.given(bill)
        left = part.amount - (back.amount if back else Decimal(0))
        in_full = sum(percent for _, percent, _ in pays) + (self.story.gives if back else 0) == 100
        for n, (late, percent, untold) in enumerate(pays, 1):
            share = (part.amount * percent / 100).quantize(FEN, ROUND_HALF_UP)
            amount = left if in_full and n == len(pays) else share
            left -= amount
            yield Paid(max(bill.day, part.due + timedelta(days=late)), amount, untold)

    def disputed(self, bill: Bill) -> bool:
        """Whether the customer does not agree with a bill."""
        return bool(self.story.disputes) and bill.deal.number % self.story.disputes == 0

    def given(self, bill: Bill) -> Given | None:
        """What is given back of a disputed bill two weeks after it was due; it is sent almost two weeks later still."""
        if not self.disputed(bill):
            return None
        amount = (bill.amount * self.story.gives / 100).quantize(FEN, ROUND_HALF_UP)
        return Given(bill.parts[-1].due + timedelta(days=14), amount, "质量异议成立 complaint upheld", 12)

"""All documents of the company in the order its ERP sends them."""

from collections.abc import Container, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Protocol

from all_in_one.demo.company.buyers import Buyer, Firm, buyers
from all_in_one.demo.company.complaints import LatestBill
from all_in_one.demo.company.deals import Bill, Deal, Part
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.papers import Given, Paid, balance_sheet, credit_note, papers, payment
from all_in_one.demo.company.record import customer, records
from all_in_one.demo.company.stories import Told
from all_in_one.demo.company.trade import Usual


class Trading(Protocol):
    """How a customer trades with us."""

    @property
    def buyer(self) -> Buyer: ...

    def decisions(self) -> Iterator[Document]:
        """Limits and classes over the years."""
        ...

    def deals(self, through: date) -> Iterator[Deal]:
        """The orders placed up to `through`, in order."""
        ...

    def paid(self, bill: Bill, part: Part) -> Iterator[Paid]:
        """The money for a part of a bill, whenever it comes."""
        ...

    def given(self, bill: Bill) -> Given | None:
        """What is given back of a bill."""
        ...


def tradings(firm: Firm) -> Sequence[Trading]:
    """Every customer, with a story or without, by id."""
    return [Told.of(buyer, firm) or Usual(buyer, firm) for buyer in buyers(firm)]


def documents(firm: Firm, through: date, but: Container[str] = frozenset()) -> Sequence[Document]:
    """What the ERP has sent by the evening of `through`: a later day adds documents and changes none.

    Those whose id is in `but` are left out.
    """
    made = chain(_sheets(firm, through), *(_of(trading, firm, through) for trading in tradings(firm)))
    return sorted((d for d in made if d.known <= through and d.id not in but), key=lambda d: d.order)


def latest_bill(firm: Firm) -> LatestBill:
    """Finds the bill that a complaint is about."""
    by_customer = {trading.buyer.id: trading for trading in tradings(firm)}

    def found(customer: str, day: date) -> Bill | None:
        trading = by_customer[customer]
        billed = [b for deal in trading.deals(day) for b in deal.bills if (day - b.day).days >= 12]
        disputed = [b for b in billed if isinstance(trading, Told) and trading.disputed(b)]
        chosen = disputed or billed
        return chosen[-1] if chosen else None

    return found


def _of(trading: Trading, firm: Firm, through: date) -> Iterator[Document]:
    yield customer(trading.buyer, firm)
    yield from records(trading.buyer, firm)
    yield from trading.decisions()
    for deal in trading.deals(through):
        yield from papers(deal)
        for bill in deal.bills:
            yield from _settling(trading, bill)


def _settling(trading: Trading, bill: Bill) -> Iterator[Document]:
    back = trading.given(bill)
    if back:
        yield credit_note(bill, back)
    for part in bill.parts:
        for number, came in enumerate(trading.paid(bill, part), 1):
            yield payment(bill, part.number, number, came)


def _sheets(firm: Firm, through: date) -> Iterator[Document]:
    """The can maker's own balance sheets, one a quarter."""
    for quarter in range(13 + (through - firm.until).days // 91):
        yield balance_sheet(firm.ago(1092 - 91 * quarter), Decimal(560_000_000 + 9_000_000 * quarter))

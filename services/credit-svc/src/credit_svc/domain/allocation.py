"""Money against what is owed: which amount settles which instalment, and how that moves the exposure.

An allocation is effective at the later of the two documents' dates. A late document never allocates anew what others
have settled already.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from credit_svc.domain.amounts import non_negative, positive
from credit_svc.domain.exposure import ZERO, Exposure, moved
from credit_svc.domain.facts import DocumentKind
from credit_svc.domain.receivable import INVOICE, Invoice
from credit_svc.domain.settlement import settlement
from engine.decider import Decision, Ref, StaleFacts
from events.base import Event
from events.credit import Allocated, Category, ExposureChanged, InvoiceSettled, MovedBy


@dataclass(frozen=True, slots=True)
class Source:
    """Money to be set against something: a payment or credit note with what is unallocated of it."""

    kind: DocumentKind
    document: str
    dated: date
    unallocated: Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """An instalment with what is open of it."""

    invoice: str
    invoice_date: date
    instalment: int
    due: date
    open: Decimal


@dataclass(frozen=True, slots=True)
class Match:
    """So much of a source settles so much of a target; `left` stays open."""

    source: Source
    target: Target
    amount: Decimal
    left: Decimal

    @property
    def effective(self) -> date:
        return max(self.source.dated, self.target.invoice_date)


def targets_of(invoice: str, state: Invoice) -> list[Target]:
    """The open instalments of one invoice, oldest due first."""
    if state.issued is None:
        return []
    issued = state.issued.invoice_date
    found = [Target(invoice, issued, i.number, i.due, i.open) for i in state.instalments if i.open]
    return sorted(found, key=lambda t: (t.due, t.instalment))


def oldest_first(targets: Iterable[Target]) -> list[Target]:
    """Oldest due first; the same day: by invoice date, invoice, instalment."""
    return sorted(targets, key=lambda t: (t.due, t.invoice_date, t.invoice, t.instalment))


def matched(sources: Sequence[Source], targets: Sequence[Target]) -> list[Match]:
    """Sources in order against targets in order, until either is used up."""
    found: list[Match] = []
    left = [source.unallocated for source in sources]
    for target in targets:
        still = target.open
        for n, source in enumerate(sources):
            amount = min(left[n], still)
            if amount > 0:
                left[n] -= amount
                still -= amount
                found.append(Match(source, target, amount, still))
    return found


def agree(exposure: Exposure, targets: Sequence[Target], amount: Decimal, *, in_order: bool) -> None:
    """Raises StaleFacts unless `targets` are what `amount` must settle: everything open on the oldest due days.

    Of the last of these days as much as is left will do where `targets` are `in_order`, so that the first are known.
    """
    known: dict[date, Decimal] = defaultdict(Decimal)
    for target in targets:
        known[target.due] += target.open
    for due, owed in exposure.due.items():
        if amount <= 0:
            return
        if known[due] < (min(owed, amount) if in_order else owed):
            raise StaleFacts(f"{known[due]} of {owed} due on {due} is known")
        amount -= owed


def settled(customer: str, currency: str, matches: Sequence[Match]) -> Decision:
    """What the documents and the invoices say about the matches."""
    return [pair for match in matches for pair in _said(customer, currency, match)]


def _said(customer: str, currency: str, match: Match) -> list[tuple[Ref[Any], Event]]:
    source, target, amount = match.source, match.target, positive(match.amount, currency)
    allocated = Allocated(
        customer=customer,
        document=source.document,
        document_kind=source.kind,
        invoice=target.invoice,
        instalment=target.instalment,
        due=target.due,
        amount=amount,
        effective=match.effective,
    )
    done = InvoiceSettled(
        customer=customer,
        invoice=target.invoice,
        instalment=target.instalment,
        amount=amount,
        document=source.document,
        settled_on=match.effective,
        open=non_negative(match.left, currency),
    )
    return [(settlement(source.kind, source.document), allocated), (INVOICE(target.invoice), done)]


class Movement:
    """Changes of the exposure by one document, gathered by the date on which they are effective."""

    def __init__(self, customer: str, document: str, cause: MovedBy, currency: str, order: str | None = None) -> None:
        self._about = (customer, document, cause, currency, order)
        self._changes: dict[date, dict[Category, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self._due: dict[date, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self._order_on: date | None = None

    def add(self, on: date, category: Category, amount: Decimal, due: date | None = None) -> None:
        """`amount` more in `category`; `due` where it is owed."""
        self._changes[on][category] += amount
        if due is not None:
            self._due[on][due] += amount

    def of_order(self, on: date, changes: dict[Category, Decimal]) -> None:
        """The reservation or delivery of the document's order moves with it."""
        self._order_on = on
        for category, amount in changes.items():
            self.add(on, category, amount)

    def settle(self, matches: Sequence[Match]) -> None:
        """What the matches take away from both sides."""
        for match in matches:
            self.add(match.effective, "open_invoices", -match.amount, match.target.due)
            self.add(match.effective, "unallocated_cash", -match.amount)

    def events(self) -> list[ExposureChanged]:
        """What happened to the exposure, in order of dates."""
        customer, document, cause, currency, order = self._about
        found: list[ExposureChanged] = []
        for on in sorted(self._changes):
            about = order if on == self._order_on else None
            found += moved(customer, document, cause, on, currency, self._changes[on], self._due[on], about)
        return found


def total_unallocated(sources: Sequence[Source]) -> Decimal:
    """The sum of what is unallocated."""
    return sum((s.unallocated for s in sources), ZERO)

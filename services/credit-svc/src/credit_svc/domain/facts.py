"""What credit's decisions may know from views: which documents have something open. Amounts come from streams."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from engine.decider import Candidates, Facts
from events.base import Event
from events.credit import CreditNoteIssued, InvoiceIssued, PaymentReceived

DocumentKind = Literal["payment", "credit_note"]


@dataclass(frozen=True, slots=True)
class CreditFacts(Facts):
    """Candidates, as far as the views have come; their states are loaded and must agree with the exposure.

    `open_invoices`: oldest due first, as many as the command's amount can reach; `in_order` says so, else they do only
    where they are all there is. `open_cash`: payments and credit notes with something unallocated, oldest first;
    `all_cash` says that none was left out.
    """

    open_invoices: tuple[str, ...] = ()
    in_order: bool = False
    open_cash: tuple[tuple[DocumentKind, str], ...] = ()
    all_cash: bool = True

    @classmethod
    def of(
        cls,
        base: Facts,
        *,
        open_invoices: tuple[str, ...] = (),
        in_order: bool = False,
        open_cash: tuple[tuple[DocumentKind, str], ...] = (),
        all_cash: bool = True,
    ) -> Self:
        """`base`, completed."""
        said = (base.today, base.now, base.actor, base.initial_load)
        return cls(*said, open_invoices, in_order, open_cash, all_cash)


def carried(facts: CreditFacts, events: Sequence[Event]) -> CreditFacts:
    """`facts` with the documents these events issue to the customer."""
    invoices = dict.fromkeys(facts.open_invoices)
    cash = dict.fromkeys(facts.open_cash)
    for event in events:
        match event:
            case InvoiceIssued():
                invoices[event.invoice] = None
            case PaymentReceived():
                cash["payment", event.payment] = None
            case CreditNoteIssued():
                cash["credit_note", event.credit_note] = None
            case _:
                pass
    return replace(facts, open_invoices=tuple(invoices), open_cash=tuple(cash))


def _customer(command: Any) -> str:
    customer: str = command.customer
    return customer


FOR_PAYMENTS = Candidates(CreditFacts.of, (InvoiceIssued,), _customer, carried)
"""What a payment may settle."""
FOR_INVOICES = Candidates(CreditFacts.of, (PaymentReceived, CreditNoteIssued), _customer, carried)
"""What an invoice may take up."""

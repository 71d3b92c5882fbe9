"""Payments and credit notes as what they have in common: an amount, part of it not set against anything yet."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import assert_never, cast

from credit_svc.domain.facts import DocumentKind
from engine.decider import Aggregate, Ref
from events.base import Event
from events.credit import Allocated, CreditNoteIssued, PaymentReceived, SettlementEvent


@dataclass(frozen=True, slots=True)
class Settlement:
    """`unallocated` in the account's currency; `stated` is None while there is no such document."""

    stated: PaymentReceived | CreditNoteIssued | None = None
    unallocated: Decimal = Decimal(0)

    @property
    def dated(self) -> date:
        """Value date of a payment, date of issue of a credit note."""
        assert self.stated is not None, "there is no such document"
        return self.stated.value_date if isinstance(self.stated, PaymentReceived) else self.stated.issued_on

    def serves(self, invoice: str) -> bool:
        """Whether it is set against `invoice` by itself: a payment that names it, or no invoice at all."""
        return isinstance(self.stated, PaymentReceived) and (not self.stated.names or invoice in self.stated.names)

    def names(self, invoice: str) -> bool:
        """Whether it is a payment for `invoice` by name."""
        return isinstance(self.stated, PaymentReceived) and invoice in self.stated.names


def evolve(state: Settlement, event: Event) -> Settlement:
    """`state` after `event`."""
    match cast(SettlementEvent, event):
        case PaymentReceived() | CreditNoteIssued() as stated:
            return Settlement(stated, stated.amount.amount)
        case Allocated(amount=amount):
            return replace(state, unallocated=state.unallocated - amount.amount)
        case other:
            assert_never(other)


PAYMENT = Aggregate("payment", Settlement(), evolve)
CREDIT_NOTE = Aggregate("creditnote", Settlement(), evolve)


def settlement(kind: DocumentKind, document: str) -> Ref[Settlement]:
    """The stream of a payment or credit note."""
    return PAYMENT(document) if kind == "payment" else CREDIT_NOTE(document)

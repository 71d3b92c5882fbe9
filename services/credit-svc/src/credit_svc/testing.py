"""Credit in memory: commands decided one after another, with facts as fresh views would give them. For tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from credit_svc.domain.account import ACCOUNT, ACCOUNTS, CreditAccount, OpenAccount, SetLimit
from credit_svc.domain.allocation import oldest_first, targets_of
from credit_svc.domain.assets import BALANCE_SHEETS
from credit_svc.domain.credit_note import CREDIT_NOTES
from credit_svc.domain.exposure import EXPOSURE, Exposure
from credit_svc.domain.facts import CreditFacts, DocumentKind
from credit_svc.domain.holds import HOLDS
from credit_svc.domain.invoice import INVOICES
from credit_svc.domain.order import ORDERS, CheckOrder
from credit_svc.domain.payment import PAYMENTS
from credit_svc.domain.receivable import INVOICE, LATENESS, Invoice
from credit_svc.domain.reconciliation import RECONCILIATIONS
from credit_svc.domain.settlement import Settlement, settlement
from engine.decider import Actor, Command, Decider, Ref, Rejected
from engine.testing.spec import Outcome, given
from events.base import Event, NonNegativeMoney, PositiveMoney
from events.credit import CreditNoteIssued, InvoiceIssued, PaymentReceived

DECIDERS: tuple[Decider[Any], ...] = (
    ACCOUNTS,
    ORDERS,
    HOLDS,
    INVOICES,
    LATENESS,
    PAYMENTS,
    CREDIT_NOTES,
    BALANCE_SHEETS,
    RECONCILIATIONS,
)
BY_COMMAND: Mapping[type[Command], Decider[Any]] = {c: d for d in DECIDERS for c in d.commands}
TODAY = date(2026, 3, 1)


def cny(amount: Decimal | int | str) -> PositiveMoney:
    """An amount above zero in CNY."""
    return PositiveMoney(amount=Decimal(amount), currency="CNY")


def cny0(amount: Decimal | int | str) -> NonNegativeMoney:
    """An amount of zero or more in CNY."""
    return NonNegativeMoney(amount=Decimal(amount), currency="CNY")


@dataclass
class CreditCase:
    """A customer C-1 and what happened to it. `facts_lag`: the views know nothing since so many events."""

    today: date = TODAY
    actor: str = "U-1"
    initial_load: bool = False
    happened: list[tuple[Ref[Any], Event]] = field(default_factory=list)
    facts_lag: int = 0

    def with_account(self, limit: int | None = 0, customer: str = "C-1") -> "CreditCase":
        """An account in CNY with an own limit; 0 leaves the default of a new account, None is unlimited."""
        self.do(OpenAccount(customer=customer, currency="CNY", on=self.today))
        if limit != 0:
            own = None if limit is None else cny0(limit)
            self.do(SetLimit(customer=customer, limit=own, reason="agreed"))
        return self

    def decide(self, command: Command) -> Outcome:
        """What `command` comes to; nothing is kept."""
        return given(self.happened).when(command, self.facts(command), by=BY_COMMAND[type(command)])

    def do(self, *commands: Command) -> list[Event]:
        """Decide and keep what happened; the events of all `commands`."""
        found: list[Event] = []
        for command in commands:
            outcome = self.decide(command)
            found += outcome.events
            self.happened += outcome.happened
        return found

    def check(self, order: str, amount: int | str, version: int = 1, by: str | None = None) -> list[Event]:
        """Check an order of C-1."""
        body = CheckOrder(
            customer="C-1", order=order, order_version=version, amount=cny0(amount), on=self.today, requested_by=by
        )
        return self.do(body)

    def refused(self, command: Command, rule: type[Rejected], **params: object) -> None:
        """`command` is refused by exactly this rule."""
        self.decide(command).then_rejected(rule, **params)

    def exposure(self, customer: str = "C-1") -> Exposure:
        """The exposure now."""
        return EXPOSURE.fold(self.of(EXPOSURE(customer)))

    def account(self, customer: str = "C-1") -> CreditAccount:
        """The account now."""
        return ACCOUNT.fold(self.of(ACCOUNT(customer)))

    def invoice(self, invoice: str) -> Invoice:
        """The invoice now."""
        return INVOICE.fold(self.of(INVOICE(invoice)))

    def document(self, kind: DocumentKind, document: str) -> Settlement:
        """The payment or credit note now."""
        ref = settlement(kind, document)
        return ref.aggregate.fold(self.of(ref))

    def of(self, ref: Ref[Any]) -> list[Event]:
        """The events of one stream."""
        return [event for written, event in self.happened if written.stream == ref.stream]

    def facts(self, command: Command) -> CreditFacts:
        """What fresh views would say about the command's customer."""
        customer = getattr(command, "customer", "C-1")
        seen = [e for _, e in self.happened[: len(self.happened) - self.facts_lag]]
        return CreditFacts(
            today=self.today,
            now=datetime(2026, 3, 1, 9, tzinfo=UTC),
            actor=Actor(self.actor),
            initial_load=self.initial_load,
            open_invoices=self._open_invoices(customer, seen),
            in_order=True,
            open_cash=self._open_cash(customer, seen),
        )

    def _open_invoices(self, customer: str, seen: Iterable[Event]) -> tuple[str, ...]:
        names = [e.invoice for e in seen if isinstance(e, InvoiceIssued) and e.customer == customer]
        targets = oldest_first(t for name in names for t in targets_of(name, self.invoice(name)))
        return tuple(dict.fromkeys(t.invoice for t in targets))

    def _open_cash(self, customer: str, seen: Sequence[Event]) -> tuple[tuple[DocumentKind, str], ...]:
        mine = [e for e in seen if e.about == customer]
        found: list[tuple[DocumentKind, str]] = [("payment", e.payment) for e in mine if isinstance(e, PaymentReceived)]
        found += [("credit_note", e.credit_note) for e in mine if isinstance(e, CreditNoteIssued)]
        return tuple((k, d) for k, d in found if self.document(k, d).unallocated)

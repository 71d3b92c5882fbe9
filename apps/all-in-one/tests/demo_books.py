"""The demo company's books, kept from its documents alone: what is owed, overdue and used of a limit on a day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from all_in_one.demo.company.document import Document
from all_in_one.mapping import BY_TYPE
from events import erp

ZERO = Decimal(0)


@dataclass
class Account:
    """One customer's, at the end of a day."""

    limit: Decimal = ZERO
    risk_class: str = "CA3"
    ordered: dict[str, Decimal] = field(default_factory=dict)
    delivered: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    billed: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    open: dict[str, list[tuple[date, Decimal]]] = field(default_factory=dict)
    cash: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def owed(self) -> Decimal:
        return sum((amount for parts in self.open.values() for _, amount in parts), ZERO)

    @property
    def exposure(self) -> Decimal:
        """Open orders + delivered and not billed + owed - cash that waits."""
        found = self.owed - sum(self.cash.values())
        for order, total in self.ordered.items():
            covered = max(self.delivered[order], self.billed[order])
            found += max(total - covered, ZERO) + max(self.delivered[order] - self.billed[order], ZERO)
        return found

    def overdue(self, day: date) -> Decimal:
        return sum((amount for parts in self.open.values() for due, amount in parts if due < day), ZERO)

    def days_overdue(self, day: date) -> int:
        return max(((day - due).days for parts in self.open.values() for due, _ in parts if due < day), default=0)

    def settle(self, invoice: str, amount: Decimal) -> None:
        """Oldest part first; what is over waits."""
        parts: list[tuple[date, Decimal]] = []
        for due, owed in self.open.get(invoice, []):
            used = min(owed, amount)
            amount -= used
            if owed > used:
                parts.append((due, owed - used))
        if invoice in self.open:
            self.open[invoice] = parts
        self.cash[invoice] += amount

    def settle_oldest(self, amount: Decimal) -> None:
        """Whatever is due first; what is over waits for anything."""
        for _, invoice in sorted((due, invoice) for invoice, parts in self.open.items() for due, _ in parts):
            self.settle(invoice, amount)
            amount = self.cash.pop(invoice)
        self.cash[""] += amount


def accounts(told: Iterable[Document], day: date) -> dict[str, Account]:
    """Every customer's account by the evening of `day`, as known then."""
    found: defaultdict[str, Account] = defaultdict(Account)
    for document in told:
        if document.known <= day:
            read = BY_TYPE[document.type].model_validate(document.data)
            take(found[read.about or ""], read)
    return dict(found)


def take(account: Account, document: erp.Document) -> None:
    match document:
        case erp.CreditTerms():
            account.limit = document.limit.amount if document.limit else Decimal("Infinity")
            account.risk_class = document.risk_class or account.risk_class
        case erp.Order():
            account.ordered[document.order] = sum((x.quantity * x.price for x in document.lines), ZERO)
        case erp.OrderCancellation():
            account.ordered[document.order] = account.delivered[document.order]
        case erp.Invoice():
            owed = [(i.due, i.amount.amount) for i in document.instalments]
            account.open[document.invoice] = owed or [(document.due or document.invoice_date, document.amount.amount)]
            account.billed[document.order or ""] += document.amount.amount
            account.settle(document.invoice, account.cash.pop(document.invoice, ZERO))
            account.settle_oldest(account.cash.pop("", ZERO))
        case erp.CreditNote():
            account.settle(document.invoice or "", document.amount.amount)
        case erp.Payment():
            amount = document.amount.amount
            account.settle(document.names[0], amount) if document.names else account.settle_oldest(amount)
        case _:
            pass

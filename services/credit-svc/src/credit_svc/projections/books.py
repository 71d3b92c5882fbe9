"""Our books of many customers at once, gathered from the views and the intake for a reconciliation."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from credit_svc.domain.amounts import to_account
from credit_svc.domain.books import Booked, Books, Doc, Unbooked
from credit_svc.domain.reconciliation import Statement
from credit_svc.projections import accounts, invoices, settlements
from engine import received
from engine.database import Connection
from engine.inbox import Entry
from events.reconciling import BookedKind

KINDS: Mapping[str, BookedKind] = {
    "erp.Invoice.v1": "invoice",
    "erp.CreditNote.v1": "credit_note",
    "erp.Payment.v1": "payment",
}
"""Documents of the ERP that move a receivable."""


async def of_statement(connection: Connection, statement: Statement) -> dict[str, Books]:
    """The books of each customer of `statement`, and of all that owe where it is complete."""
    named = [b.customer for b in statement.balances]
    currencies = await accounts.currencies(connection, named, owing=statement.complete)
    customers = list(dict.fromkeys([*named, *currencies]))
    unbooked = await received.unbooked(connection, customers, list(KINDS))
    numbers = [i.document for b in statement.balances for i in b.items or ()]
    numbers += [e.told.document for e in unbooked if e.told.document]
    paid, after = await settlements.booked(connection, customers, numbers, statement.as_of)
    owed = await invoices.booked(connection, customers, numbers, statement.as_of, after)
    booked: defaultdict[str, dict[Doc, Booked]] = defaultdict(dict)
    for customer, one in [*owed, *paid]:
        booked[customer][one.doc] = one
    messages = await _messages(connection, statement, booked)
    waiting: defaultdict[str, list[Unbooked]] = defaultdict(list)
    for entry in unbooked:
        found = _unbooked(entry, currencies.get(entry.customer or ""))
        if found:
            waiting[entry.customer or ""].append(found)
    return {
        c: Books(statement.as_of, currencies.get(c), booked[c], waiting[c], messages, statement.drawn_up)
        for c in customers
    }


async def _messages(
    connection: Connection, statement: Statement, booked: Mapping[str, Mapping[Doc, Booked]]
) -> dict[Doc, tuple[str, str]]:
    """Where the documents came from of customers whose balance differs; those that came over HTTP have no message."""
    day, theirs = statement.as_of, {b.customer: b.balance for b in statement.balances}
    told: list[tuple[str, str]] = []
    types = {kind: type_ for type_, kind in KINDS.items()}
    for customer, docs in booked.items():
        books = Books(day, None, docs)
        if books.balance != theirs.get(customer, Decimal(0)):
            told += [(types[kind], number) for kind, number in docs]
    found = await received.of_documents(connection, told) if told else {}
    return {(KINDS[type_], number): key for (type_, number), key in found.items()}


def _unbooked(entry: Entry, currency: str | None) -> Unbooked | None:
    """None where too little is known of it: its number, amount or day could not be read, or it names no rate."""
    told = entry.told
    if told.document is None or told.amount is None or told.effective is None or told.currency is None:
        return None
    amount = told.amount
    if currency is not None and told.currency != currency:
        if told.rate is None:
            return None
        amount = to_account(amount, told.rate, currency)
    return Unbooked(
        (KINDS[entry.type], told.document),
        "waiting" if entry.verdict == "waiting" else "rejected",
        entry.source,
        entry.id,
        amount,
        told.effective,
        _day(entry),
        entry.rule,
        _plain(entry.params),
    )


def _day(entry: Entry) -> Any:
    assert entry.decided_at is not None, "an entry that is kept has its time"
    return entry.decided_at.date()


def _plain(params: Mapping[str, Any]) -> dict[str, str]:
    """What fills the rule's sentence; what is a list is told by the receipt alone."""
    return {name: str(value)[:200] for name, value in params.items() if not isinstance(value, (list, dict))}

"""Reconciliation 对账: the ERP's balances compared with ours, each difference taken apart into what explains it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, assert_never, cast

from pydantic import Field, StringConstraints

from credit_svc.domain.amounts import money
from credit_svc.domain.books import Books
from credit_svc.domain.explaining import explained
from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, States
from events.base import Currency, CustomerId, Event, Id, Value
from events.reconciling import BalanceDiffered, BookedKind, ReconciliationEvent, ReconciliationMade

MOST_BALANCES = 5_000
MOST_ITEMS = 1_000
Figure = Annotated[Decimal, Field(max_digits=20, allow_inf_nan=False)]
"""An amount in the currency named beside it; below zero: we owe the customer."""

# --- commands -----------------------------------------------------------------------------------------------------


class Item(Value):
    """A document the ERP shows as open: an invoice above zero, a payment or credit note below."""

    document: Id
    kind: BookedKind
    open: Figure = Field(examples=["500.00"])
    due: date | None = None


class Balance(Value):
    """What a customer owes by the ERP's books, in the account's currency; `items` what it consists of, null: not told.

    With items a difference is pinned to documents, without them only to what is known here.
    """

    customer: CustomerId
    currency: Currency
    balance: Figure = Field(examples=["81360.00"])
    items: Annotated[tuple[Item, ...], Field(max_length=MOST_ITEMS)] | None = None


class Statement(Value):
    """The ERP's balances at the end of `as_of`. `drawn_up`: when it made them; what we learned later is late.

    `complete`: a customer that is not among them owes nothing by the ERP's books.
    """

    source: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(examples=["erp"])
    as_of: date
    balances: Annotated[tuple[Balance, ...], Field(min_length=1, max_length=MOST_BALANCES)]
    drawn_up: datetime | None = None
    complete: bool = False


class Reconcile(Command):
    """Compare a statement with our books and keep what comes of it."""

    reconciliation: Id
    statement: Statement


# --- rules --------------------------------------------------------------------------------------------------------


class BalanceStatedTwice(Rejected):
    """The statement names {customer} twice in {currency}."""

    zh = "对账单中客户 {customer} 的 {currency} 余额重复出现。"


class ItemStatedTwice(Rejected):
    """The statement lists {kind} {document} of {customer} twice."""

    zh = "对账单中客户 {customer} 的单据 {document}（{kind}）重复出现。"


class StatementOfTheFuture(Rejected):
    """The statement is as of {as_of}, and today is {today}."""

    zh = "对账截止日 {as_of} 晚于当前营业日 {today}。"


RULES = (BalanceStatedTwice, ItemStatedTwice, StatementOfTheFuture)

# --- decide -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BookFacts(Facts):
    """Our books of the customers of a statement, as the views show them."""

    books: Mapping[str, Books] = field(default_factory=dict)

    @classmethod
    def of(cls, base: Facts, books: Mapping[str, Books]) -> "BookFacts":
        """`base`, completed."""
        return cls(base.today, base.now, base.actor, base.initial_load, books)


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of a statement: how many balances were compared, and those that differ."""

    compared: int
    differences: Sequence[BalanceDiffered]

    @property
    def unexplained(self) -> int:
        return sum(any(e.kind == "unexplained" for e in d.explanations) for d in self.differences)


def compared(name: str, statement: Statement, books: Mapping[str, Books], today: date) -> Compared:
    """The balances of `statement` beside ours. Raises what is wrong with the statement."""
    _sound(statement, today)
    stated = list(statement.balances)
    if statement.complete:
        named = {b.customer for b in stated}
        others = [(c, b) for c, b in sorted(books.items()) if c not in named and b.balance]
        stated += [Balance(customer=c, currency=b.currency or "", balance=Decimal(0), items=()) for c, b in others]
    found = [_difference(name, statement, one, books.get(one.customer, Books(statement.as_of))) for one in stated]
    return Compared(len(stated), [d for d in found if d])


def _sound(statement: Statement, today: date) -> None:
    if statement.as_of > today:
        raise StatementOfTheFuture(as_of=statement.as_of, today=today)
    seen: set[tuple[str, str]] = set()
    for balance in statement.balances:
        if (balance.customer, balance.currency) in seen:
            raise BalanceStatedTwice(customer=balance.customer, currency=balance.currency)
        seen.add((balance.customer, balance.currency))
        listed: set[tuple[str, str]] = set()
        for item in balance.items or ():
            if (item.kind, item.document) in listed:
                raise ItemStatedTwice(kind=item.kind, document=item.document, customer=balance.customer)
            listed.add((item.kind, item.document))


def _difference(name: str, statement: Statement, stated: Balance, books: Books) -> BalanceDiffered | None:
    day, currency = statement.as_of, stated.currency
    foreign = books.currency is not None and books.currency != currency
    ours = Decimal(0) if foreign else books.balance
    items = None if stated.items is None else {(i.kind, i.document): i.open for i in stated.items}
    lines = explained(stated.balance, items, books, currency)
    if not lines:
        return None
    return BalanceDiffered(
        customer=stated.customer,
        reconciliation=name,
        as_of=day,
        ours=money(ours, currency),
        theirs=money(stated.balance, currency),
        difference=money(ours - stated.balance, currency),
        explanations=tuple(lines),
    )


def streams(cmd: Reconcile, facts: Facts) -> list[Ref[Any]]:
    """That of the reconciliation."""
    return [RECONCILIATION(cmd.reconciliation)]


def decide(cmd: Reconcile, states: States, facts: BookFacts) -> Decision:
    """What was found, and each balance that differs."""
    ref, statement = RECONCILIATION(cmd.reconciliation), cmd.statement
    if states[ref] is not None:
        return []
    found = compared(cmd.reconciliation, statement, facts.books, facts.today)
    made = ReconciliationMade(
        reconciliation=cmd.reconciliation,
        source=statement.source,
        as_of=statement.as_of,
        compared=found.compared,
        equal=found.compared - len(found.differences),
        unexplained=found.unexplained,
        digest=sha256(statement.model_dump_json().encode()).hexdigest(),
        asked_by=facts.actor.id,
    )
    return [(ref, made), *((ref, d) for d in found.differences)]


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: ReconciliationMade | None, event: Event) -> ReconciliationMade | None:
    """What was found as a whole."""
    match cast(ReconciliationEvent, event):
        case ReconciliationMade() as made:
            return made
        case BalanceDiffered():
            return state
        case other:
            assert_never(other)


_NONE: ReconciliationMade | None = None
RECONCILIATION = Aggregate("reconciliation", _NONE, evolve)
RECONCILIATIONS: Decider[BookFacts] = Decider(commands=(Reconcile,), streams=streams, decide=decide, rules=RULES)

"""Reconciliation 对账: whatever goes wrong on the way in, the explanations sum to the difference and name the fault."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from credit_svc.domain.books import Booked, Books, Doc, Unbooked
from credit_svc.domain.explaining import MOST_LINES, explained
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import ReceivePayment
from credit_svc.domain.reconciliation import (
    RECONCILIATIONS,
    Balance,
    BalanceStatedTwice,
    BookFacts,
    Item,
    ItemStatedTwice,
    Reconcile,
    Statement,
    StatementOfTheFuture,
)
from credit_svc.testing import TODAY, CreditCase, cny
from engine.decider import Actor, Command
from engine.testing.spec import given
from events.credit import Allocated, InvoiceIssued, PaymentReceived
from events.reconciling import BalanceDiffered, BookedKind, Explanation

ZERO = Decimal(0)
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
LATER = NOON + timedelta(days=3)


def invoice(number: str, amount: int, on: date = TODAY) -> IssueInvoice:
    return IssueInvoice(customer="C-1", invoice=number, invoice_date=on, amount=cny(amount), due=on)


def paid(number: str, amount: int, *names: str, on: date = TODAY) -> ReceivePayment:
    return ReceivePayment(customer="C-1", payment=number, amount=cny(amount), value_date=on, names=names)


def doc_of(command: Command) -> Doc:
    if isinstance(command, IssueInvoice):
        return "invoice", command.invoice
    assert isinstance(command, ReceivePayment)
    return "payment", command.payment


def dated(command: Command) -> date:
    return command.invoice_date if isinstance(command, IssueInvoice) else command.value_date  # type: ignore[attr-defined]


def moves(command: Command) -> Decimal:
    amount: Decimal = command.amount.amount  # type: ignore[attr-defined]
    return amount if isinstance(command, IssueInvoice) else -amount


def books(commands: Sequence[Command], late: Sequence[Command] = (), unbooked: Sequence[Unbooked] = ()) -> Books:
    """What these documents leave behind; `late` are those that came after the day."""
    case = CreditCase().with_account(None)
    case.do(*commands)
    found: dict[Doc, Booked] = {}
    events = [event for _, event in case.happened]
    tardy = {doc_of(c) for c in late}
    for event in events:
        doc: Doc
        if isinstance(event, InvoiceIssued):
            doc, day, amount = ("invoice", event.invoice), event.invoice_date, event.amount.amount
        elif isinstance(event, PaymentReceived):
            doc, day, amount = ("payment", event.payment), event.value_date, -event.amount.amount
        else:
            continue
        shares = [e for e in events if isinstance(e, Allocated) and doc in _sides(e)]
        done = sum((e.amount.amount for e in shares if e.effective <= TODAY), ZERO)
        still = ZERO if day > TODAY else amount - done if amount > 0 else amount + done
        against = tuple(e.invoice for e in shares) if amount < 0 else ()
        found[doc] = Booked(doc, day, amount, still, LATER if doc in tardy else NOON, against)
    return Books(TODAY, "CNY", found, unbooked)


def _sides(event: Allocated) -> tuple[Doc, Doc]:
    kind: BookedKind = event.document_kind
    return ("invoice", event.invoice), (kind, event.document)


def open_items(there: Books) -> dict[Doc, Decimal]:
    return {doc: b.open for doc, b in there.booked.items() if b.open}


def explain(here: Books, there: Books, *, items: bool = True) -> list[Explanation]:
    return explained(there.balance, open_items(there) if items else None, here, "CNY")


def total(lines: Sequence[Explanation]) -> Decimal:
    return sum((line.amount.amount for line in lines), ZERO)


def seen(*values: object) -> tuple[object, ...]:
    return values


def unbooked(command: Command, verdict: str) -> Unbooked:
    rule = "account-not-there" if verdict == "waiting" else "no-due-date"
    known = "waiting" if verdict == "waiting" else "rejected"
    return Unbooked(doc_of(command), known, "erp", "m-1", moves(command), dated(command), TODAY, rule)  # type: ignore[arg-type]


# --- each kind ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """How documents came in: those we booked, those that came late, those that were not booked."""

    booked: Sequence[Command]
    late: Sequence[Command] = ()
    unbooked: Sequence[Unbooked] = field(default=())

    @property
    def books(self) -> Books:
        return books(self.booked, self.late, self.unbooked)


def renamed(command: Command) -> Command:
    name = "invoice" if isinstance(command, IssueInvoice) else "payment"
    return command.model_copy(update={name: f"{getattr(command, name)}-COPY"})


def dropped(those: list[Command], n: int) -> Way:
    return Way([c for c in those if c is not those[n]])


def doubled(those: list[Command], n: int) -> Way:
    return Way([*those, renamed(those[n])])


def held_up(verdict: str) -> Callable[[list[Command], int], Way]:
    return lambda those, n: Way([c for c in those if c is not those[n]], (), [unbooked(those[n], verdict)])


def changed(those: list[Command], n: int) -> Way:
    more = cny(those[n].amount.amount + 7)  # type: ignore[attr-defined]
    return Way([c if c is not those[n] else c.model_copy(update={"amount": more}) for c in those])


def postdated(those: list[Command], n: int) -> Way:
    name = "invoice_date" if isinstance(those[n], IssueInvoice) else "value_date"
    tomorrow = dict.fromkeys([name, *(["due"] if name == "invoice_date" else [])], TODAY + timedelta(days=1))
    return Way([c if c is not those[n] else c.model_copy(update=tomorrow) for c in those])


FAULTS: Mapping[str, tuple[str, Callable[[list[Command], int], Way]]] = {
    "drop": ("missing_here", dropped),
    "duplicate": ("duplicate", doubled),
    "wait": ("waiting", held_up("waiting")),
    "reject": ("rejected", held_up("rejected")),
    "change an amount": ("amount_differs", changed),
    "delay": ("late", postdated),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_with_an_open_invoice_is_named_and_pinned_to_it(fault: str) -> None:
    those: list[Command] = [invoice("I-1", 500), invoice("I-2", 80)]
    kind, apply = FAULTS[fault]
    (line,) = explain(apply(those, 0).books, books(those))
    wanted = {"duplicate": "I-1-COPY"}.get(fault, "I-1")
    assert seen(line.kind, line.document_kind, line.document) == (kind, "invoice", wanted)


@pytest.mark.parametrize("fault", ["wait", "reject", "delay", "duplicate"])
def test_a_fault_with_a_payment_is_named_though_the_erp_has_cleared_it(fault: str) -> None:
    """What the ERP shows is only that the invoice is settled."""
    those: list[Command] = [invoice("I-1", 500), invoice("I-2", 300), paid("P-1", 300, "I-1")]
    kind, apply = FAULTS[fault]
    lines = explain(apply(those, 2).books, books(those))
    assert {line.kind for line in lines} == {kind}
    assert {line.document for line in lines} == {"P-1-COPY" if fault == "duplicate" else "P-1"}


def test_an_invoice_whose_payment_never_came_is_not_open_there() -> None:
    those: list[Command] = [invoice("I-1", 500), paid("P-1", 500, "I-1")]
    (line,) = explain(dropped(those, 1).books, books(those))
    assert seen(line.kind, line.document, line.amount.amount) == ("missing_there", "I-1", 500)


def test_what_came_after_the_statement_was_made_is_late() -> None:
    new = invoice("I-2", 80)
    (line,) = explain(Way([invoice("I-1", 500), new], [new]).books, books([invoice("I-1", 500)]))
    assert seen(line.kind, line.document, line.amount.amount, line.since) == ("late", "I-2", 80, LATER.date())


def test_cash_that_the_erp_does_not_show_as_open_is_unallocated() -> None:
    (line,) = explain(books([invoice("I-1", 500), paid("P-1", 50, "I-9")]), books([invoice("I-1", 500)]))
    assert seen(line.kind, line.document, line.amount.amount) == ("unallocated", "P-1", -50)


def test_an_account_in_another_currency_is_not_compared() -> None:
    (line,) = explained(Decimal(70), None, books([invoice("I-1", 500)]), "USD")
    assert seen(line.kind, line.amount.amount, line.amount.currency) == ("other_currency", -70, "USD")


def test_items_that_do_not_add_up_to_the_balance_are_told() -> None:
    (line,) = explained(Decimal(520), {("invoice", "I-1"): Decimal(500)}, books([invoice("I-1", 500)]), "CNY")
    assert seen(line.kind, line.amount.amount) == ("items_incomplete", -20)


def test_without_items_what_waits_and_was_refused_is_picked_where_it_adds_up() -> None:
    one, two = unbooked(invoice("I-8", 30), "waiting"), unbooked(invoice("I-9", 45), "rejected")
    here = books([invoice("I-1", 500)], unbooked=[one, two])
    assert [line.document for line in explained(Decimal(545), None, here, "CNY")] == ["I-9"]
    assert [line.document for line in explained(Decimal(575), None, here, "CNY")] == ["I-8", "I-9"]


def test_what_nothing_explains_is_one_line() -> None:
    here = books([invoice("I-1", 500)], unbooked=[unbooked(invoice("I-8", 30), "waiting")])
    lines = explained(Decimal(600), None, here, "CNY")
    assert [seen(line.kind, line.amount.amount) for line in lines] == [("waiting", -30), ("unexplained", -70)]


def test_many_lines_are_summed_up_by_kind_and_nothing_is_lost() -> None:
    here = books([invoice(f"I-{n}", n) for n in range(1, 81)])
    lines = explained(ZERO, {}, here, "CNY")
    assert len(lines) <= MOST_LINES
    assert seen(total(lines), sum(1 + max(line.more - 1, 0) for line in lines)) == (here.balance, 80)


# --- all of them --------------------------------------------------------------------------------------------------

DOCUMENTS = st.lists(
    st.tuples(st.sampled_from(["invoice", "payment"]), st.integers(1, 400), st.integers(0, 20)), min_size=1, max_size=8
)


def made(drawn: Sequence[tuple[str, int, int]]) -> list[Command]:
    def one(n: int, kind: str, amount: int, back: int) -> Command:
        day = TODAY - timedelta(days=back)
        return invoice(f"I-{n}", amount, day) if kind == "invoice" else paid(f"P-{n}", amount, on=day)

    return [one(n, *drawing) for n, drawing in enumerate(drawn)]


@settings(max_examples=150, deadline=None)
@over(DOCUMENTS, st.data())
def test_explanations_always_sum_to_the_difference_and_leave_nothing_open_where_items_are_told(
    drawn: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    those = made(drawn)
    way = Way(those)
    for name in data.draw(st.lists(st.sampled_from(sorted(FAULTS)), max_size=4, unique=True)):
        left = list(way.booked)
        if left:
            one = FAULTS[name][1](left, data.draw(st.integers(0, len(left) - 1)))
            way = Way(one.booked, (), [*way.unbooked, *one.unbooked])
    here, there = way.books, books(those)
    for items in (True, False):
        lines = explain(here, there, items=items)
        assert total(lines) == here.balance - there.balance
        assert not items or "unexplained" not in {line.kind for line in lines}


@settings(max_examples=60, deadline=None)
@over(
    st.lists(st.integers(1, 10_000), min_size=2, max_size=6, unique=True),
    st.sampled_from(sorted(FAULTS)),
    st.integers(0, 5),
)
def test_a_fault_of_any_invoice_is_named_by_its_kind(amounts: list[int], fault: str, at: int) -> None:
    those: list[Command] = [invoice(f"I-{n}", a) for n, a in enumerate(amounts)]
    kind, apply = FAULTS[fault]
    (line,) = explain(apply(those, at % len(those)).books, books(those))
    assert line.kind == kind


# --- the decision -------------------------------------------------------------------------------------------------


def reconcile(statement: Statement, here: Books) -> list[object]:
    facts = BookFacts(TODAY, NOON, Actor("U-1"), books={"C-1": here, "C-2": books([invoice("I-7", 9)])})
    outcome = given([]).when(Reconcile(reconciliation="RC-1", statement=statement), facts, by=RECONCILIATIONS)
    return list(outcome.events)


def stated(*balances: Balance, as_of: date = TODAY, complete: bool = False) -> Statement:
    return Statement(source="erp", as_of=as_of, balances=balances, complete=complete)


def of(amount: int, *items: Item, customer: str = "C-1") -> Balance:
    return Balance(customer=customer, currency="CNY", balance=Decimal(amount), items=items or None)


def test_a_reconciliation_keeps_its_outcome_and_each_balance_that_differs() -> None:
    events = reconcile(stated(of(500), of(9, customer="C-2")), books([invoice("I-1", 520)]))
    made_, differed = events
    assert (made_.compared, made_.equal, made_.unexplained, made_.asked_by) == (2, 1, 1, "U-1")  # type: ignore[attr-defined]
    assert isinstance(differed, BalanceDiffered)
    assert seen(differed.customer, differed.difference.amount) == ("C-1", 20)


def test_a_complete_statement_finds_those_it_does_not_name() -> None:
    events = reconcile(stated(of(500), complete=True), books([invoice("I-1", 500)]))
    (differed,) = [e for e in events if isinstance(e, BalanceDiffered)]
    assert (differed.customer, [e.kind for e in differed.explanations]) == ("C-2", ["missing_there"])


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (stated(of(1), of(2)), BalanceStatedTwice),
        (stated(of(2, *[Item(document="I-1", kind="invoice", open=Decimal(1))] * 2)), ItemStatedTwice),
        (stated(of(1), as_of=TODAY + timedelta(days=1)), StatementOfTheFuture),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused(statement: Statement, rule: type) -> None:
    facts = BookFacts(TODAY, NOON, Actor("U-1"), books={"C-1": replace(books([]))})
    outcome = given([]).when(Reconcile(reconciliation="RC-1", statement=statement), facts, by=RECONCILIATIONS)
    assert isinstance(outcome.refusal, rule)

"""What holds for every history: totals are what the events say, nothing is negative, nothing is settled twice."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from credit_svc.domain.credit_note import IssueCreditNote
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.order import CheckOrder, CloseOrder, CountDelivery
from credit_svc.domain.payment import ReceivePayment
from credit_svc.domain.receivable import INVOICE
from credit_svc.testing import TODAY, CreditCase, cny, cny0
from engine.decider import Command
from events.credit import Allocated, ExposureChanged, InvoiceIssued

LIMIT = 200
amounts = st.integers(1, 90)
days = st.integers(-80, 40)
orders = st.sampled_from(["O-1", "O-2", "O-3"])
invoices = st.sampled_from(["I-1", "I-2", "I-3", "I-4"])


def on(offset: int) -> date:
    return TODAY + timedelta(days=offset)


@st.composite
def invoice(draw: st.DrawFn, name: str | None = None) -> Command:
    return IssueInvoice(
        customer="C-1",
        invoice=name or draw(invoices),
        order=draw(st.none() | orders),
        invoice_date=on(draw(days)),
        amount=cny(draw(amounts)),
        due=on(draw(days)),
    )


@st.composite
def payment(draw: st.DrawFn, name: str | None = None) -> Command:
    named = draw(st.lists(invoices, max_size=2, unique=True))
    return ReceivePayment(
        customer="C-1",
        payment=name or draw(st.sampled_from(["P-1", "P-2", "P-3", "P-4"])),
        amount=cny(draw(amounts)),
        value_date=on(draw(days)),
        names=tuple(named),
    )


@st.composite
def credit_note(draw: st.DrawFn) -> Command:
    return IssueCreditNote(
        customer="C-1",
        credit_note=draw(st.sampled_from(["N-1", "N-2"])),
        invoice=draw(st.none() | invoices),
        amount=cny(draw(amounts)),
        issued_on=on(draw(days)),
        reason="x",
    )


@st.composite
def order_step(draw: st.DrawFn) -> Command:
    order = draw(orders)
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return CloseOrder(customer="C-1", order=order, on=TODAY)
    if kind == 1:
        return CountDelivery(customer="C-1", order=order, delivery="D", value=cny0(draw(amounts)), on=TODAY)
    version = draw(st.integers(1, 4))
    return CheckOrder(customer="C-1", order=order, order_version=version, amount=cny0(draw(amounts)), on=TODAY)


histories = st.lists(invoice() | payment() | credit_note() | order_step(), max_size=14)


def lived(commands: Sequence[Command]) -> CreditCase:
    """A customer with a limit of 200 to whom all this happened, refusals left out."""
    case = CreditCase().with_account(LIMIT)
    for command in commands:
        outcome = case.decide(command)
        case.happened += outcome.happened
    return case


@settings(max_examples=150, deadline=None)
@given(histories)
def test_totals_are_what_the_events_say_and_never_negative(commands: list[Command]) -> None:
    case = lived(commands)
    sums = dict.fromkeys(("open_orders", "delivered", "open_invoices", "unallocated_cash"), Decimal(0))
    for _, event in case.happened:
        if isinstance(event, ExposureChanged):
            for category, change in event.changes.items():
                sums[category] += change.amount
            assert min(sums.values()) >= 0
    exposure = case.exposure()
    assert sums == {c: getattr(exposure, c) for c in sums}
    assert sum(exposure.due.values()) == exposure.open_invoices
    assert sum(o.open for o in exposure.orders.values()) == exposure.open_orders
    assert sum(o.delivered for o in exposure.orders.values()) == exposure.delivered


@settings(max_examples=150, deadline=None)
@given(histories)
def test_nothing_is_settled_twice_and_nothing_is_paid_with_more_than_there_is(commands: list[Command]) -> None:
    case = lived(commands)
    open_by_state = Decimal(0)
    for name in {e.invoice for _, e in case.happened if isinstance(e, InvoiceIssued)}:
        state = INVOICE.fold(case.of(INVOICE(name)))
        assert all(0 <= i.open <= i.amount for i in state.instalments)
        open_by_state += state.open
    assert open_by_state == case.exposure().open_invoices
    used = {(e.document_kind, e.document) for _, e in case.happened if isinstance(e, Allocated)}
    assert all(case.document(kind, document).unallocated >= 0 for kind, document in used)


@settings(max_examples=150, deadline=None)
@given(histories)
def test_no_grant_lifts_the_exposure_above_the_limit(commands: list[Command]) -> None:
    case = lived(commands)
    total = Decimal(0)
    for _, event in case.happened:
        if isinstance(event, ExposureChanged):
            parts = {c: m.amount for c, m in event.changes.items()}
            total += sum(parts.values(), Decimal(0)) - 2 * parts.get("unallocated_cash", Decimal(0))
            raised = event.cause == "order_granted" and parts["open_orders"] > 0
            assert total <= LIMIT or not raised


documents = st.tuples(
    invoice("I-1"), invoice("I-2"), invoice("I-3"), payment("P-1"), payment("P-2"), payment("P-3")
).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))


@settings(max_examples=150, deadline=None)
@given(documents)
def test_the_same_documents_in_any_order_end_in_the_same_balance(
    both: tuple[tuple[Command, ...], list[Command]],
) -> None:
    one, other = (lived(order).exposure() for order in both)
    assert one.open_invoices - one.unallocated_cash == other.open_invoices - other.unallocated_cash
    assert one.total == other.total


@settings(max_examples=150, deadline=None)
@given(histories)
def test_the_exposure_keeps_nothing_of_what_is_settled(commands: list[Command]) -> None:
    exposure = lived(commands).exposure()
    assert all(o.open or o.delivered for o in exposure.orders.values())
    assert all(exposure.due.values())


@settings(max_examples=100, deadline=None)
@given(histories)
def test_every_document_can_be_sent_again(commands: list[Command]) -> None:
    """An identical document is answered with nothing, another one under its name is refused."""
    once = lived([c for c in commands if isinstance(c, IssueInvoice | ReceivePayment)])
    for command in commands:
        if isinstance(command, IssueInvoice | ReceivePayment):
            outcome = once.decide(command)
            assert outcome.refusal or not outcome.events

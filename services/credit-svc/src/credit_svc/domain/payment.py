"""Money that came in: set against the invoices it names, else oldest due first; what is over stays unallocated."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeAlias, assert_never

from pydantic import Field

from credit_svc.domain.account import (
    ACCOUNT,
    CreditAccount,
    CurrencyWithoutRate,
    RoundsToNothing,
    UnknownCustomer,
    converted,
    opened,
)
from credit_svc.domain.allocation import (
    Match,
    Movement,
    Source,
    Target,
    agree,
    matched,
    oldest_first,
    settled,
    targets_of,
)
from credit_svc.domain.amounts import positive
from credit_svc.domain.check import cleared
from credit_svc.domain.exposure import EXPOSURE
from credit_svc.domain.facts import FOR_PAYMENTS, CreditFacts, DocumentKind
from credit_svc.domain.receivable import INVOICE
from credit_svc.domain.settlement import PAYMENT, settlement
from engine.decider import Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States
from events.base import CustomerId, Event, Id, PositiveMoney, Value
from events.credit import PaymentReceived, Rate

# --- commands -----------------------------------------------------------------------------------------------------


class ReceivePayment(Command):
    """Money came in; `names` are the invoices it is for, in order; without names: oldest due first."""

    customer: CustomerId
    payment: Id
    amount: PositiveMoney
    value_date: date
    names: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    rate: Rate | None = None


class Share(Value):
    """So much for this invoice (account currency); its instalments oldest due first."""

    invoice: Id
    amount: PositiveMoney


class AllocateCash(Command):
    """Set unallocated cash or credit against invoices, by hand."""

    customer: CustomerId
    kind: DocumentKind
    document: Id
    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=100)]


PaymentCommand: TypeAlias = ReceivePayment | AllocateCash

# --- rules --------------------------------------------------------------------------------------------------------


class PaymentReceivedAlready(Rejected):
    """Payment {payment} was received already and reads otherwise."""

    zh: ClassVar[str] = "付款 {payment} 已登记且内容不同。"


class NoSuchDocument(NotFound):
    """Customer {customer} has no payment or credit note {document}."""

    zh: ClassVar[str] = "客户 {customer} 没有编号为 {document} 的付款或贷项通知单。"


class NoSuchInvoice(NotFound):
    """Customer {customer} has no invoice {invoice}."""

    zh: ClassVar[str] = "客户 {customer} 没有发票 {invoice}。"


class OverAllocation(Rejected):
    """Invoice {invoice} has {open} open, {amount} cannot be allocated to it."""

    zh: ClassVar[str] = "发票 {invoice} 的未清金额为 {open}，不能核销 {amount}。"


class MoreThanUnallocated(Rejected):
    """{document} has {unallocated} unallocated, {amount} cannot be allocated from it."""

    zh: ClassVar[str] = "{document} 的未核销金额为 {unallocated}，不能核销 {amount}。"


# --- decide -------------------------------------------------------------------------------------------------------


def _received(cmd: ReceivePayment, account: CreditAccount) -> PaymentReceived:
    amount = converted(cmd.amount, account, cmd.rate, cmd.payment)
    foreign = cmd.amount.currency != account.currency
    return PaymentReceived(
        customer=cmd.customer,
        payment=cmd.payment,
        amount=positive(amount, account.currency),
        value_date=cmd.value_date,
        names=cmd.names,
        document_amount=cmd.amount if foreign else None,
        rate=cmd.rate if foreign else None,
    )


def _targets(customer: str, invoices: Sequence[str], states: States) -> list[Target]:
    """The open instalments of those of `invoices` that exist and are the customer's, in their order."""
    found: list[Target] = []
    for invoice in dict.fromkeys(invoices):
        state = states[INVOICE(invoice)]
        if state.issued and state.issued.customer == customer:
            found += targets_of(invoice, state)
    return found


def _receive(cmd: ReceivePayment, states: States, facts: CreditFacts) -> Decision:
    account = opened(states, cmd.customer)
    event, known = _received(cmd, account), states[PAYMENT(cmd.payment)].stated
    if known == event:
        return []
    if known is not None:
        raise PaymentReceivedAlready(payment=cmd.payment)
    targets = _targets(cmd.customer, cmd.names or facts.open_invoices, states)
    if not cmd.names:
        targets = oldest_first(targets)
        agree(states[EXPOSURE(cmd.customer)], targets, event.amount.amount, in_order=facts.in_order)
    source = Source("payment", cmd.payment, cmd.value_date, event.amount.amount)
    matches = matched([source], targets)
    moves = Movement(cmd.customer, cmd.payment, "payment_received", account.currency)
    moves.add(cmd.value_date, "unallocated_cash", event.amount.amount)
    moves.settle(matches)
    said = [(PAYMENT(cmd.payment), event), *settled(cmd.customer, account.currency, matches)]
    return [*said, *exposed(cmd.customer, moves, states, facts)]


def exposed(customer: str, moves: Movement, states: States, facts: Facts) -> Decision:
    """What a document does to the exposure, and the holds that clear."""
    exposure, account = states[EXPOSURE(customer)], states[ACCOUNT(customer)]
    moved: list[Event] = list(moves.events())
    releases = cleared(customer, exposure, moved, account.limit_on(facts.today), facts.today)
    return [(EXPOSURE(customer), e) for e in (*moved, *releases)]


def _allocate(cmd: AllocateCash, states: States, facts: Facts) -> Decision:
    account = opened(states, cmd.customer)
    source = _source(cmd, states)
    matches: list[Match] = []
    for share in cmd.shares:
        matches += _share(cmd, share, source, account, states)
    moves = Movement(cmd.customer, cmd.document, "cash_allocated", account.currency)
    moves.settle(matches)
    return [*settled(cmd.customer, account.currency, matches), *exposed(cmd.customer, moves, states, facts)]


def _source(cmd: AllocateCash, states: States) -> Source:
    document = states[settlement(cmd.kind, cmd.document)]
    if document.stated is None or document.stated.customer != cmd.customer:
        raise NoSuchDocument(document=cmd.document, customer=cmd.customer)
    asked = sum((share.amount.amount for share in cmd.shares), Decimal(0))
    if asked > document.unallocated:
        raise MoreThanUnallocated(document=cmd.document, unallocated=document.unallocated, amount=asked)
    return Source(cmd.kind, cmd.document, document.dated, asked)


def _share(cmd: AllocateCash, share: Share, source: Source, account: CreditAccount, states: States) -> list[Match]:
    state = states[INVOICE(share.invoice)]
    if state.issued is None or state.issued.customer != cmd.customer:
        raise NoSuchInvoice(invoice=share.invoice, customer=cmd.customer)
    if share.amount.currency != account.currency:
        raise CurrencyWithoutRate(
            document=share.invoice, currency=share.amount.currency, account_currency=account.currency
        )
    amount = share.amount.amount
    if amount > state.open or sum(s.invoice == share.invoice for s in cmd.shares) > 1:
        raise OverAllocation(invoice=share.invoice, open=state.open, amount=amount)
    part = Source(source.kind, source.document, source.dated, amount)
    return matched([part], targets_of(share.invoice, state))


def streams(cmd: PaymentCommand, facts: CreditFacts) -> list[Ref[Any]]:
    """The document, the exposure, the account, the invoices it may settle."""
    both: list[Ref[Any]] = [EXPOSURE(cmd.customer), ACCOUNT(cmd.customer)]
    match cmd:
        case ReceivePayment():
            invoices = cmd.names or facts.open_invoices
            return [PAYMENT(cmd.payment), *both, *map(INVOICE, dict.fromkeys(invoices))]
        case AllocateCash():
            named = dict.fromkeys(share.invoice for share in cmd.shares)
            return [settlement(cmd.kind, cmd.document), *both, *map(INVOICE, named)]
        case _:
            assert_never(cmd)


def decide(cmd: PaymentCommand, states: States, facts: CreditFacts) -> Decision:
    """What the command comes to."""
    match cmd:
        case ReceivePayment():
            return _receive(cmd, states, facts)
        case AllocateCash():
            return _allocate(cmd, states, facts)
        case _:
            assert_never(cmd)


PAYMENTS: Decider[CreditFacts] = Decider(
    commands=(ReceivePayment, AllocateCash),
    streams=streams,
    decide=decide,
    rules=(
        UnknownCustomer,
        CurrencyWithoutRate,
        RoundsToNothing,
        PaymentReceivedAlready,
        NoSuchDocument,
        NoSuchInvoice,
        OverAllocation,
        MoreThanUnallocated,
    ),
    candidates=FOR_PAYMENTS,
)

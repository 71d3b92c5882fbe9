"""Giving back part of an invoice: it settles what is open of that invoice; what is over stays unallocated credit."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from credit_svc.domain.account import (
    ACCOUNT,
    CreditAccount,
    CurrencyWithoutRate,
    RoundsToNothing,
    UnknownCustomer,
    converted,
    opened,
)
from credit_svc.domain.allocation import Movement, Source, Target, matched, settled, targets_of
from credit_svc.domain.amounts import non_negative, positive
from credit_svc.domain.exposure import EXPOSURE
from credit_svc.domain.payment import exposed
from credit_svc.domain.receivable import INVOICE
from credit_svc.domain.settlement import CREDIT_NOTE
from engine.decider import Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States, Waits
from events.base import CustomerId, Id, NonNegativeMoney, PositiveMoney, Text
from events.credit import CreditNoteIssued, Rate

# --- command ------------------------------------------------------------------------------------------------------


class IssueCreditNote(Command):
    """Give back part or all of an invoice, or an amount without one; `net` is the part without tax."""

    customer: CustomerId
    credit_note: Id
    invoice: Id | None = None
    amount: PositiveMoney
    net: NonNegativeMoney | None = None
    issued_on: date
    reason: Text
    rate: Rate | None = None


# --- rules --------------------------------------------------------------------------------------------------------


class CreditNoteIssuedAlready(Rejected):
    """Credit note {credit_note} was issued already and reads otherwise."""

    zh: ClassVar[str] = "贷项通知单 {credit_note} 已开具且内容不同。"


class UnknownInvoice(Waits, NotFound):
    """Customer {customer} has no invoice {invoice} that could be credited."""

    zh: ClassVar[str] = "客户 {customer} 没有可冲减的发票 {invoice}。"


class NetAboveGross(Rejected):
    """The net amount {net} is more than the amount {amount} with tax."""

    zh: ClassVar[str] = "不含税金额 {net} 大于含税金额 {amount}。"


# --- decide -------------------------------------------------------------------------------------------------------


def _issued(cmd: IssueCreditNote, account: CreditAccount) -> CreditNoteIssued:
    amount = converted(cmd.amount, account, cmd.rate, cmd.credit_note)
    net = None if cmd.net is None else _net(cmd, account, cmd.net)
    if net is not None and net > amount:
        raise NetAboveGross(net=net, amount=amount)
    foreign = cmd.amount.currency != account.currency
    return CreditNoteIssued(
        customer=cmd.customer,
        credit_note=cmd.credit_note,
        invoice=cmd.invoice,
        amount=positive(amount, account.currency),
        net=None if net is None else non_negative(net, account.currency),
        issued_on=cmd.issued_on,
        reason=cmd.reason,
        document_amount=cmd.amount if foreign else None,
        rate=cmd.rate if foreign else None,
    )


def _net(cmd: IssueCreditNote, account: CreditAccount, net: NonNegativeMoney) -> Decimal:
    return converted(net, account, cmd.rate, cmd.credit_note)


def _targets(cmd: IssueCreditNote, states: States) -> list[Target]:
    if cmd.invoice is None:
        return []
    state = states[INVOICE(cmd.invoice)]
    if state.issued is None or state.issued.customer != cmd.customer:
        raise UnknownInvoice(invoice=cmd.invoice, customer=cmd.customer)
    return targets_of(cmd.invoice, state)


def streams(cmd: IssueCreditNote, facts: Facts) -> list[Ref[Any]]:
    """The credit note, the exposure, the account, its invoice."""
    invoice = [INVOICE(cmd.invoice)] if cmd.invoice else []
    return [CREDIT_NOTE(cmd.credit_note), EXPOSURE(cmd.customer), ACCOUNT(cmd.customer), *invoice]


def decide(cmd: IssueCreditNote, states: States, facts: Facts) -> Decision:
    """The credit note, what it settles, and the holds that clear."""
    account = opened(states, cmd.customer)
    event, known = _issued(cmd, account), states[CREDIT_NOTE(cmd.credit_note)].stated
    if known == event:
        return []
    if known is not None:
        raise CreditNoteIssuedAlready(credit_note=cmd.credit_note)
    source = Source("credit_note", cmd.credit_note, cmd.issued_on, event.amount.amount)
    matches = matched([source], _targets(cmd, states))
    moves = Movement(cmd.customer, cmd.credit_note, "credit_note_issued", account.currency)
    moves.add(cmd.issued_on, "unallocated_cash", event.amount.amount)
    moves.settle(matches)
    said = [(CREDIT_NOTE(cmd.credit_note), event), *settled(cmd.customer, account.currency, matches)]
    return [*said, *exposed(cmd.customer, moves, states, facts)]


CREDIT_NOTES: Decider[Facts] = Decider(
    commands=(IssueCreditNote,),
    streams=streams,
    decide=decide,
    rules=(
        UnknownCustomer,
        CurrencyWithoutRate,
        RoundsToNothing,
        CreditNoteIssuedAlready,
        UnknownInvoice,
        NetAboveGross,
    ),
)

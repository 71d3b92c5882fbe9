"""Issuing an invoice: a receivable comes into being, closes what was reserved for its order, takes up waiting money."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, ClassVar

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
from credit_svc.domain.allocation import Match, Movement, Source, Target, matched, settled, total_unallocated
from credit_svc.domain.amounts import positive
from credit_svc.domain.check import cleared
from credit_svc.domain.exposure import EXPOSURE, Exposure
from credit_svc.domain.facts import FOR_INVOICES, CreditFacts
from credit_svc.domain.order import PROGRESS, Progress, hold_after_progress, order_changes, progressed
from credit_svc.domain.receivable import INVOICE
from credit_svc.domain.settlement import settlement
from engine.decider import Command, Decider, Decision, Facts, Ref, Rejected, StaleFacts, States
from events.base import CustomerId, Event, Id, PositiveMoney
from events.credit import Instalment, InvoiceIssued, InvoiceLine, Rate
from events.currencies import minor_units

# --- command ------------------------------------------------------------------------------------------------------


class IssueInvoice(Command):
    """Issue an invoice, gross of tax, in instalments or due as a whole on `due`; `rate` where in another currency."""

    customer: CustomerId
    invoice: Id
    order: Id | None = None
    invoice_date: date
    amount: PositiveMoney
    due: date | None = None
    instalments: Annotated[tuple[Instalment, ...], Field(max_length=120)] = ()
    lines: Annotated[tuple[InvoiceLine, ...], Field(max_length=1000)] = ()
    rate: Rate | None = None


# --- rules --------------------------------------------------------------------------------------------------------


class InvoiceIssuedAlready(Rejected):
    """Invoice {invoice} was issued already and reads otherwise; correct it with a credit note."""

    zh: ClassVar[str] = "发票 {invoice} 已开具且内容不同，请用贷项通知单更正。"


class InstalmentsDoNotAddUp(Rejected):
    """The instalments come to {instalments}, the invoice to {amount}."""

    zh: ClassVar[str] = "各期分期付款合计为 {instalments}，而发票金额为 {amount}。"


class InstalmentsMisnumbered(Rejected):
    """The instalments of invoice {invoice} are not numbered 1, 2, 3 and so on."""

    zh: ClassVar[str] = "发票 {invoice} 的分期付款未按 1、2、3 顺序编号。"


class NoDueDate(Rejected):
    """Invoice {invoice} has neither instalments nor a due date."""

    zh: ClassVar[str] = "发票 {invoice} 既没有分期付款计划，也没有到期日。"


class TwoPaymentTerms(Rejected):
    """Invoice {invoice} has both instalments and a due date; say it once."""

    zh: ClassVar[str] = "发票 {invoice} 同时给出了分期付款计划和到期日，只能给出一种。"


class MixedCurrencies(Rejected):
    """Invoice {invoice} is in {currency}, one of its instalments or lines is not."""

    zh: ClassVar[str] = "发票 {invoice} 的币种为 {currency}，但有分期或明细使用了其他币种。"


# --- decide -------------------------------------------------------------------------------------------------------


def _instalments(cmd: IssueInvoice) -> tuple[Instalment, ...]:
    if not cmd.instalments and cmd.due is None:
        raise NoDueDate(invoice=cmd.invoice)
    if cmd.instalments and cmd.due is not None:
        raise TwoPaymentTerms(invoice=cmd.invoice)
    if cmd.due is not None:
        return (Instalment(number=1, due=cmd.due, amount=cmd.amount),)
    _of_one_currency(cmd)
    if [i.number for i in cmd.instalments] != list(range(1, len(cmd.instalments) + 1)):
        raise InstalmentsMisnumbered(invoice=cmd.invoice)
    total = sum((i.amount.amount for i in cmd.instalments), Decimal(0))
    if total != cmd.amount.amount:
        raise InstalmentsDoNotAddUp(instalments=total, amount=cmd.amount.amount)
    return cmd.instalments


def _of_one_currency(cmd: IssueInvoice) -> None:
    amounts = [*(i.amount for i in cmd.instalments), *(line.net for line in cmd.lines)]
    if any(amount.currency != cmd.amount.currency for amount in amounts):
        raise MixedCurrencies(invoice=cmd.invoice, currency=cmd.amount.currency)


def _converted(cmd: IssueInvoice, account: CreditAccount, instalments: Sequence[Instalment]) -> tuple[Instalment, ...]:
    """Each instalment in the account's currency; rounding goes to the last, so that they add up to the invoice."""
    total = converted(cmd.amount, account, cmd.rate, cmd.invoice)
    if cmd.amount.currency == account.currency or cmd.rate is None:
        return tuple(instalments)
    unit = Decimal(1).scaleb(-minor_units(account.currency))
    parts = [(i.amount.amount * cmd.rate).quantize(unit, ROUND_HALF_UP) for i in instalments[:-1]]
    parts.append(total - sum(parts, Decimal(0)))
    if min(parts) <= 0:
        raise RoundsToNothing(
            amount=cmd.amount.amount, currency=cmd.amount.currency, rate=cmd.rate, account_currency=account.currency
        )
    return tuple(
        Instalment(number=i.number, due=i.due, amount=positive(part, account.currency))
        for i, part in zip(instalments, parts, strict=True)
    )


def _total(instalments: Sequence[Instalment], currency: str) -> PositiveMoney:
    return positive(sum((i.amount.amount for i in instalments), Decimal(0)), currency)


def _issued(cmd: IssueInvoice, account: CreditAccount) -> InvoiceIssued:
    _of_one_currency(cmd)
    instalments = _converted(cmd, account, _instalments(cmd))
    foreign = cmd.amount.currency != account.currency
    return InvoiceIssued(
        customer=cmd.customer,
        invoice=cmd.invoice,
        order=cmd.order,
        invoice_date=cmd.invoice_date,
        amount=_total(instalments, account.currency) if foreign else cmd.amount,
        instalments=instalments,
        lines=cmd.lines,
        document_amount=cmd.amount if foreign else None,
        rate=cmd.rate if foreign else None,
    )


def _waiting_money(cmd: IssueInvoice, states: States, facts: CreditFacts, exposure: Exposure) -> list[Source]:
    """Unallocated payments that this invoice takes up: those that name it first, then those that name none."""
    found = [(kind, doc, states[settlement(kind, doc)]) for kind, doc in facts.open_cash]
    sources = [Source(kind, doc, s.dated, s.unallocated) for kind, doc, s in found if s.stated]
    known = total_unallocated(sources)
    if known > exposure.unallocated_cash or (facts.all_cash and known != exposure.unallocated_cash):
        raise StaleFacts(f"{known} of {exposure.unallocated_cash} unallocated is known")
    usable = [(s.names(cmd.invoice), kind, doc, s) for kind, doc, s in found if s.serves(cmd.invoice) and s.unallocated]
    ordered = sorted(usable, key=lambda u: (not u[0], u[3].dated, u[2]))
    return [Source(kind, doc, s.dated, s.unallocated) for _, kind, doc, s in ordered]


@dataclass(frozen=True, slots=True)
class _Issue:
    """An invoice about to be issued, with everything it meets."""

    event: InvoiceIssued
    exposure: Exposure
    progress: Progress | None
    matches: Sequence[Match]

    @property
    def currency(self) -> str:
        return self.event.amount.currency

    @property
    def progress_after(self) -> Progress | None:
        if self.progress is None:
            return None
        return replace(self.progress, invoiced=self.progress.invoiced + self.event.amount.amount)

    def movements(self) -> list[Event]:
        event = self.event
        moves = Movement(event.customer, event.invoice, "invoice_issued", self.currency, event.order)
        for instalment in event.instalments:
            moves.add(event.invoice_date, "open_invoices", instalment.amount.amount, instalment.due)
        if event.order and self.progress and self.progress_after:
            changes = order_changes(event.order, self.exposure, self.progress, self.progress_after)
            moves.of_order(event.invoice_date, changes)
        moves.settle(self.matches)
        return list(moves.events())


def _order_events(issue: _Issue) -> Decision:
    event, after = issue.event, issue.progress_after
    if event.order is None or after is None:
        return []
    said = progressed(event.customer, event.order, event.invoice, after, issue.currency, event.invoice_date)
    return [(PROGRESS(event.order), said)]


def _hold_events(issue: _Issue, account: CreditAccount, facts: Facts) -> list[Event]:
    event, after = issue.event, issue.progress_after
    if event.order is None or issue.progress is None or after is None:
        return []
    limit = account.limit_on(facts.today)
    return hold_after_progress(event.customer, event.order, issue.exposure, limit, issue.progress, after, facts.today)


def _progress(cmd: IssueInvoice, states: States) -> Progress | None:
    """How far the order has come; None where the invoice names none, or one of another customer."""
    if cmd.order is None:
        return None
    known = states[PROGRESS(cmd.order)]
    return known if known.customer in ("", cmd.customer) else None


def streams(cmd: IssueInvoice, facts: CreditFacts) -> list[Ref[Any]]:
    """The invoice, the exposure, the account, the order it names, the money that waits."""
    order = [PROGRESS(cmd.order)] if cmd.order else []
    waiting = [settlement(kind, document) for kind, document in facts.open_cash]
    return [INVOICE(cmd.invoice), EXPOSURE(cmd.customer), ACCOUNT(cmd.customer), *order, *waiting]


def decide(cmd: IssueInvoice, states: States, facts: CreditFacts) -> Decision:
    """The invoice, what it closes, what settles it at once, and the holds that clear."""
    account, exposure = opened(states, cmd.customer), states[EXPOSURE(cmd.customer)]
    event, known = _issued(cmd, account), states[INVOICE(cmd.invoice)].issued
    if known == event:
        return []
    if known is not None:
        raise InvoiceIssuedAlready(invoice=cmd.invoice)
    sources = _waiting_money(cmd, states, facts, exposure)
    targets = [Target(cmd.invoice, cmd.invoice_date, i.number, i.due, i.amount.amount) for i in event.instalments]
    matches = matched(sources, sorted(targets, key=lambda t: (t.due, t.instalment)))
    issue = _Issue(event, exposure, _progress(cmd, states), matches)
    moves = [*issue.movements(), *_hold_events(issue, account, facts)]
    releases = cleared(cmd.customer, exposure, moves, account.limit_on(facts.today), facts.today)
    ref = EXPOSURE(cmd.customer)
    said = [(INVOICE(cmd.invoice), event), *_order_events(issue), *settled(cmd.customer, account.currency, matches)]
    return [*said, *((ref, e) for e in (*moves, *releases))]


INVOICES: Decider[CreditFacts] = Decider(
    commands=(IssueInvoice,),
    streams=streams,
    decide=decide,
    rules=(
        UnknownCustomer,
        CurrencyWithoutRate,
        RoundsToNothing,
        InvoiceIssuedAlready,
        InstalmentsDoNotAddUp,
        InstalmentsMisnumbered,
        NoDueDate,
        TwoPaymentTerms,
        MixedCurrencies,
    ),
    candidates=FOR_INVOICES,
)

"""credit-svc: may this order go, what is owed, what is late, what to do about it."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from chassis.service import Service
from credit_svc import api, intake
from credit_svc.domain.account import ACCOUNTS
from credit_svc.domain.account_state import ACCOUNT_STATES
from credit_svc.domain.assets import BALANCE_SHEETS
from credit_svc.domain.credit_note import CREDIT_NOTES
from credit_svc.domain.facts import CreditFacts
from credit_svc.domain.holds import HOLDS
from credit_svc.domain.invoice import INVOICES, IssueInvoice
from credit_svc.domain.order import ORDERS
from credit_svc.domain.payment import PAYMENTS, ReceivePayment
from credit_svc.domain.reactions import REACTIONS
from credit_svc.domain.receivable import LATENESS
from credit_svc.domain.reconciliation import RECONCILIATIONS, BookFacts, Reconcile
from credit_svc.domain.timers import TIMERS
from credit_svc.examples import STORY
from credit_svc.projections import (
    accounts,
    books,
    differences,
    holds,
    invoices,
    limits,
    open_instalments,
    reconciliations,
    settlements,
)
from engine.database import Connection
from engine.decider import Facts
from engine.handle import each


async def _for_payments(
    commands: Sequence[ReceivePayment], base: Sequence[Facts], views: Connection
) -> list[CreditFacts]:
    """The invoices that all unnamed payments of a customer reach, one after the other."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for command in commands:
        amounts[command.customer] += _at_most(command)
    reached = {c: await open_instalments.reached_by(views, c, amount) for c, amount in amounts.items() if amount}
    return [
        CreditFacts.of(facts, open_invoices=() if command.names else reached[command.customer], in_order=True)
        for command, facts in zip(commands, base, strict=True)
    ]


def _at_most(command: ReceivePayment) -> Decimal:
    """What needs candidates; more rather than less where its rate may not be needed."""
    return Decimal(0) if command.names else command.amount.amount * max(command.rate or Decimal(1), Decimal(1))


async def _for_invoices(
    commands: Sequence[IssueInvoice], base: Sequence[Facts], views: Connection
) -> list[CreditFacts]:
    """The money that waits."""
    waiting = {c: await settlements.waiting(views, c) for c in dict.fromkeys(command.customer for command in commands)}
    found = [waiting[command.customer] for command in commands]
    return [
        CreditFacts.of(facts, open_cash=cash, all_cash=complete)
        for facts, (cash, complete) in zip(base, found, strict=True)
    ]


async def _for_reconciliations(command: Reconcile, base: Facts, views: Connection) -> BookFacts:
    """Our books of the customers of the statement."""
    return BookFacts.of(base, await books.of_statement(views, command.statement))


SERVICE = Service(
    name="credit",
    prefix=intake.PREFIX,
    title="Kehu: credit and receivables",
    contexts=("credit",),
    routers=(api.router,),
    deciders=(ACCOUNTS, ORDERS, HOLDS, INVOICES, LATENESS, PAYMENTS, CREDIT_NOTES, BALANCE_SHEETS, RECONCILIATIONS),
    loaders={ReceivePayment: _for_payments, IssueInvoice: _for_invoices, Reconcile: each(_for_reconciliations)},
    views=(
        accounts.VIEW,
        limits.VIEW,
        open_instalments.VIEW,
        invoices.VIEW,
        settlements.VIEW,
        holds.VIEW,
        reconciliations.VIEW,
        differences.VIEW,
    ),
    reactions=REACTIONS,
    timers=TIMERS,
    intake=intake.TAKES,
    states=(ACCOUNT_STATES,),
    story=STORY,
)

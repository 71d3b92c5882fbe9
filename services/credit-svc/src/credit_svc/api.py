"""Routes under /api/credit: HTTP to command, view to response. Holds no rule."""

from datetime import date
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

from chassis.context import Answer, Do, Look, Page, Paged, Read, ReadAll, Today, allowed, missing
from chassis.problems import Problem
from chassis.routes import Routes
from credit_svc.domain.account import SetLimit, SetRiskClass, UnknownCustomer
from credit_svc.domain.asking import CheckAnswer, CheckCredit, answer, streams
from credit_svc.domain.assets import ReportAssets
from credit_svc.domain.credit_note import IssueCreditNote
from credit_svc.domain.facts import DocumentKind
from credit_svc.domain.holds import LiftManualHold, PlaceManualHold, ReleaseHold
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import AllocateCash, NoSuchDocument, NoSuchInvoice, ReceivePayment
from credit_svc.domain.reconciliation import Compared, Reconcile, Statement, compared
from credit_svc.projections import (
    accounts,
    books,
    differences,
    holds,
    invoices,
    limits,
    reconciliations,
    settlements,
)
from credit_svc.projections.accounts import AccountRow
from credit_svc.projections.differences import DifferenceRow
from credit_svc.projections.holds import HoldRow
from credit_svc.projections.invoices import InvoiceRow
from credit_svc.projections.limits import LimitRow
from credit_svc.projections.reconciliations import ReconciliationRow
from credit_svc.projections.settlements import SettlementRow
from engine.database import Connection
from engine.decider import Rejected

router = Routes()
READERS = allowed("sales", "credit_manager", "finance", "operations", "integration", "complaint_handler")
CREDIT = allowed("credit_manager")
FINANCE = allowed("finance", "integration")
RECONCILERS = allowed("finance", "credit_manager", "integration")
OneCustomer = Annotated[str, Path(description="Key of the customer.")]
Customer = Annotated[str | None, Query(description="Only this customer's.")]

# --- accounts -----------------------------------------------------------------------------------------------------


@router.get("/accounts", tags=["accounts"], dependencies=[READERS], summary="Accounts, by customer")
async def list_accounts(read: Read, page: Page, today: Today) -> Paged[AccountRow]:
    """With limit, class and exposure by category, on the open day."""
    return await page.fetch(read, limits.accounts_on(today), accounts.TABLE.c.customer, into=AccountRow)


@router.get("/accounts/{customer}", tags=["accounts"], dependencies=[READERS], summary="One account")
async def get_account(customer: OneCustomer, read: Read, today: Today) -> AccountRow:
    """Limit, class and exposure by category, on the open day."""
    row = (await read.execute(limits.accounts_on(today, customer))).mappings().one_or_none()
    if row is None:
        raise missing(UnknownCustomer, customer=customer)
    return AccountRow.model_validate(dict(row))


@router.get(
    "/accounts/{customer}/limits", tags=["accounts"], dependencies=[READERS], summary="Every limit an account has had"
)
async def list_limits(customer: OneCustomer, read: Read, page: Page) -> Paged[LimitRow]:
    """In the order they were set."""
    return await page.fetch(read, limits.history(customer), limits.TABLE.c.position, into=LimitRow)


@router.post("/limits", tags=["accounts"], dependencies=[CREDIT], summary="Set the limit of a customer")
async def set_limit(command: SetLimit, do: Do) -> Answer:
    """Null is unlimited, 0 no credit. Raising it needs a reason; holds may clear."""
    return await do(command)


@router.post("/risk-classes", tags=["accounts"], dependencies=[CREDIT], summary="Set the risk class of a customer")
async def set_risk_class(command: SetRiskClass, do: Do) -> Answer:
    """CA1, the best, to CA5, cash only."""
    return await do(command)


@router.post("/checks", tags=["accounts"], dependencies=[READERS], summary="Would this amount go?")
async def check_credit(asked: CheckCredit, look: Look, today: Today) -> CheckAnswer:
    """What credit would say of an order of that amount now. Reserves nothing, only an order does; needs no key."""
    states = await look(streams(asked))
    try:
        return answer(asked, states, today)
    except Rejected as refusal:
        raise Problem(refusal) from None


# --- holds --------------------------------------------------------------------------------------------------------


@router.get("/holds", tags=["holds"], dependencies=[READERS], summary="Orders that are held")
async def list_holds(read: Read, page: Page, customer: Customer = None) -> Paged[HoldRow]:
    """With all their reasons, by order."""
    return await page.fetch(read, holds.listed(customer), holds.TABLE.c.order, into=HoldRow)


@router.post("/holds/releases", tags=["holds"], dependencies=[CREDIT], summary="Let a held order go")
async def release_hold(command: ReleaseHold, do: Do) -> Answer:
    """With a reason; not by whoever asked for the order."""
    return await do(command)


@router.post("/holds/manual", tags=["holds"], dependencies=[CREDIT], summary="Hold an order by hand")
async def place_manual_hold(command: PlaceManualHold, do: Do) -> Answer:
    """Such a hold never clears by itself."""
    return await do(command)


@router.post("/holds/manual/lifted", tags=["holds"], dependencies=[CREDIT], summary="Take the manual reason away")
async def lift_manual_hold(command: LiftManualHold, do: Do) -> Answer:
    """The order goes if no other reason is left."""
    return await do(command)


# --- invoices -----------------------------------------------------------------------------------------------------


@router.get("/invoices", tags=["invoices"], dependencies=[READERS], summary="Invoices, by number")
async def list_invoices(
    read: Read,
    page: Page,
    customer: Customer = None,
    only_open: Annotated[bool, Query(description="Only those with something open.")] = False,
) -> Paged[InvoiceRow]:
    """With what of them is open."""
    query = invoices.listed(customer, only_open=only_open)
    return await page.fetch(read, query, invoices.TABLE.c.invoice, into=InvoiceRow)


@router.get("/invoices/{invoice:path}", tags=["invoices"], dependencies=[READERS], summary="One invoice")
async def get_invoice(invoice: Annotated[str, Path(description="Number of the invoice.")], read: Read) -> InvoiceRow:
    """With its instalments."""
    row = (await read.execute(invoices.one(invoice))).mappings().one_or_none()
    if row is None:
        raise missing(NoSuchInvoice, invoice=invoice, customer="any")
    return InvoiceRow.model_validate(dict(row))


@router.post("/invoices", tags=["invoices"], dependencies=[FINANCE], summary="Issue an invoice")
async def issue_invoice(command: IssueInvoice, do: Do) -> Answer:
    """It closes what was reserved for its order and takes up unallocated payments."""
    return await do(command, key=command.invoice)


# --- payments and credit notes ------------------------------------------------------------------------------------

OnlyWaiting = Annotated[bool, Query(alias="unallocated", description="Only those with something unallocated.")]


@router.get("/payments", tags=["payments"], dependencies=[READERS], summary="Payments, by number")
async def list_payments(
    read: Read, page: Page, customer: Customer = None, only_waiting: OnlyWaiting = False
) -> Paged[SettlementRow]:
    """With what of them is unallocated."""
    query = settlements.listed("payment", customer, only_waiting=only_waiting)
    return await page.fetch(read, query, settlements.TABLE.c.document, into=SettlementRow)


@router.get("/payments/{payment:path}", tags=["payments"], dependencies=[READERS], summary="One payment")
async def get_payment(payment: Annotated[str, Path(description="Number of the payment.")], read: Read) -> SettlementRow:
    """With what it was set against."""
    return await _settlement(read, "payment", payment)


@router.post("/payments", tags=["payments"], dependencies=[FINANCE], summary="Receive a payment")
async def receive_payment(command: ReceivePayment, do: Do) -> Answer:
    """Set against the invoices it names, else oldest due first; what is over stays unallocated."""
    return await do(command, key=command.payment)


@router.post("/allocations", tags=["payments"], dependencies=[FINANCE], summary="Allocate cash or credit by hand")
async def allocate_cash(command: AllocateCash, do: Do) -> Answer:
    """What is unallocated of a payment or credit note goes to invoices, never more than is open of them."""
    return await do(command, key=command.document)


@router.get("/credit-notes", tags=["credit notes"], dependencies=[READERS], summary="Credit notes, by number")
async def list_credit_notes(
    read: Read, page: Page, customer: Customer = None, only_waiting: OnlyWaiting = False
) -> Paged[SettlementRow]:
    """With what of them is unallocated."""
    query = settlements.listed("credit_note", customer, only_waiting=only_waiting)
    return await page.fetch(read, query, settlements.TABLE.c.document, into=SettlementRow)


@router.get(
    "/credit-notes/{credit_note:path}", tags=["credit notes"], dependencies=[READERS], summary="One credit note"
)
async def get_credit_note(
    credit_note: Annotated[str, Path(description="Number of the credit note.")], read: Read
) -> SettlementRow:
    """With what it was set against."""
    return await _settlement(read, "credit_note", credit_note)


@router.post(
    "/credit-notes", tags=["credit notes"], dependencies=[FINANCE], summary="Give back part or all of an invoice"
)
async def issue_credit_note(command: IssueCreditNote, do: Do) -> Answer:
    """What is over stays unallocated credit."""
    return await do(command, key=command.credit_note)


async def _settlement(read: Connection, kind: DocumentKind, document: str) -> SettlementRow:
    row: Any = (await read.execute(settlements.one(kind, document))).mappings().one_or_none()
    if row is None:
        raise missing(NoSuchDocument, document=document, customer="any")
    return SettlementRow.model_validate(dict(row))


# --- the company --------------------------------------------------------------------------------------------------


@router.post("/balance-sheets", tags=["company"], dependencies=[FINANCE], summary="Report the company's total assets")
async def report_assets(command: ReportAssets, do: Do) -> Answer:
    """On a date; receivables are measured against them (R-118)."""
    return await do(command)


# --- reconciliation -----------------------------------------------------------------------------------------------

AReconciliation = Annotated[str, Path(description="Key of the reconciliation.", examples=["RC-4K2V7Q3HZA"])]


class Outcome(BaseModel):
    """What comparing a statement comes to: `equal` of `compared` balances are the same, the others differ."""

    as_of: date
    compared: int
    equal: int
    unexplained: int = Field(description="Balances of which a part remained unexplained.")
    differences: list[DifferenceRow]

    @classmethod
    def of(cls, statement: Statement, found: Compared) -> "Outcome":
        """As it is shown."""
        shown = [differences.shown(d) for d in found.differences]
        equal = found.compared - len(shown)
        return cls(
            as_of=statement.as_of,
            compared=found.compared,
            equal=equal,
            unexplained=found.unexplained,
            differences=shown,
        )


@router.post("/reconciliations", tags=["reconciliation"], dependencies=[RECONCILERS], summary="Compare ERP balances")
async def reconcile(statement: Statement, read: ReadAll, do: Do) -> Answer:
    """With ours as of that date, as known now; each difference is explained by what sums to it, and kept."""
    key = do.new_key("RC")
    return await do(Reconcile(reconciliation=key, statement=statement), key=key)


@router.post(
    "/reconciliations/preview", tags=["reconciliation"], dependencies=[RECONCILERS], summary="How would they compare?"
)
async def preview_reconciliation(statement: Statement, read: ReadAll, today: Today) -> Outcome:
    """As a reconciliation, with nothing kept; needs no key."""
    ours = await books.of_statement(read, statement)
    try:
        return Outcome.of(statement, compared("preview", statement, ours, today))
    except Rejected as refusal:
        raise Problem(refusal) from None


@router.get("/reconciliations", tags=["reconciliation"], dependencies=[RECONCILERS], summary="Reconciliations made")
async def list_reconciliations(
    read: Read, page: Page, source: Annotated[str | None, Query(description="Only with this source.")] = None
) -> Paged[ReconciliationRow]:
    """The last one first."""
    order = reconciliations.TABLE.c.position
    return await page.fetch(read, reconciliations.listed(source), order, into=ReconciliationRow, descending=True)


@router.get(
    "/reconciliations/{reconciliation}", tags=["reconciliation"], dependencies=[RECONCILERS], summary="One of them"
)
async def get_reconciliation(reconciliation: AReconciliation, read: Read) -> ReconciliationRow:
    """Which statement, by whom, with what outcome."""
    row = (await read.execute(reconciliations.one(reconciliation))).mappings().one_or_none()
    if row is None:
        raise missing()
    return ReconciliationRow.model_validate(dict(row))


@router.get(
    "/reconciliations/{reconciliation}/differences",
    tags=["reconciliation"],
    dependencies=[RECONCILERS],
    summary="What differed, and why",
)
async def list_differences(
    reconciliation: AReconciliation,
    read: Read,
    page: Page,
    customer: Customer = None,
    unexplained: Annotated[bool, Query(description="Only those of which a part is unexplained.")] = False,
) -> Paged[DifferenceRow]:
    """By customer; the explanations of each sum to its difference."""
    query = differences.listed(reconciliation, customer, only_unexplained=unexplained)
    order = differences.TABLE.c
    return await page.fetch(read, query, order.customer, order.currency, into=DifferenceRow)

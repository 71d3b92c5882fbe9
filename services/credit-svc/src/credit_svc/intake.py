"""Documents of the ERP that credit takes, as commands. Holds no rule."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from credit_svc.domain.account import SetLimit, SetRiskClass
from credit_svc.domain.assets import ReportAssets
from credit_svc.domain.credit_note import IssueCreditNote
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import ReceivePayment
from engine.decider import Command
from events.erp import BalanceSheet, CreditNote, CreditTerms, Document, Invoice, Payment


def terms(document: CreditTerms) -> Sequence[Command]:
    """The limit, and the class where the ERP names one."""
    customer, day, reason = document.customer, document.valid_from, document.reason
    limit = SetLimit(customer=customer, limit=document.limit, valid_from=day, reason=reason)
    if document.risk_class is None:
        return [limit]
    return [limit, SetRiskClass(customer=customer, risk_class=document.risk_class, valid_from=day, reason=reason)]


def invoice(document: Invoice) -> Command:
    """The invoice as it is."""
    return document.told_as(IssueInvoice)


def credit_note(document: CreditNote) -> Command:
    """The credit note as it is."""
    return document.told_as(IssueCreditNote)


def payment(document: Payment) -> Command:
    """The payment as it is."""
    return document.told_as(ReceivePayment)


def balance_sheet(document: BalanceSheet) -> Command:
    """The total assets."""
    return ReportAssets(total_assets=document.total_assets, on=document.on)


PREFIX = "/api/credit"
"""The path under which they come in, and all else of the service."""
TAKES: Mapping[type[Document], Callable[[Any], Command | Sequence[Command]]] = MappingProxyType(
    {CreditTerms: terms, Invoice: invoice, CreditNote: credit_note, Payment: payment, BalanceSheet: balance_sheet}
)

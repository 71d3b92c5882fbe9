"""Balances of the ERP that differed from ours, each with what explains it."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import Field, computed_field
from sqlalchemy.dialects.postgresql import JSONB

from chassis.amounts import InCurrency
from chassis.problems import InvalidDocument, OtherBody, Undecidable, WaitedTooLong, sentence, type_of
from credit_svc.domain.account import ACCOUNTS
from credit_svc.domain.credit_note import CREDIT_NOTES
from credit_svc.domain.invoice import INVOICES
from credit_svc.domain.payment import PAYMENTS
from engine.decider import Decider, Rejected
from engine.projection import Key, Row, Rows
from events.base import Amount, Value
from events.envelope import Envelope
from events.reconciling import BalanceDiffered, BookedKind, ExplanationKind

TABLE = sa.Table(
    "differences",
    sa.MetaData(),
    sa.Column("reconciliation", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("ours", sa.Numeric, nullable=False),
    sa.Column("theirs", sa.Numeric, nullable=False),
    sa.Column("difference", sa.Numeric, nullable=False),
    sa.Column("unexplained", sa.Numeric, nullable=False),
    sa.Column("explanations", JSONB, nullable=False),
)
_T = TABLE.c
_DECIDERS: tuple[Decider[Any], ...] = (ACCOUNTS, INVOICES, PAYMENTS, CREDIT_NOTES)
_FAULTS: tuple[type[Rejected], ...] = (InvalidDocument, OtherBody, Undecidable, WaitedTooLong)
RULES: Mapping[str, type[Rejected]] = {r.code(): r for r in (*_FAULTS, *(r for d in _DECIDERS for r in d.rules))}
"""What may have refused a document that moves a receivable."""
ADVICE: Mapping[ExplanationKind, tuple[str, str]] = {
    "waiting": (
        "It waits for what it refers to: have the ERP send that, and it is booked by itself.",
        "单据在等待其引用的对象：请 ERP 补发该对象，之后自动入账。",
    ),
    "rejected": ("Mend what the rule says in the ERP and send it again.", "请按规则提示在 ERP 中更正后重新发送。"),
    "late": (
        "One side counted it and the other not yet; reconcile again as of a later date.",
        "一方已计入而另一方尚未计入；请以更晚的截止日重新对账。",
    ),
    "duplicate": (
        "It is booked twice under two numbers: take one back, with a credit note or in the ERP.",
        "同一单据以不同编号重复入账：请用贷项通知单或在 ERP 中冲销其一。",
    ),
    "missing_here": (
        "The ERP shows it and it never arrived here: have it sent again.",
        "ERP 有此单据而我方从未收到：请重新发送。",
    ),
    "missing_there": (
        "The ERP does not show it as open: what settled or cancelled it is missing here, or it is not booked there.",
        "ERP 未将其列为未结：结清或取消它的单据尚未到达我方，或 ERP 未入账。",
    ),
    "amount_differs": (
        "Both know it, with other open amounts: compare its amount and what was set against it.",
        "双方均有此单据但未结金额不同：请核对金额及核销情况。",
    ),
    "unallocated": (
        "Cash or credit is unallocated here and not open in the ERP: allocate it as there.",
        "该款项在我方尚未核销，而 ERP 未列为未结：请按 ERP 的方式核销。",
    ),
    "other_currency": (
        "The account is kept in another currency: state the balance in it.",
        "该账户以其他币种记账：请以账户币种提供余额。",
    ),
    "items_incomplete": (
        "The items of the statement do not add up to its balance: look at how it was drawn up.",
        "对账单明细之和与其余额不符：请检查对账单的生成方式。",
    ),
    "unexplained": (
        "Nothing known here accounts for it: ask for a statement with open items.",
        "我方已知信息无法解释该差额：请提供含未结明细的对账单。",
    ),
}
"""What to do about each kind, in English and Chinese."""
Language = Literal["en", "zh-CN"]


class ExplanationRow(Value):
    """One reason: `amount` is its share of the difference. `more`: it stands for so many of its kind."""

    kind: ExplanationKind
    amount: Amount = Field(examples=["-500.00"])
    document: str | None = Field(default=None, examples=["I-90017"])
    document_kind: BookedKind | None = None
    source: str | None = Field(default=None, examples=["erp"])
    message: str | None = Field(default=None, examples=["INV-90017"])
    since: date | None = None
    rule: str | None = Field(default=None, examples=["no-due-date"])
    params: dict[str, str] = Field(default_factory=dict)
    more: int = 0

    @computed_field(examples=[{"en": "Mend it and send it again.", "zh-CN": "请更正后重新发送。"}])  # type: ignore[prop-decorator]
    @property
    def advice(self) -> dict[Language, str]:
        """What to do about it, in both languages."""
        english, chinese = ADVICE[self.kind]
        return {"en": english, "zh-CN": chinese}

    @computed_field(examples=[{"en": "The invoice has no due date.", "zh-CN": "发票没有到期日。"}])  # type: ignore[prop-decorator]
    @property
    def refusal(self) -> dict[Language, str] | None:
        """What the rule says that refused it or lets it wait, in both languages."""
        rule = RULES.get(self.rule or "")
        if rule is None:
            return None
        return {"en": sentence(rule, self.params, "en"), "zh-CN": sentence(rule, self.params, "zh-CN")}

    @computed_field(examples=["/problems/credit/no-due-date"])  # type: ignore[prop-decorator]
    @property
    def type(self) -> str | None:
        """Where that rule is told."""
        rule = RULES.get(self.rule or "")
        return type_of(rule, "credit") if rule else None


class DifferenceRow(InCurrency):
    """A balance that differs: `difference` is ours less theirs, and the sum of its explanations."""

    reconciliation: str
    customer: str = Field(examples=["C-103"])
    currency: str = Field(examples=["CNY"])
    ours: Amount = Field(examples=["1000.00"])
    theirs: Amount = Field(examples=["1500.00"])
    difference: Amount = Field(examples=["-500.00"])
    unexplained: Amount = Field(examples=["0.00"])
    explanations: tuple[ExplanationRow, ...]


def keys(envelope: Envelope[Any]) -> Iterable[Key]:
    """One row a balance."""
    event: BalanceDiffered = envelope.event
    return [(event.reconciliation, event.customer, event.ours.currency)]


def row_of(event: BalanceDiffered) -> Row:
    """The row, of a difference that is stored or only looked at."""
    lines = [{**e.model_dump(mode="json"), "amount": str(e.amount.amount)} for e in event.explanations]
    unexplained = sum(e.amount.amount for e in event.explanations if e.kind == "unexplained")
    amounts = (event.ours.amount, event.theirs.amount, event.difference.amount, unexplained)
    return (event.reconciliation, event.customer, event.ours.currency, *amounts, lines)


def fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row:
    """What was found."""
    return row_of(envelope.event)


VIEW = Rows(table=TABLE, version=1, handles=(BalanceDiffered,), keys=keys, fold=fold)


def shown(event: BalanceDiffered) -> DifferenceRow:
    """A difference that is only looked at."""
    return DifferenceRow.model_validate(dict(zip(TABLE.columns.keys(), row_of(event), strict=True)))


def listed(reconciliation: str, customer: str | None, *, only_unexplained: bool) -> sa.Select[Any]:
    """Those of one reconciliation."""
    query = sa.select(TABLE).where(_T.reconciliation == reconciliation)
    if customer is not None:
        query = query.where(_T.customer == customer)
    return query.where(_T.unexplained != 0) if only_unexplained else query

"""Sentences about credit, receivables and payments."""

from collections.abc import Mapping
from typing import Any

from events.base import Event
from events.credit import (
    AccountOpened,
    Allocated,
    CompanyAssetsReported,
    CreditGranted,
    CreditNoteIssued,
    ExposureChanged,
    HoldDropped,
    HoldReleased,
    InvoiceIssued,
    InvoiceSettled,
    LimitSet,
    OrderHeld,
    OrderProgressed,
    PaymentDelayed,
    PaymentReceived,
    RiskClassSet,
)
from events.reconciling import BalanceDiffered, ReconciliationMade
from events.sentences.template import Sentence


def _limit(event: AccountOpened | LimitSet) -> Mapping[str, Any]:
    previous = event.previous if isinstance(event, LimitSet) else None
    return {"bound": None if event.limit else "unlimited" if event.limit is None else "none", "previous": previous}


def _due(event: InvoiceIssued) -> Mapping[str, Any]:
    """The due date, or the number of instalments and the last of their dates."""
    if len(event.instalments) == 1:
        return {"due": event.instalments[0].due, "number": None, "last": None}
    return {"due": None, "number": len(event.instalments), "last": max(i.due for i in event.instalments)}


def _reasons(event: OrderHeld) -> Mapping[str, Any]:
    return {"rules": [reason.rule for reason in event.reasons]}


def _moved(event: ExposureChanged) -> Mapping[str, Any]:
    """The change of the exposure as a whole: unallocated cash lowers it."""
    signed = [-money if name == "unallocated_cash" else money for name, money in event.changes.items()]
    if not signed:
        return {"change": None}
    total = signed[0]
    for money in signed[1:]:
        total += money
    return {"change": total}


SENTENCES: Mapping[type[Event], Sentence] = {
    AccountOpened: Sentence(
        "Credit account opened in {currency}, limit [{limit}][{bound!w}], class {risk_class}",
        "开立信用账户，币种 {currency}，额度 [{limit}][{bound!w}]，等级 {risk_class}",
        _limit,
    ),
    LimitSet: Sentence(
        "Credit limit set to [{limit}][{bound!w}][, before {previous}] from {valid_from}[: {reason}]",
        "信用额度设为 [{limit}][{bound!w}][，原额度 {previous}]，{valid_from} 起生效[：{reason}]",
        _limit,
    ),
    RiskClassSet: Sentence(
        "Risk class changed from {previous} to {risk_class} from {valid_from}[: {reason}]",
        "风险等级由 {previous} 调整为 {risk_class}，{valid_from} 起生效[：{reason}]",
    ),
    CreditGranted: Sentence(
        "Credit granted for order {order}: {amount} reserved until {expires_on}",
        "订单 {order} 获得信用：占用额度 {amount}，有效至 {expires_on}",
    ),
    OrderHeld: Sentence(
        "Order {order} over {amount} held: {rules}", "订单 {order} 因信用被冻结，金额 {amount}：{rules}", _reasons
    ),
    HoldReleased: Sentence(
        "Hold of order {order} released by {by!w}, {amount} reserved: {reason}",
        "订单 {order} 解冻（{by!w}），占用额度 {amount}：{reason}",
    ),
    HoldDropped: Sentence("Hold of order {order} fell away: order {cause!w}", "订单 {order} 的冻结失效：订单{cause!w}"),
    OrderProgressed: Sentence(
        "Order {order} so far: {delivered} delivered, {invoiced} invoiced ({document})",
        "订单 {order} 进度：已发货 {delivered}，已开票 {invoiced}（{document}）",
    ),
    ExposureChanged: Sentence(
        "Exposure changed[ by {change}]: {cause!w} ({document})",
        "信用敞口变动[ {change}]：{cause!w}（{document}）",
        _moved,
    ),
    InvoiceIssued: Sentence(
        "Invoice {invoice} over {amount}[, due {due}][, due in {number} instalments until {last}]",
        "发票 {invoice}，金额 {amount}[，{due} 到期][，分 {number} 期，最后一期 {last} 到期]",
        _due,
    ),
    InvoiceSettled: Sentence(
        "{amount} of invoice {invoice} settled by {document}, {open} still open",
        "发票 {invoice} 由 {document} 结清 {amount}，未结 {open}",
    ),
    PaymentReceived: Sentence(
        "Payment {payment} of {amount} received on {value_date}[, for {names}]",
        "收到付款 {payment}，金额 {amount}，起息日 {value_date}[，指定 {names}]",
    ),
    CreditNoteIssued: Sentence(
        "Credit note {credit_note} over {amount}[ on invoice {invoice}]: {reason}",
        "贷项通知单 {credit_note}，金额 {amount}[，对应发票 {invoice}]：{reason}",
    ),
    Allocated: Sentence(
        "{amount} of {document_kind!w} {document} set against invoice {invoice}, due {due}",
        "{document_kind!w} {document} 核销发票 {invoice}（{due} 到期）{amount}",
    ),
    PaymentDelayed: Sentence(
        "Invoice {invoice} is {days} days late: {open} open, due {due}",
        "发票 {invoice} 逾期 {days} 天：未结 {open}，{due} 到期",
    ),
    CompanyAssetsReported: Sentence(
        "Total assets of the company on {on}: {total_assets}", "公司 {on} 资产总额：{total_assets}"
    ),
    ReconciliationMade: Sentence(
        "{compared} balances of {source} compared on {as_of}: {equal} equal, {unexplained} with something unexplained",
        "与 {source} 对账（截至 {as_of}）：共 {compared} 户，相符 {equal} 户，有未解释差异 {unexplained} 户",
    ),
    BalanceDiffered: Sentence(
        "Balance on {as_of} differed by {difference}: ours {ours}, the ERP's {theirs}",
        "截至 {as_of} 余额不符，差额 {difference}：我方 {ours}，ERP {theirs}",
    ),
}

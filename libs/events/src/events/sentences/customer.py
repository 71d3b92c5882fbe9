"""Sentences about customers, their record and their orders."""

from collections.abc import Mapping
from typing import Any

from events.base import Event
from events.customer import (
    BusinessStatusRecorded,
    CharacteristicsRecorded,
    ContactRecorded,
    ContactRemoved,
    CustomerRegistered,
    CustomerUpdated,
    DealingsRecorded,
    DossierRecorded,
    OrderBlocked,
    OrderCancelled,
    OrderChanged,
    OrderConfirmed,
    OrderDelivered,
    OrderPlaced,
    OwnerAssigned,
    PersonErased,
    ProfileRecorded,
    RecordVerified,
    SupplyNeedsRecorded,
    TradingStatusRecorded,
)
from events.sentences.template import Sentence

_HOW_EN = " ({collected.how!w}[, {collected.by}], {collected.on})"
_HOW_ZH = "（{collected.how!w}[，{collected.by}]，{collected.on}）"


def _block(en: str, zh: str) -> Sentence:
    return Sentence(f"{en}{_HOW_EN}", f"{zh}{_HOW_ZH}")


def _delivered(event: OrderDelivered) -> Mapping[str, Any]:
    return {"rest": "complete" if event.complete else "partial"}


SENTENCES: Mapping[type[Event], Sentence] = {
    CustomerRegistered: Sentence(
        "Registered as a customer: {basics.name}, {basics.type!w}[, owner {basics.owner}]",
        "客户建档：{basics.name}，{basics.type!w}[，负责人 {basics.owner}]",
    ),
    CustomerUpdated: Sentence("Basic record changed: {basics.name}", "基础资料变更：{basics.name}"),
    OwnerAssigned: Sentence(
        "{owner} became the owner[, after {previous}]", "负责人变更为 {owner}[，原负责人 {previous}]"
    ),
    ContactRecorded: Sentence(
        "Contact {contact.person} recorded[ ({contact.role})]", "登记联系人 {contact.person}[（{contact.role}）]"
    ),
    ContactRemoved: Sentence("Contact {person} removed", "移除联系人 {person}"),
    PersonErased: Sentence("Personal data of {person} erased: {reason}", "已删除 {person} 的个人资料：{reason}"),
    ProfileRecorded: _block("Profile of {profile.person} recorded", "登记 {profile.person} 的个人档案"),
    DealingsRecorded: _block(
        "Dealings recorded[: {block.business_types}][, {block.form!w}]",
        "登记往来情况[：{block.business_types}][，{block.form!w}]",
    ),
    CharacteristicsRecorded: _block("Characteristics recorded", "登记客户特征"),
    BusinessStatusRecorded: _block("Business status recorded", "登记业务状况"),
    TradingStatusRecorded: _block("Trading status recorded", "登记交易现状"),
    SupplyNeedsRecorded: _block("Supply needs recorded", "登记供货需求"),
    DossierRecorded: _block("Dossier recorded", "登记企业档案"),
    RecordVerified: _block("Record looked through: it still reads right", "客户档案已核对，内容无误"),
    OrderPlaced: Sentence(
        "Order {order} over {total} placed[, wanted by {requested_delivery}]",
        "下达订单 {order}，金额 {total}[，要求 {requested_delivery} 交货]",
    ),
    OrderChanged: Sentence(
        "Order {order} changed from {previous_total} to {total} (version {order_version})",
        "订单 {order} 由 {previous_total} 变更为 {total}（第 {order_version} 版）",
    ),
    OrderCancelled: Sentence(
        "Order {order} cancelled, {undelivered} not delivered: {reason}",
        "订单 {order} 取消，未交货 {undelivered}：{reason}",
    ),
    OrderDelivered: Sentence(
        "Delivery {delivery} of order {order} left, worth {value} ({rest!w})[; credit had {despite!w} it]",
        "订单 {order} 发货 {delivery}，金额 {value}（{rest!w}）[；信用审核{despite!w}]",
        _delivered,
    ),
    OrderConfirmed: Sentence(
        "Order {order} confirmed (version {order_version})", "订单 {order} 已确认（第 {order_version} 版）"
    ),
    OrderBlocked: Sentence("Order {order} blocked: {reasons}", "订单 {order} 被冻结：{reasons}"),
}

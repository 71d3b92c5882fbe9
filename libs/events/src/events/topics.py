"""The topics of a cluster as they are meant to be: what lies in each, whose it is, how long it is kept. Pure data.

The record key is the customer's id (of what concerns no customer: the stream's id), so that all that happens to one
customer in one topic lies in one part, in order. Between topics there is no order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

PARTS = 12
"""Partitions of every topic. Never changed: a customer's messages would go elsewhere from there on."""

Kind = Literal["events", "documents", "receipts", "state", "dead_letters"]
Cleanup = Literal["delete", "compact"]
Personal = Literal["none", "sealed", "plain"]
"""Data of living persons: none, encrypted under the person's key, or readable (then removed as soon as it was read)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic without the namespace that a cluster may put before its name.

    `owner` is the service that publishes it, of documents the one service that reads them. `retention` is how long a
    message is kept by default; None: until a newer one has its key. `reserved`: nothing is sent there yet; the name is
    kept free.
    """

    name: str
    kind: Kind
    owner: str
    en: str
    zh: str
    retention: timedelta | None
    cleanup: Cleanup = "delete"
    personal: Personal = "none"
    reserved: bool = False
    parts: int = PARTS

    @property
    def settings(self) -> Mapping[str, str]:
        """What a broker is told when the topic is made."""
        if self.retention is None:
            return {"cleanup.policy": self.cleanup}
        kept = int(self.retention.total_seconds() * 1000)
        return {"cleanup.policy": self.cleanup, "retention.ms": str(kept)}


RECEIPTS = "kehu.erp.receipts.v1"
ACCOUNT_STATE = "kehu.credit.account-state.v1"
_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)


def of_context(context: str) -> str:
    """The name of the topic in which the events of a context are published: ``kehu.credit.events.v1``."""
    return f"kehu.{context}.events.v1"


def dead_letters(topic: str, group: str) -> Topic:
    """Where the messages of `topic` lie that `group` could not deal with, until a person has decided.

    A group is named with its service: ``credit.view:invoices``; the colon no topic may hold becomes a dot.
    """
    return Topic(
        f"{topic}.{group.replace(':', '.')}.dlq",
        "dead_letters",
        BY_NAME[topic].owner,
        f"Messages of {topic} that {group} could not deal with, as they were, with what went wrong.",
        f"{group} 无法处理的 {topic} 消息：保留原文，并注明出错原因。",
        _MONTH,
        personal=BY_NAME[topic].personal,
    )


def _events(context: str, owner: str, en: str, zh: str, personal: Personal = "none") -> Topic:
    return Topic(of_context(context), "events", owner, en, zh, _WEEK, personal=personal)


def _documents(name: str, owner: str, en: str, zh: str, personal: Personal = "none", reserved: bool = False) -> Topic:
    return Topic(f"erp.{name}.v1", "documents", owner, en, zh, _WEEK, personal=personal, reserved=reserved)


TOPICS: tuple[Topic, ...] = (
    _events("company", "customer", "Which business day it is, and that the company went live.", "营业日与正式上线。"),
    _events(
        "customer",
        "customer",
        "Customers, their records and contacts, orders and deliveries.",
        "客户、客户档案与联系人、订单与发货。",
        "sealed",
    ),
    _events(
        "credit",
        "credit",
        "Limits, holds, exposure, invoices, payments and what is late.",
        "信用额度、冻结、风险敞口、发票、回款与逾期。",
    ),
    _events("complaint", "complaint", "Complaints through their seven steps.", "客户投诉的七个步骤。", "sealed"),
    _events("analytics", "analytics", "Alerts and the policies behind them.", "预警及其规则。"),
    Topic(
        ACCOUNT_STATE,
        "state",
        "credit",
        "The credit account of each customer as it is now: the newest message of a key is the state.",
        "每个客户信用账户的当前状态：同一键的最新消息即为状态。",
        None,
        cleanup="compact",
    ),
    _documents(
        "customers", "customer", "Customers, contacts and blocks of the record.", "客户、联系人与档案。", "plain"
    ),
    _documents("orders", "customer", "Orders placed, changed and cancelled.", "订单的下达、变更与取消。"),
    _documents("deliveries", "customer", "Goods that left for the customer.", "发货。"),
    _documents("invoices", "credit", "Invoices and credit notes.", "发票与红字发票。"),
    _documents("payments", "credit", "Money that came in.", "回款。"),
    _documents("stock", "analytics", "What lies in stock.", "库存。", reserved=True),
    _documents("finance", "credit", "Credit terms and balance sheets.", "信用条件与资产负债表。"),
    Topic(
        RECEIPTS,
        "receipts",
        "customer, credit",
        "What became of each document: accepted, duplicate, waiting or rejected, with the rule.",
        "每份单据的处理结果：接受、重复、等待或拒绝，并注明规则。",
        _MONTH,
    ),
)
BY_NAME: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in TOPICS})

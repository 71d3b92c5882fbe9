"""Sentences about alerts and their policies."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from events.analytics import (
    AlertAcknowledged,
    AlertChanged,
    AlertCleared,
    AlertPolicySet,
    AlertRaised,
    AlertResolved,
    AlertRetracted,
    AlertRule,
)
from events.base import Event
from events.currencies import minor_units
from events.sentences.template import Sentence

_UNITS: Mapping[AlertRule, str] = {"overdue": "days", "dso_above_target": "days", "receivables_line": "share"}


def _measured(event: AlertRaised | AlertChanged) -> Mapping[str, Any]:
    unit = event.unit if isinstance(event, AlertRaised) else _UNITS.get(event.rule, event.currency or "")
    return {"measured": _in(unit, event.value), "limit": _in(unit, event.threshold)}


def _in(unit: str, value: Decimal) -> Any:
    if unit in ("days", "share"):
        return {unit: str(value)}
    try:
        minor_units(unit)
    except ValueError:
        return f"{value} {unit}".strip()
    return {"amount": str(value), "currency": unit}


def _policy(event: AlertPolicySet) -> Mapping[str, Any]:
    return {"use": "on" if event.enabled else "off"}


SENTENCES: Mapping[type[Event], Sentence] = {
    AlertPolicySet: Sentence(
        "Alert rule {rule!w} set, {use!w} from {valid_from} (version {policy_version})",
        "预警规则“{rule!w}”已设置，自 {valid_from} 起{use!w}（第 {policy_version} 版）",
        _policy,
    ),
    AlertRaised: Sentence(
        "Alert {alert}, {level!w}: {rule!w}, {measured} against {limit}",
        "预警 {alert}（{level!w}）：{rule!w}，实际 {measured}，阈值 {limit}",
        _measured,
    ),
    AlertChanged: Sentence(
        "Alert {alert} now {level!w}: {rule!w}, {measured} against {limit}",
        "预警 {alert} 变为{level!w}：{rule!w}，实际 {measured}，阈值 {limit}",
        _measured,
    ),
    AlertAcknowledged: Sentence(
        "Alert {alert} ({rule!w}) acknowledged: {note}", "预警 {alert}（{rule!w}）已确认：{note}"
    ),
    AlertResolved: Sentence(
        "Alert {alert} ({rule!w}) resolved by {by!w}: {measure}", "预警 {alert}（{rule!w}）已解除（{by!w}）：{measure}"
    ),
    AlertRetracted: Sentence(
        "Alert {alert} ({rule!w}) retracted: {reason}", "预警 {alert}（{rule!w}）已撤回：{reason}"
    ),
    AlertCleared: Sentence("The cause of alert {alert} ({rule!w}) is gone", "预警 {alert}（{rule!w}）的原因已消除"),
}

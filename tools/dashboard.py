"""Writes deploy/grafana/dashboards/kehu.json: `python -m tools.dashboard`. A test holds the file to this.

Panels are told by what they ask; where they stand follows from their order. `$service`: the services that are chosen.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

PLACE = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards" / "kehu.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 24, 8
CHOSEN = 'service=~"$service"'
RATE = "$__rate_interval"
Kind = Literal["timeseries", "stat", "table"]


@dataclass(frozen=True, slots=True)
class Panel:
    """`asks`: legend -> expression. From `warns` on a value is shown in orange, from `alarms` on in red."""

    title: str
    asks: Mapping[str, str]
    says: str
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    warns: float | None = None
    alarms: float | None = None
    stacked: bool = False


def total(name: str, by: str, more: str = "") -> str:
    """How many a second, over all processes."""
    return f"sum by ({by}) (rate({name}{{{CHOSEN}{more}}}[{RATE}]))"


def quantile(q: float, name: str, by: str) -> str:
    """What a share `q` of durations stays below."""
    return f"histogram_quantile({q}, sum by ({by}, le) (rate({name}_bucket{{{CHOSEN}}}[{RATE}])))"


def highest(name: str, by: str) -> str:
    """State, as the process says that sees most of it."""
    return f"max by ({by}) ({name}{{{CHOSEN}}})"


APPEND, HTTP = "kehu_append_seconds", "kehu_http_request_seconds"
ASKED = total(f"{HTTP}_count", "service")
FAILED = total(f"{HTTP}_count", "service", ', status=~"5.."')
ROWS: Mapping[str, Sequence[Panel]] = {
    "What needs somebody": (
        Panel("Stores that cannot be reached", {"": f"count(kehu_store_up{{{CHOSEN}}} == 0) or vector(0)"},
              "By how many processes.", kind="stat", width=4, alarms=1),
        Panel("Workers down", {"": f"count(kehu_worker_up{{{CHOSEN}}} == 0) or vector(0)"},
              "Failing again and again, or halted for a person.", kind="stat", width=4, alarms=1),
        Panel("Parked customers", {"": f"sum({highest('kehu_consumer_parked_customers', 'service, group')})"},
              "Put aside by a consumer until a person decides.", kind="stat", width=4, warns=1),
        Panel("Broken timers", {"": f"sum({highest('kehu_broken_timers', 'service')})"},
              "Due commands that could not be decided.", kind="stat", width=4, warns=1),
        Panel("Stale views", {"": f"sum({highest('kehu_view_stale', 'service, view')})"},
              "Of another fold, or of another life of a log; being rebuilt, mostly.", kind="stat", width=4,
              warns=1),
        Panel("Alerts that fire", {"": 'count(ALERTS{alertname=~"Kehu.*", alertstate="firing"}) or vector(0)'},
              "docs/how-to/alerts.md says what each means.", kind="stat", width=4, alarms=1),
    ),
    "Writing": (
        Panel("Appends a second", {"{{service}}": total(f"{APPEND}_count", "service"),
                                   "{{service}}, events": total("kehu_appended_events_total", "service")},
              "Decisions stored, and the events in them.", unit="ops"),
        Panel("Time of an append", {"{{service}} p50": quantile(0.5, APPEND, "service"),
                                    "{{service}} p99": quantile(0.99, APPEND, "service")},
              "From being asked for to being durable, waiting for others included.", unit="s", warns=0.1),
        Panel("Commands by outcome", {"{{outcome}}": total("kehu_commands_total", "outcome")},
              "`rejected` is an answer: a rule said no. `failed` is ours.", unit="ops", stacked=True),
    ),
    "Readers": (
        Panel("Lag in seconds", {"{{service}} {{group}}": highest("kehu_consumer_lag_seconds", "service, group")},
              "Age of the oldest event not dealt with.", unit="s", warns=60, alarms=900),
        Panel("Lag in events", {"{{service}} {{group}}": highest("kehu_consumer_lag_events", "service, group")},
              "Counted up to 10,000."),
        Panel("Parked customers by consumer",
              {"{{service}} {{group}}": highest("kehu_consumer_parked_customers", "service, group") + " > 0"},
              "kehu deadletters list"),
        Panel("Stale views", {"{{service}} {{view}}": highest("kehu_view_stale", "service, view") + " == 1"},
              "kehu views", kind="table", width=12),
        Panel("Workers that are down", {"{{instance}} {{service}} {{worker}}": f"kehu_worker_up{{{CHOSEN}}} == 0"},
              "GET <service>/ops/workers says why.", kind="table", width=12),
    ),
    "Documents of the ERP": (
        Panel("Documents by verdict", {"{{service}} {{verdict}}": total("kehu_documents_total", "service, verdict")},
              "What is decided a second; duplicates are not.", unit="ops", width=12),
        Panel("Documents that wait", {"{{service}}": highest("kehu_documents_waiting", "service")},
              "For what they refer to.", width=6),
        Panel("Longest wait", {"{{service}}": highest("kehu_documents_waiting_seconds", "service")},
              "After KEHU_INTAKE__WAIT (3 days) a document is rejected.", unit="s", width=6, warns=86_400),
    ),
    "Relay (Kafka)": (
        Panel("Relay lag in seconds", {"{{service}}": highest("kehu_relay_lag_seconds", "service")},
              "Age of the oldest event not yet published.", unit="s", alarms=30),
        Panel("Relay lag in events", {"{{service}}": highest("kehu_relay_lag_events", "service")},
              "Stored and not yet published."),
        Panel("Sent a second", {"{{topic}}": total("kehu_relay_sent_total", "topic"),
                                "{{service}} works": highest("kehu_relay_up", "service")},
              "Events, by topic; and whether anybody publishes (1).", unit="ops"),
    ),
    "HTTP": (
        Panel("Requests a second", {"{{service}}": ASKED}, "Streams left out.", unit="reqps",
              stacked=True),
        Panel("Answered with an error of ours", {"{{service}}": f"({FAILED} or 0 * {ASKED})\n/ {ASKED}"},
              "Share of answers 5xx.", unit="percentunit", alarms=0.05),
        Panel("Time of a request, p99", {"{{service}}": quantile(0.99, HTTP, "service")}, "By service.", unit="s"),
        Panel("Slowest routes, p99",
              {"{{method}} {{route}}": f"topk(10, {quantile(0.99, HTTP, 'service, route, method')})"},
              "The ten slowest.", unit="s", width=12),
        Panel("Busiest routes",
              {"{{method}} {{route}}": f"topk(10, {total(f'{HTTP}_count', 'service, route, method')})"},
              "The ten most asked.", unit="reqps"),
        Panel("Event streams", {"{{service}}": f"sum by (service) (kehu_event_streams{{{CHOSEN}}})"},
              "Clients that listen (SSE).", width=4),
    ),
    "Processes": (
        Panel("Memory", {"{{job}} {{instance}}": 'process_resident_memory_bytes{job=~"kehu.*"}'}, "Resident.",
              unit="bytes"),
        Panel("Processor", {"{{job}} {{instance}}": f'rate(process_cpu_seconds_total{{job=~"kehu.*"}}[{RATE}])'},
              "Cores in use; a process of ours uses one at most.", unit="percentunit"),
        Panel("Answers Prometheus", {"{{job}} {{instance}}": 'up{job=~"kehu.*"}'}, "1: it does."),
    ),
}  # fmt: skip


def drawn(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    """A panel as Grafana has it."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": "orange", "value": panel.warns}] if panel.warns is not None else []
    steps += [{"color": "red", "value": panel.alarms}] if panel.alarms is not None else []
    instant = panel.kind != "timeseries"
    custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    if panel.stacked:
        custom |= {"stacking": {"mode": "normal"}, "fillOpacity": 40}
    if panel.kind == "timeseries" and len(steps) > 1:
        custom |= {"thresholdsStyle": {"mode": "dashed"}}
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT // 2 if panel.kind == "stat" else HEIGHT, "w": panel.width, "x": x, "y": y},
        "fieldConfig": {"defaults": defaults | ({"custom": custom} if not instant else {}), "overrides": []},
        "options": OPTIONS[panel.kind],
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "instant": instant,
             "range": not instant, "format": "table" if panel.kind == "table" else "time_series"}
            for n, (legend, expr) in enumerate(panel.asks.items())
        ],
    }  # fmt: skip


OPTIONS: Mapping[Kind, Any] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"colorMode": "background", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "table": {"showHeader": True},
}


def panels() -> Iterator[dict[str, Any]]:
    """All panels, row by row, from left to right."""
    numbers, y = count(1), 0
    for title, row in ROWS.items():
        at = {"h": 1, "w": WIDTH, "x": 0, "y": y}
        yield {"id": next(numbers), "type": "row", "title": title, "collapsed": False, "gridPos": at, "panels": []}
        x, y = 0, y + 1
        for panel in row:
            made = drawn(panel, next(numbers), x, y)
            if x + panel.width > WIDTH:
                x, y = 0, y + HEIGHT
                made["gridPos"] |= {"x": x, "y": y}
            yield made
            x += panel.width
        y += HEIGHT // 2 if row[-1].kind == "stat" else HEIGHT


def dashboard() -> dict[str, Any]:
    """The whole of it."""
    services = {
        "name": "service", "label": "Service", "type": "query", "datasource": SOURCE, "refresh": 2, "sort": 1,
        "query": {"query": "label_values(kehu_store_up, service)", "refId": "service"}, "multi": True,
        "includeAll": True, "current": {"text": ["All"], "value": ["$__all"]},
    }  # fmt: skip
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}
    return {
        "uid": "kehu",
        "title": "Kehu 客户",
        "description": "Generated by tools/dashboard.py. What alerts mean: docs/how-to/alerts.md",
        "tags": ["kehu"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source, services]},
        "panels": list(panels()),
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PLACE.name} written\n")

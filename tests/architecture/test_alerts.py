"""Alerts and dashboard ask for what the code tells; alerts fire when they should, and lead to what is to be done."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import dashboard

from chassis.metrics import Metrics
from tests.architecture.test_links import anchors
from tests.architecture.tree import ROOT

DEPLOY = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
CASES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts.test.yml").read_text())["tests"]
PAGES = ("docs/how-to/alerts.md", "docs/how-to/alerts.zh-CN.md")
OTHERS = {"up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Prometheus' own, and what its client library tells of a process."""
METRIC = re.compile(r"(?<![\w\"])(kehu_\w+|up|ALERTS|process_\w+)(?=[{\[\s)]|$)")
MISSING = "NO PROMTOOL, SO ALERTS AND DASHBOARD ARE NOT CHECKED: apt-get install -y prometheus"


def promtool(*arguments: str | Path) -> None:
    """It has nothing against what it is asked to look at. Skipped loudly without it, on a build server a failure."""
    tool = shutil.which("promtool")
    if tool is None and os.environ.get("CI") == "true" and not os.environ.get("KEHU_NO_PROMTOOL"):
        pytest.fail(MISSING)
    if tool is None:
        pytest.skip(MISSING)
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def asked() -> Iterator[tuple[str, str]]:
    """Every expression, with whose it is."""
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)
    for panel in dashboard.panels():
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


def told() -> set[str]:
    """The names of all samples that a process of ours may tell."""
    found = set(OTHERS)
    for family in Metrics([]).registry.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        found |= {family.name + end for end in ends}
    return found


def test_alerts_and_dashboard_ask_for_nothing_that_is_not_told() -> None:
    names = {name: set(METRIC.findall(expr)) for name, expr in asked()}
    assert {name: lacking for name, found in names.items() if (lacking := found - told())} == {}
    assert [name for name, found in names.items() if not found] == []


def test_all_that_we_tell_is_watched_or_shown() -> None:
    used = {name for _, expr in asked() for name in METRIC.findall(expr)}
    ours = {name for name in told() if name.startswith("kehu_") and not name.endswith("_sum")}
    assert sorted(ours - used) == []


def test_every_alert_fires_in_a_case_of_its_own_and_not_before_its_time() -> None:
    for rule, case in zip(RULES, CASES, strict=True):
        early, late = case["alert_rule_test"]
        assert case["name"].partition(":")[0] == rule["alert"] == early["alertname"] == late["alertname"]
        assert early["exp_alerts"] == []
        assert len(late["exp_alerts"]) == 1
        assert len(case["input_series"]) > 1


@pytest.mark.parametrize("page", PAGES)
def test_every_alert_leads_to_what_it_means_and_what_mends_it(page: str) -> None:
    text = (ROOT / page).read_text()
    headings = re.findall(r"^## (Kehu\w+)$", text, re.MULTILINE)
    assert headings == NAMES
    for rule in RULES:
        path, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert path == PAGES[0]
        assert anchor in anchors(text)
        assert rule["labels"]["severity"] in {"warning", "critical"}


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_is_explained(page: str) -> None:
    rows = "\n".join(re.findall(r"^\| (`kehu_.*?) \|", (ROOT / page).read_text(), re.MULTILINE))
    families = {f.name + ("_total" if f.type == "counter" else "") for f in Metrics([]).registry.collect()}
    assert set(re.findall(r"`(\w+)`", rows)) == {name for name in families if name.startswith("kehu_")}


def test_the_dashboard_is_what_its_program_writes() -> None:
    assert dashboard.PLACE.read_text() == dashboard.text(), "python -m tools.dashboard"


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert taken.isdisjoint(cells), panel["title"]
        assert at["x"] + at["w"] <= dashboard.WIDTH
        taken |= cells


def test_promtool_finds_every_alert_firing_on_its_condition_and_on_nothing_less() -> None:
    promtool("test", "rules", DEPLOY / "alerts.test.yml")


def test_promtool_reads_the_configurations() -> None:
    promtool("check", "config", "--syntax-only", DEPLOY / "prometheus.yml")
    promtool("check", "config", DEPLOY / "embedded.yml")


def test_promtool_reads_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    filled = {"$__rate_interval": "1m", "$service": ".*"}
    rules = []
    for number, (title, expr) in enumerate(asked()):
        for variable, value in filled.items():
            expr = expr.replace(variable, value)
        assert "$" not in expr, title
        rules.append({"record": f"panel:{number}", "expr": expr})
    place = tmp_path / "dashboard.yml"
    place.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", place)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_is_there(page: str) -> None:
    reference = set(
        re.findall(r"^#+ `(kehu [\w -]+)`$", (ROOT / "docs/reference/command.md").read_text(), re.MULTILINE)
    )
    named = re.findall(r"`(kehu (?:relay|topics|deadletters) \w+|kehu \w+)", (ROOT / page).read_text())
    assert set(named) - reference == set()
    assert len(set(named)) > 5

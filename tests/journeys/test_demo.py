"""The demo company as a person meets it: it loads behind the page, survives a kill, takes nothing in, and lives.

One company for all of it, in this order: what a month brings changes what there was before.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_books import accounts
from typer.testing import CliRunner

from all_in_one.cli import app
from all_in_one.commands import demo
from all_in_one.demo.company.buyers import Firm
from all_in_one.demo.company.history import documents
from all_in_one.demo.company.stories import STORIES
from all_in_one.demo.marker import Marker
from engine import clock
from tests.journeys.pages import walk
from tests.journeys.people import BATCH as BATCHED
from tests.journeys.people import Person, document, money, until
from tests.journeys.readme import Terminal, examples
from tests.journeys.running import NO_TLS, Kehu

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo"), pytest.mark.timeout(300)]
PATIENCE = 240.0
"""Seconds until it lives: on a machine that does nothing else it takes ten."""
DENSITY = 0.05
ZONE = "Asia/Shanghai"
BATCH = {"Content-Type": BATCHED}
"""The customers with a story, and few documents of the others."""
PAGES = ("README.md", "docs/how-to/demo-tour.md", "docs/how-to/demo-tour.zh-CN.md")
HELD = {"SO-117-045", "SO-125-069", "SO-130-001"}
"""The orders of the last day that credit does not let go."""


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    """A demo company begun the day before yesterday, killed in the middle of loading, and started again today."""
    running = Kehu(tmp_path_factory.mktemp("company"), "lived")
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("KEHU_COMPANY__OPENS_DAYS", "false")  # else today would be open, and the past past
            running.start()
        begin(running, Marker(1, clock.today(ZONE) - timedelta(days=2), DENSITY))
        running.kill()
        running.start()
        until(lambda: status(running)["done"] > 600, PATIENCE)
        assert status(running)["state"] == "loading"
        running.kill()
        running.start()
        until(lambda: status(running)["state"] == "live" and today_is_lived(running), PATIENCE)
        running.settled()
        yield running
        assert running.stop() == 0, running.log()
    finally:
        running.remove()


def begin(kehu: Kehu, marker: Marker) -> None:
    """Send the first document of a demo company, as its ERP would have."""
    first = documents(marker.firm(), marker.until)[0]
    sent = document("Customer", first.id, source=marker.source, **first.data)
    sent |= {"time": f"{first.effective}T00:00:00+08:00", "recordedtime": f"{first.known}T00:00:00+08:00"}
    with kehu.client("integration") as erp:
        answer = erp.post("/api/customers/intake", params={"origin": "initial_load"}, json=[sent], headers=BATCH)
    assert [r["verdict"] for r in answer.raise_for_status().json()["items"]] == ["accepted"]


def today_is_lived(kehu: Kehu) -> bool:
    return bool(status(kehu)["through"] == str(clock.today(ZONE)))


def status(kehu: Kehu) -> dict[str, Any]:
    return dict(httpx.get(f"{kehu.url}/console/demo", timeout=30, verify=NO_TLS).json())


def receipts(kehu: Kehu) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for service in ("customers", "credit"):
        after = 0
        while items := (page := kehu.get(f"/api/{service}/intake/receipts", after=after, limit=1000))["items"]:
            found += items
            after = page["next"]
    return found


def test_killed_while_it_loads_it_goes_on_and_nothing_is_there_twice(kehu: Kehu) -> None:
    told = status(kehu)
    assert (told["demo"], told["refused"], told["problem"]) == (True, 0, None)
    found = receipts(kehu)
    assert {r["verdict"] for r in found} == {"accepted"}
    assert len({r["id"] for r in found}) == len(found)
    firm = Firm.seeded(1, date.fromisoformat(told["until"]), DENSITY)
    assert {r["id"] for r in found} == {d.id for d in documents(firm, date.fromisoformat(told["through"]))}
    assert kehu.get("/api/analytics/totals")["customers"] == 120
    assert kehu.get("/api/customers/days")["went_live"]


def test_nothing_is_imported_into_it_and_the_command_that_starts_an_empty_company_is_named(
    kehu: Kehu, tmp_path: Path
) -> None:
    refused = kehu.run("import", "classicmodels", str(tmp_path), "--url", kehu.url)
    assert refused.returncode == 1
    assert "this is the demo company" in refused.stderr
    assert "make run DATA=mine" in refused.stderr


def test_the_days_in_between_were_lived_one_after_the_other(kehu: Kehu) -> None:
    told = status(kehu)
    until_, through = (date.fromisoformat(told[name]) for name in ("until", "through"))
    with Person(kehu) as boss:
        opened = [e["data"]["day"] for e in boss.log("/api/customers", "company.DayOpened")]
    lived = [until_ + timedelta(days=n) for n in range((through - until_).days + 1)]
    assert opened[-len(lived) :] == [str(day) for day in lived]
    assert len(lived) >= 3


def test_what_every_customer_owes_is_what_its_documents_add_up_to(kehu: Kehu) -> None:
    told = status(kehu)
    firm, through = Firm.seeded(1, date.fromisoformat(told["until"]), DENSITY), date.fromisoformat(told["through"])
    eve = firm.ago(1)
    books = accounts([d for d in documents(firm, through) if d.effective <= eve], through)
    page = kehu.get("/api/analytics/balance/customers", as_of=str(eve), limit=500)["customers"]
    assert page["next"] is None
    shown = {row["customer"]: Decimal(row["outstanding"]) for row in page["items"]}
    expected = {c: a.owed - sum(a.cash.values()) for c, a in books.items() if c}
    assert {c: owed for c, owed in shown.items() if owed} == {c: owed for c, owed in expected.items() if owed}
    assert shown.keys() >= STORIES.keys() - {"C-130"}


def test_the_warnings_name_the_one_that_goes_under_and_the_four_on_their_way(kehu: Kehu) -> None:
    alerts = kehu.get("/api/analytics/alerts", state="open", limit=200)["items"]
    of = {(a["rule"], a["customer"]): a for a in alerts}
    assert {c for (rule, c), a in of.items() if rule == "overdue" and a["level"] == "critical"} == {"C-117"}
    assert {c for (rule, c), a in of.items() if rule == "overdue" and a["level"] == "warning"} == {
        "C-121",
        "C-122",
        "C-123",
        "C-124",
    }
    assert {c for rule, c in of if rule == "limit_breach"} == {"C-117", "C-125"}
    assert int(of["overdue", "C-117"]["value"]) >= 99


def test_orders_of_the_last_day_met_the_check_and_three_are_held(kehu: Kehu) -> None:
    held = {o["order"]: o for o in kehu.get("/api/customers/orders", state="held")["items"]}
    assert held.keys() == HELD
    assert held["SO-117-045"]["reasons"] == ["over-limit", "overdue"]
    assert held["SO-130-001"]["reasons"] == ["no-credit"]


def test_a_complaint_stands_in_every_step_on_the_day_it_came_there(kehu: Kehu) -> None:
    shown = kehu.get("/api/complaints/", limit=200)["items"]
    assert {c["stage"] for c in shown} == {
        "recorded",
        "established",
        "not_established",
        "assigned",
        "analysed",
        "proposed",
        "refused",
        "accepted",
        "carried_out",
        "evaluated",
    }
    day = date.fromisoformat(status(kehu)["until"])
    [lying] = [c for c in shown if c["complaint"] == "CP-912"]
    assert lying["steps"][-1]["on"] == str(day - timedelta(days=41))


def test_what_was_known_then_differs_from_what_is_known_now(kehu: Kehu) -> None:
    then = date.fromisoformat(status(kehu)["until"]) - timedelta(days=40)
    asked = {"customer": "C-118", "as_of": str(then)}
    now = kehu.get("/api/analytics/balance", **asked)["outstanding"]
    known = kehu.get("/api/analytics/balance", **asked, known_at=f"{then}T23:59:59+08:00")["outstanding"]
    assert Decimal(known) - Decimal(now) == Decimal("1355484.72")


@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the tour is typed with curl")
def test_the_tours_answer_what_they_show_in_both_languages_and_the_last_command_lets_a_month_go_by(kehu: Kehu) -> None:
    """An order released before that month leaves in it."""
    tours = [examples("demo", page=page) for page in PAGES]
    assert [e.commands for e in tours[1]] == [e.commands for e in tours[2]], "the languages show different commands"
    first = date.fromisoformat(status(kehu)["through"])
    with Person(kehu) as boss:
        boss.do("/api/credit/limits", {"customer": "C-130", "limit": money("900000.00"), "reason": "papers checked"})
    with Terminal(kehu.folder) as terminal:
        terminal.type(f"export KEHU_URL={kehu.url}")
        for tour in tours:
            for example in tour[:-1] if tour is tours[1] else tour:
                walk(terminal, kehu, example)
    lived = date.fromisoformat(status(kehu)["through"])
    assert (lived - first).days in range(28, 32)
    assert kehu.get("/api/customers/orders/SO-130-001")["state"] == "delivered"
    assert kehu.get("/api/customers/orders/SO-117-045")["state"] == "held"
    late = kehu.get("/api/analytics/alerts", customer="C-119", rule="overdue", state="open")["items"]
    assert [a["level"] for a in late] == ["warning"]


def test_what_a_month_brought_is_told_to_a_script_as_one_document(kehu: Kehu, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month of three days: each takes a second, and the whole one is gone through above."""
    monkeypatch.setattr(demo, "month_after", lambda day: day + timedelta(days=3))
    first, before = date.fromisoformat(status(kehu)["through"]), len(receipts(kehu))
    done = CliRunner().invoke(app, ["demo", "next-month", "--json", "--url", kehu.url])
    assert done.exit_code == 0, done.stderr
    told, last = json.loads(done.stdout), str(first + timedelta(days=3))
    assert (told["from"], told["to"], status(kehu)["through"]) == (str(first), last, last)
    assert told["documents"] >= len(receipts(kehu)) - before > 0
    shown = {a["alert"]: a["level"] for a in kehu.get("/api/analytics/alerts", state="open", limit=500)["items"]}
    assert {a["alert"]: a["level"] for a in told["alerts"]}.items() <= shown.items()
    assert all(str(first) < order["order_date"] <= last for order in told["held"])
    assert all(str(first) < complaint["complained_at"][:10] for complaint in told["complaints"])


def test_a_second_start_sends_nothing_again(kehu: Kehu) -> None:
    before = len(receipts(kehu))
    assert kehu.stop() == 0, kehu.log()
    kehu.start()
    until(lambda: status(kehu)["state"] == "live", PATIENCE)
    assert len(receipts(kehu)) == before
    assert status(kehu)["refused"] == 0

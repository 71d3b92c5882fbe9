"""A wholesaler's two and a half years, imported from CSV: our figures are those that others published.

The data set is not shipped. KEHU_DATA_SETS names the folder that holds `classicmodels/`; beside a checkout it is
looked for in ../shared/data.
"""

import csv
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.people import Person, rebuild_everything
from tests.journeys.running import Kehu, company

DATA = Path(os.environ.get("KEHU_DATA_SETS", Path(__file__).parents[3] / "shared" / "data")) / "classicmodels"
LAST_DAY = "2005-06-09"
MONTH_ENDS = {"2004-06-30": "94107.04", "2004-09-30": "-15933.89", "2005-03-31": "240437.55"}
OVER_LIMIT = {"328": "43525.04", "362": "50806.85", "450": "83984.89"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"NO DATA: classicmodels is not at {DATA}; set KEHU_DATA_SETS"),
]


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("company"), "models") as running:
        imported = running.run("import", "classicmodels", str(DATA), "--url", running.url)
        assert imported.returncode == 0, imported.stdout + imported.stderr + running.log()
        assert "1479 documents: 1479 accepted, 0 known already, 0 waiting, 0 refused" in imported.stdout
        running.settled()
        yield running


def test_an_import_repeated_does_nothing_twice(kehu: Kehu) -> None:
    again = kehu.run("import", "classicmodels", str(DATA), "--url", kehu.url)
    assert "1479 documents: 0 accepted, 1479 known already, 0 waiting, 0 refused" in again.stdout, again.stderr


def test_the_totals_are_those_published(kehu: Kehu) -> None:
    check_totals(kehu)


def check_totals(kehu: Kehu) -> None:
    totals = kehu.get("/api/analytics/totals", as_of=LAST_DAY)
    expected = {
        "order_intake": "9604190.61",
        "gross_profit": "3825880.25",
        "billed": "9365336.43",
        "paid": "8853839.23",
    }
    assert {name: Decimal(totals[name]) for name in expected} == {n: Decimal(v) for n, v in expected.items()}
    assert (totals["customers"], totals["orders"], totals["cancelled_orders"]) == (122, 326, 6)
    assert outstanding(kehu, LAST_DAY) == Decimal("511497.20")


def outstanding(kehu: Kehu, as_of: str) -> Decimal:
    return Decimal(kehu.get("/api/analytics/balance", as_of=as_of)["outstanding"])


@pytest.mark.parametrize(("day", "amount"), MONTH_ENDS.items())
def test_the_outstanding_of_a_month_end_is_what_the_csv_files_add_up_to(kehu: Kehu, day: str, amount: str) -> None:
    assert outstanding(kehu, day) == Decimal(amount)


def test_cash_that_came_before_its_invoice_is_unallocated_on_that_day(kehu: Kehu) -> None:
    balance = kehu.get("/api/analytics/balance", as_of="2004-06-30")
    assert Decimal(balance["unallocated"]) == Decimal("-73701.28")
    named = {
        c: Decimal(kehu.get("/api/analytics/balance", as_of="2004-06-30", customer=c)["unallocated"])
        for c in ("201", "357")
    }
    assert sum(named.values()) == Decimal("-73701.28")


def test_history_known_at_the_time_is_history_as_it_happened(kehu: Kehu) -> None:
    then = kehu.get("/api/analytics/balance", as_of="2004-06-30", known_at="2004-07-01T00:00:00+08:00")
    assert Decimal(then["outstanding"]) == Decimal("94107.04")


def test_three_customers_are_above_their_limit_by_open_balance(kehu: Kehu) -> None:
    limits = kehu.get("/api/analytics/limits", as_of=LAST_DAY, measure="balance", breached=True, limit=500)
    assert {r["customer"]: Decimal(r["used"]) for r in limits["customers"]["items"]} == {
        c: Decimal(a) for c, a in OVER_LIMIT.items()
    }


def test_products_by_class(kehu: Kehu) -> None:
    products = kehu.get("/api/analytics/products", as_of=LAST_DAY, limit=200)
    members = products["members"]["items"]
    assert len(members) == 109
    assert sum(1 for m in members if Decimal(m["cumulative_share"]) <= Decimal("0.8")) == 71
    assert sum(1 for m in members if m["tier"] == "A") == 72


def test_recency_frequency_and_money_of_all_98_customers_are_those_published(kehu: Kehu) -> None:
    """Somebody else's table, of order intake as of 2005-06-02; its cancelled orders count, as ours do."""
    with (DATA / "published" / "rfm_published.csv").open() as file:
        published = {r.pop("customerNumber"): r for r in csv.DictReader(file)}
    found = kehu.get("/api/analytics/rfm", as_of="2005-06-02", measure="order_intake", limit=500)
    ours = {r["customer"]: r for r in found["customers"]["items"]}
    assert (found["scored"], found["without_orders"], len(published)) == (98, 24, 98)
    assert {c: (r["recency_days"], r["frequency"], Decimal(r["monetary"])) for c, r in ours.items()} == {
        c: (int(r["recency_days"]), int(r["frequency"]), Decimal(r["monetary"])) for c, r in published.items()
    }
    assert sum(s["customers"] for s in found["segments"]) == 98


def test_key_figures_of_the_years_are_those_published(kehu: Kehu) -> None:
    asked = {"as_of": "2004-12-31", "from": "2004-01-01"}
    whole = kehu.get("/api/analytics/key-figures", **asked)["total"]
    assert Decimal(whole["figures"]["order_intake"]) == Decimal("4515905.51")
    assert Decimal(whole["before"]["order_intake"]) == Decimal("3317348.39")
    ever = kehu.get("/api/analytics/key-figures", as_of=LAST_DAY, **{"from": "2003-01-01"})["total"]["figures"]
    assert (Decimal(ever["average_order_value"]), Decimal(ever["margin"])) == (Decimal("29460.71"), Decimal("0.398355"))


def pages(kehu: Kehu, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """All entries of an explanation, page by page."""
    cursor: dict[str, Any] = {}
    while True:
        entries = kehu.get(path, limit=500, **parameters, **cursor)["entries"]
        yield from entries["items"]
        if not entries["next"]:
            return
        cursor = {"cursor": entries["next"]}


@pytest.mark.parametrize(
    ("figure", "part", "value"),
    [
        ("totals", "order_intake", "9604190.61"),
        ("totals", "gross_profit", "3825880.25"),
        ("totals", "billed", "9365336.43"),
        ("totals", "paid", "8853839.23"),
        ("totals", "customers", "122"),
        ("totals", "orders", "326"),
        ("balance", "outstanding", "511497.20"),
    ],
)
def test_the_events_behind_a_figure_add_up_to_it(kehu: Kehu, figure: str, part: str, value: str) -> None:
    entries = list(pages(kehu, f"/api/analytics/{figure}/explain", as_of=LAST_DAY, part=part))
    assert sum(Decimal(e["amount"]) for e in entries) == Decimal(value)


def test_the_same_after_every_view_was_rebuilt(kehu: Kehu) -> None:
    with Person(kehu) as boss:
        rebuild_everything(boss)
    check_totals(kehu)
    for day, amount in MONTH_ENDS.items():
        assert outstanding(kehu, day) == Decimal(amount)


def test_data_survives_a_restart_and_a_figure_is_there_within_six_seconds(kehu: Kehu) -> None:
    assert kehu.stop() == 0, kehu.log()
    started = kehu.start()
    check_totals(kehu)
    assert started < 60, "generous here: `make bench` measures it"

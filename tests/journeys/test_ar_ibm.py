"""Two years of receivables, imported from one CSV file: how customers pay is what others published about this data.

The data set is not shipped. KEHU_DATA_SETS names the folder that holds `ar_ibm/`; beside a checkout it is looked for in
../shared/data. Published figures: the lines `ar_ibm` of EXPECTED_FIGURES.tsv there, whose sources it names.
"""

import os
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.running import Kehu, company

DATA = Path(os.environ.get("KEHU_DATA_SETS", Path(__file__).parents[3] / "shared" / "data")) / "ar_ibm"
LAST_DAY = "2014-01-09"
BEHAVIOUR = "/api/analytics/payment-behaviour"
LATE_BY_COUNTRY = {"391": "0.2549", "406": "0.4153", "770": "0.3874", "818": "0.4134", "897": "0.3308"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"NO DATA: ar_ibm is not at {DATA}; set KEHU_DATA_SETS"),
]


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("company"), "receivables") as running:
        imported = running.run("import", "ar_ibm", str(DATA), "--url", running.url)
        assert imported.returncode == 0, imported.stdout + imported.stderr + running.log()
        assert "5032 documents: 5032 accepted, 0 known already, 0 waiting, 0 refused" in imported.stdout
        running.settled()
        yield running


def test_the_averages_are_those_published(kehu: Kehu) -> None:
    found = kehu.get(BEHAVIOUR, as_of=LAST_DAY)
    assert (found["sums"]["instalments"], found["sums"]["late"], found["sums"]["most_days_late"]) == (2466, 877, 45)
    assert {name: Decimal(found[name]).quantize(Decimal("0.0001")) for name in PUBLISHED} == PUBLISHED


PUBLISHED = {
    "mean_amount": Decimal("59.8959"),
    "mean_days_to_pay": Decimal("26.4448"),
    "mean_days_late": Decimal("3.4424"),
    "sd_days_late": Decimal("6.2906"),
    "mean_days_late_of_late": Decimal("9.6796"),
    "late_share": Decimal("0.3556"),
}


def test_lateness_by_bucket_is_that_published(kehu: Kehu) -> None:
    buckets = kehu.get(BEHAVIOUR, as_of=LAST_DAY, edges="30,60")["buckets"]
    assert [(b["bucket"], b["instalments"], b["amount"]) for b in buckets] == [
        ("current", 1589, "93742.40"), ("1-30", 869, "53399.26"), ("31-60", 8, "561.52"), (">60", 0, "0.00"),
    ]  # fmt: skip


def test_each_bucket_and_sum_is_explained_by_payments_that_add_up_to_it(kehu: Kehu) -> None:
    for part, total, members in (("31-60", "561.52", 8), ("late", "877", 877), ("days_late", "8489", 877)):
        entries = list(pages(kehu, f"{BEHAVIOUR}/explain", as_of=LAST_DAY, edges="30,60", part=part))
        assert (sum(Decimal(e["amount"]) for e in entries), len(entries)) == (Decimal(total), members), part


def pages(kehu: Kehu, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    cursor: dict[str, Any] = {}
    while True:
        entries = kehu.get(path, limit=500, **parameters, **cursor)["entries"]
        yield from entries["items"]
        if not entries["next"]:
            return
        cursor = {"cursor": entries["next"]}


def test_the_lateness_groups_are_those_published(kehu: Kehu) -> None:
    found = kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY, limit=500)
    assert found["lateness"] == {"high": 34, "medium": 21, "low": 45}
    assert len(found["customers"]["items"]) == 100
    high = kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY, lateness="high", limit=500)["customers"]["items"]
    assert {c["lateness"] for c in high} == {"high"}
    assert len(high) == 34


def test_the_share_paid_late_by_country_is_that_published(kehu: Kehu) -> None:
    """Country is a field of the customer's record; what its customers paid adds up."""
    country = {c["customer"]: c["country"] for c in kehu.get("/api/customers/", limit=500)["items"]}
    late, paid = Counter[str](), Counter[str]()
    for row in kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY, limit=500)["customers"]["items"]:
        late[country[row["customer"]]] += row["sums"]["late"]
        paid[country[row["customer"]]] += row["sums"]["instalments"]
    assert {c: f"{Decimal(late[c]) / paid[c]:.4f}" for c in paid} == LATE_BY_COUNTRY


def test_nothing_is_owed_in_the_end_and_what_was_owed_before_is_what_the_file_adds_up_to(kehu: Kehu) -> None:
    assert kehu.get("/api/analytics/balance", as_of=LAST_DAY)["outstanding"] == "0.00"
    assert kehu.get("/api/analytics/totals", as_of=LAST_DAY)["billed"] == "147703.18"
    half = kehu.get("/api/analytics/balance", as_of="2012-12-31")
    assert (half["outstanding"], half["unallocated"]) == (OWED_AT_NEW_YEAR, "0.00")


OWED_AT_NEW_YEAR = "5725.06"

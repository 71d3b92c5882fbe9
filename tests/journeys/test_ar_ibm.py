"""Two years of receivables, imported from one CSV file: how customers pay is what others published about this data.

The data set is not shipped. KEHU_DATA_SETS names the folder that holds `ar_ibm/`; beside a checkout it is looked for in
../shared/data. Published figures: the lines `ar_ibm` of EXPECTED_FIGURES.tsv there, whose sources it names. Every line
stands in FIGURES, as what answers it or as the reason why nothing of ours does.
"""

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.people import Person
from tests.journeys.running import Kehu, company

Answer = Callable[[Kehu], Any]
NOBODY = {"person": "P-1", "name": "somebody"}
DATA = Path(os.environ.get("KEHU_DATA_SETS", Path(__file__).parents[3] / "shared" / "data")) / "ar_ibm"
LAST_DAY = "2014-01-09"
BEHAVIOUR = "/api/analytics/payment-behaviour"

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


@pytest.fixture(scope="module")
def disputed(kehu: Kehu) -> Kehu:
    """The file does not say who complained: what it calls disputed is recorded as a complaint of today, by nobody."""
    with (DATA / "WA_Fn-UseC_-Accounts-Receivable.csv").open(encoding="utf-8") as file, Person(kehu) as boss:
        rows = [r for r in csv.DictReader(file) if r["Disputed"] == "Yes"]
        for r in rows:
            complaint = {"subject": "service", "object": "the invoice", "demand": "an answer", "complainant": NOBODY}
            of = {"customer": r["customerID"], "invoice": r["invoiceNumber"], "complaint": f"CP-{r['invoiceNumber']}"}
            money = {"amount": r["InvoiceAmount"], "currency": "USD"}
            boss.do("/api/complaints/", {**complaint, **of, "disputed": money})
    assert len(rows) == 561
    kehu.settled()
    return kehu


def published() -> dict[str, str]:
    """By metric what others published of this data, recomputed to more places than they wrote."""
    with (DATA.parent / "EXPECTED_FIGURES.tsv").open(encoding="utf-8") as file:
        return {r["metric"]: r["recomputed"] for r in csv.DictReader(file, delimiter="\t") if r["dataset"] == "ar_ibm"}


def paid(name: str) -> Answer:
    return lambda kehu: kehu.get(BEHAVIOUR, as_of=LAST_DAY)[name]


def late(**asked: str) -> Answer:
    """As of today, when the complaints are known."""
    return lambda kehu: kehu.get(BEHAVIOUR, **asked)["mean_days_late"]


def counted(name: str) -> Answer:
    return lambda kehu: kehu.get(BEHAVIOUR, as_of=LAST_DAY)["sums"][name]


def bucket(name: str, part: str) -> Answer:
    def asked(kehu: Kehu) -> Any:
        buckets = kehu.get(BEHAVIOUR, as_of=LAST_DAY, edges="30,60")["buckets"]
        return next(b[part] for b in buckets if b["bucket"] == name)

    return asked


def payers(lateness: str) -> Answer:
    return lambda kehu: kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY)["lateness"][lateness]


def days(part: str, chosen: Callable[[Iterator[str]], str]) -> Answer:
    """The first or last day on which one of the documents behind a total was effective."""
    asked = {"part": part, "from": "2011-01-01", "as_of": LAST_DAY}
    return lambda kehu: chosen(e["effective"] for e in pages(kehu, "/api/analytics/totals/explain", **asked))


def late_in(country: str) -> Answer:
    """Country is a field of the customer's record; what its customers paid adds up."""

    def asked(kehu: Kehu) -> Any:
        home = {c["customer"]: c["country"] for c in kehu.get("/api/customers/", limit=500)["items"]}
        found = kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY, limit=500)["customers"]["items"]
        sums = [row["sums"] for row in found if home[row["customer"]] == country]
        return Decimal(sum(s["late"] for s in sums)) / sum(s["instalments"] for s in sums)

    return asked


ON_PAPER = "how a bill went out is no part of erp.Invoice, and no figure asks for it"
FIGURES: Mapping[str, Answer | str] = {
    "invoices": counted("instalments"),
    "customers": lambda kehu: sum(kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY)["lateness"].values()),
    "first invoice date": days("invoices", min),
    "last invoice date": days("invoices", max),
    "last settlement": days("payments", max),
    "mean InvoiceAmount": paid("mean_amount"),
    "mean DaysToSettle": paid("mean_days_to_pay"),
    "mean DaysLate (floored at 0)": paid("mean_days_late"),
    "sd DaysLate": paid("sd_days_late"),
    "mean DaysLate of late invoices only": paid("mean_days_late_of_late"),
    "max DaysLate": counted("most_days_late"),
    "share of invoices late": paid("late_share"),
    "mean DaysLate, Disputed=No": late(disputed="excluded"),
    "mean DaysLate, Disputed=Yes": late(disputed="only"),
    "mean DaysLate, Electronic": ON_PAPER,
    "mean DaysLate, Paper": ON_PAPER,
    **{f"share late, country {country}": late_in(country) for country in ("391", "406", "770", "818", "897")},
    "aging (-1,0] days late: count": bucket("current", "instalments"),
    "aging (-1,0] days late: amount": bucket("current", "amount"),
    "aging (0,30] days late: count": bucket("1-30", "instalments"),
    "aging (0,30] days late: amount": bucket("1-30", "amount"),
    "aging (30,60] days late: count": bucket("31-60", "instalments"),
    "aging (30,60] days late: amount": bucket("31-60", "amount"),
    "customers late ratio>0.5 or avg>10 (High)": payers("high"),
    "Medium (late ratio>0.2)": payers("medium"),
    "Low": payers("low"),
}
"""By line of the file what answers it, or why nothing does."""


def test_every_published_figure_is_answered_or_is_named_with_the_reason_why_not() -> None:
    assert FIGURES.keys() == published().keys()
    assert [metric for metric, answer in FIGURES.items() if isinstance(answer, str)] == [
        "mean DaysLate, Electronic", "mean DaysLate, Paper",
    ]  # fmt: skip


@pytest.mark.parametrize("metric", [metric for metric, answer in FIGURES.items() if not isinstance(answer, str)])
def test_every_figure_is_that_published(disputed: Kehu, metric: str) -> None:
    answer, expected = FIGURES[metric], published()[metric]
    assert not isinstance(answer, str)
    found = answer(disputed)
    same = found if "date" in metric or "settlement" in metric else Decimal(found).quantize(Decimal(expected))
    assert str(same) == expected


def test_the_shares_published_are_those_of_all(kehu: Kehu) -> None:
    """The issue names them to more places than the file."""
    found = kehu.get(BEHAVIOUR, as_of=LAST_DAY)
    assert (found["mean_days_late"], found["late_share"], found["sums"]["late"]) == ("3.442417", "0.355637", 877)
    assert kehu.get(BEHAVIOUR, as_of=LAST_DAY, edges="30,60")["buckets"][-1] == {
        "bucket": ">60", "instalments": 0, "amount": "0.00",
    }  # fmt: skip


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


def test_the_lateness_groups_are_lists_of_their_customers(kehu: Kehu) -> None:
    found = kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY, limit=500)
    assert len(found["customers"]["items"]) == 100
    high = kehu.get(f"{BEHAVIOUR}/customers", as_of=LAST_DAY, lateness="high", limit=500)["customers"]["items"]
    assert {c["lateness"] for c in high} == {"high"}
    assert len(high) == 34


def test_nothing_is_owed_in_the_end_and_what_was_owed_before_is_what_the_file_adds_up_to(kehu: Kehu) -> None:
    assert kehu.get("/api/analytics/balance", as_of=LAST_DAY)["outstanding"] == "0.00"
    assert kehu.get("/api/analytics/totals", as_of=LAST_DAY)["billed"] == "147703.18"
    half = kehu.get("/api/analytics/balance", as_of="2012-12-31")
    assert (half["outstanding"], half["unallocated"]) == (OWED_AT_NEW_YEAR, "0.00")


OWED_AT_NEW_YEAR = "5725.06"

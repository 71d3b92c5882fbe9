"""The two data sets, produced to the topics of a real Kafka as an ERP would, give the figures of the file import.

The figures and what answers them are those of test_classicmodels and test_ar_ibm; here the same documents, under the
same ids, come in by topic.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from tools import warehouse

from engine.kafka.access import Access
from engine.kafka.messages import everything
from events.topics import ACCOUNT_STATE
from tests.journeys import test_ar_ibm as receivables
from tests.journeys import test_classicmodels as models
from tests.journeys.people import until
from tests.journeys.running import Kehu, company

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("figures-by-topic"),
    pytest.mark.skipif(
        not (models.DATA.is_dir() and receivables.DATA.is_dir()),
        reason=f"NO DATA: classicmodels and ar_ibm are not at {models.DATA.parent}; set KEHU_DATA_SETS",
    ),
]
WITHOUT_COMPLAINTS = [
    metric for metric, answer in receivables.FIGURES.items() if not isinstance(answer, str) and "Disputed" not in metric
]
"""What the file calls disputed comes as complaints, over HTTP on either bus."""


def taken_in(running: Kehu, said: str, documents: int) -> None:
    """All of them, also those that waited for what another service had yet to hear."""
    told = re.search(rf"{documents} documents: (\d+) accepted, 0 known already, (\d+) waiting, 0 refused", said)
    assert told, said
    assert int(told[1]) + int(told[2]) == documents
    for service in ("customers", "credit"):
        until(partial(none_waits, running, service), 120)
    running.settled()


def none_waits(running: Kehu, service: str) -> bool:
    return bool(running.get(f"/api/{service}/ops/store")["waiting"] == 0)


@pytest.fixture(scope="module")
def wholesaler(tmp_path_factory: pytest.TempPathFactory, kafka_cluster: str) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("company"), "models", kafka_cluster) as running:
        produced = running.run(
            "import", "classicmodels", str(models.DATA), "--url", running.url, "--to-kafka", kafka_cluster
        )
        assert produced.returncode == 0, produced.stdout + produced.stderr + running.log()
        taken_in(running, produced.stdout, 1479)
        yield running


@pytest.fixture(scope="module")
def receivable(tmp_path_factory: pytest.TempPathFactory, kafka_cluster: str) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("company"), "receivables", kafka_cluster) as running:
        produced = running.run(
            "import", "ar_ibm", str(receivables.DATA), "--url", running.url, "--to-kafka", kafka_cluster
        )
        assert produced.returncode == 0, produced.stdout + produced.stderr + running.log()
        taken_in(running, produced.stdout, 5032)
        yield running


def test_the_wholesalers_totals_balances_limits_products_and_rfm_are_those_of_the_file_import(wholesaler: Kehu) -> None:
    models.check_totals(wholesaler)
    for day, amount in models.MONTH_ENDS.items():
        assert models.outstanding(wholesaler, day) == Decimal(amount), day
    models.test_cash_that_came_before_its_invoice_is_unallocated_on_that_day(wholesaler)
    models.test_history_known_at_the_time_is_history_as_it_happened(wholesaler)
    models.test_three_customers_are_above_their_limit_by_open_balance(wholesaler)
    models.test_products_by_class(wholesaler)
    models.test_recency_frequency_and_money_of_all_98_customers_are_those_published(wholesaler)
    models.test_key_figures_of_the_years_are_those_published(wholesaler)


def test_the_newest_record_of_each_customer_in_the_topic_of_accounts_is_what_credit_answers(wholesaler: Kehu) -> None:
    page = wholesaler.get("/api/credit/accounts", limit=500)
    accounts = {account["customer"]: account for account in page["items"]}
    newest = {record.key.decode(): json.loads(record.value) for record in asyncio.run(states(wholesaler))}
    assert len(accounts) == len(newest) == 122
    for customer, account in accounts.items():
        told = {name: flat(newest[customer][name]) for name in account if name != "version"}
        assert told == {name: account[name] for name in told}, customer


def flat(told: Any) -> Any:
    """An amount without the currency it repeats."""
    return told["amount"] if isinstance(told, dict) else told


async def states(kehu: Kehu) -> list[Any]:
    assert kehu.kafka
    access = Access(kehu.kafka, namespace=f"{kehu.data}-{kehu.port}.")
    return await everything(access, access.named(ACCOUNT_STATE))


def test_files_and_topics_are_the_same_messages(wholesaler: Kehu) -> None:
    again = wholesaler.run("import", "classicmodels", str(models.DATA), "--url", wholesaler.url)
    assert "1479 documents: 0 accepted, 1479 known already, 0 waiting, 0 refused" in again.stdout, again.stderr


@pytest.mark.parametrize("metric", WITHOUT_COMPLAINTS)
def test_every_published_figure_of_the_receivables_is_that_of_the_file_import(receivable: Kehu, metric: str) -> None:
    receivables.test_every_figure_is_that_published(receivable, metric)


def test_what_was_owed_at_new_year_and_in_the_end_is_what_the_file_adds_up_to(receivable: Kehu) -> None:
    receivables.test_nothing_is_owed_in_the_end_and_what_was_owed_before_is_what_the_file_adds_up_to(receivable)


@pytest.fixture
def clickhouse() -> None:
    """It is there; else what needs it is skipped, loudly, and fails with CI=true."""
    try:
        warehouse.installed()
    except warehouse.NoClickHouse as why:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no ClickHouse, and CI=true: {why}")
        pytest.skip(f"NO CLICKHOUSE HERE, WHAT IS ASKED OF IT IS NOT TESTED: {why}")


async def test_history_of_years_ago_is_kept_in_the_topic_as_long_as_what_happens_now(receivable: Kehu) -> None:
    """Records had the time that history asserts: the broker removed them as expired within minutes."""
    access = Access(str(receivable.kafka), namespace=f"{receivable.data}-{receivable.port}.")
    found = await everything(access, access.topic("credit"))
    assert found
    assert min(record.timestamp for record in found) / 1000 > time.time() - 3600


@pytest.mark.usefixtures("clickhouse")
@pytest.mark.parametrize("day", ["2012-12-31", "2013-04-30"])
async def test_clickhouse_fed_twice_from_the_topic_has_the_balance_and_the_ageing(receivable: Kehu, day: str) -> None:
    access = Access(str(receivable.kafka), namespace=f"{receivable.data}-{receivable.port}.")
    until(lambda: receivable.get("/api/credit/ops/relay")["events"] == 0, 120)
    records = [(m.value, m.headers) for m in await everything(access, access.topic("credit"))]
    said = receivable.get("/api/analytics/ageing", as_of=day)
    asked = {name: (sql, {"company": "main", "day": day}) for name, sql in warehouse.questions().items()}
    arrived = warehouse.arrived(records)
    found = warehouse.asked([*warehouse.facts(), arrived, arrived], asked)
    assert _balances(found["balance"]) == {said["currency"]: Decimal(said["outstanding"])}
    assert {b["bucket"]: Decimal(b["amount"]) for b in found["ageing"]} == {
        b["bucket"]: Decimal(b["amount"]) for b in said["buckets"] if Decimal(b["amount"])
    }
    assert sum(Decimal(c["outstanding"]) for c in found["customers"]) <= Decimal(said["outstanding"])


def _balances(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {row["currency"]: Decimal(row["outstanding"]) for row in rows}

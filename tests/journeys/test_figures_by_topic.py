"""The two data sets, produced to the topics of a real Kafka as an ERP would, give the figures of the file import.

The figures and what answers them are those of test_classicmodels and test_ar_ibm; here the same documents, under the
same ids, come in by topic.
"""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.journeys import test_ar_ibm as receivables
from tests.journeys import test_classicmodels as models
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


@pytest.fixture(scope="module")
def wholesaler(tmp_path_factory: pytest.TempPathFactory, kafka_cluster: str) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("company"), "models", kafka_cluster) as running:
        produced = running.run(
            "import", "classicmodels", str(models.DATA), "--url", running.url, "--to-kafka", kafka_cluster
        )
        assert produced.returncode == 0, produced.stdout + produced.stderr + running.log()
        assert "1479 documents: 1479 accepted, 0 known already, 0 waiting, 0 refused" in produced.stdout
        running.settled()
        yield running


@pytest.fixture(scope="module")
def receivable(tmp_path_factory: pytest.TempPathFactory, kafka_cluster: str) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("company"), "receivables", kafka_cluster) as running:
        produced = running.run(
            "import", "ar_ibm", str(receivables.DATA), "--url", running.url, "--to-kafka", kafka_cluster
        )
        assert produced.returncode == 0, produced.stdout + produced.stderr + running.log()
        assert "5032 documents: 5032 accepted, 0 known already, 0 waiting, 0 refused" in produced.stdout
        running.settled()
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


def test_files_and_topics_are_the_same_messages(wholesaler: Kehu) -> None:
    again = wholesaler.run("import", "classicmodels", str(models.DATA), "--url", wholesaler.url)
    assert "1479 documents: 0 accepted, 1479 known already, 0 waiting, 0 refused" in again.stdout, again.stderr


@pytest.mark.parametrize("metric", WITHOUT_COMPLAINTS)
def test_every_published_figure_of_the_receivables_is_that_of_the_file_import(receivable: Kehu, metric: str) -> None:
    receivables.test_every_figure_is_that_published(receivable, metric)


def test_what_was_owed_at_new_year_and_in_the_end_is_what_the_file_adds_up_to(receivable: Kehu) -> None:
    receivables.test_nothing_is_owed_in_the_end_and_what_was_owed_before_is_what_the_file_adds_up_to(receivable)

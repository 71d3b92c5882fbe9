"""Windows, buckets, ratios, currencies."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics_svc.domain.figures import (
    NO_SALES,
    Edges,
    EdgesNotRising,
    NameACurrency,
    Window,
    dso,
    edges_of,
    rounded,
    the_currency,
)


def test_dso_is_receivables_by_sales_times_days() -> None:
    """The worked number of peers.md 3.1: 10,869 / (5,538 + 4,566 + 7,570) x 90."""
    assert dso(Decimal(10869), Decimal(5538 + 4566 + 7570)).value == Decimal("55.35")


@pytest.mark.parametrize(
    ("receivables", "sales", "days", "value"),
    [(50000, 150000, 365, "121.67"), (50000, 150000, 183, "61.00"), (50000, 150000, 283, "94.33")],
)
def test_dso_takes_any_window(receivables: int, sales: int, days: int, value: str) -> None:
    assert dso(Decimal(receivables), Decimal(sales), days).value == Decimal(value)


@pytest.mark.parametrize("sales", [0, -5])
def test_without_sales_dso_has_no_value_but_a_reason(sales: int) -> None:
    answer = dso(Decimal(100), Decimal(sales))
    assert (answer.value, answer.reason) == (None, NO_SALES)


def test_a_window_of_90_days_ends_with_the_day_itself() -> None:
    window = Window.of_days(90, date(2005, 6, 9))
    assert (window.last - (window.first or window.last)).days == 89


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-3, "current"), (0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"),
        (61, "61-90"), (91, "91-120"), (120, "91-120"), (121, ">120"), (900, ">120"),
    ],
)  # fmt: skip
def test_due_today_is_current_and_edges_are_inclusive_above(days: int, bucket: str) -> None:
    assert Edges().bucket(days) == bucket


def test_edges_are_configurable() -> None:
    assert edges_of("15,45").names == ("current", "1-15", "16-45", ">45")
    assert edges_of(None) == Edges()


@pytest.mark.parametrize("text", ["30,30", "0,30", "60,30", "x", "-1", "30,,60"])
def test_edges_that_do_not_rise_are_refused(text: str) -> None:
    with pytest.raises(EdgesNotRising):
        edges_of(text)


def test_amounts_in_several_currencies_need_a_named_one() -> None:
    with pytest.raises(NameACurrency) as refused:
        the_currency(None, ["USD", "CNY"], "CNY")
    assert refused.value.params == {"currencies": "CNY, USD"}
    assert the_currency("USD", ["USD", "CNY"], "CNY") == "USD"
    assert the_currency(None, ["JPY"], "CNY") == "JPY"
    assert the_currency(None, [], "CNY") == "CNY"


def test_a_half_is_rounded_up_at_the_last_step() -> None:
    assert rounded(Decimal("2.345"), 2) == Decimal("2.35")


FIGURES_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "figures.md"


def test_the_page_of_figures_names_every_figure_there_is() -> None:
    document = json.loads((FIGURES_PAGE.parent / "openapi" / "analytics.json").read_text())
    told = FIGURES_PAGE.read_text()
    figures = {p for p, calls in document["paths"].items() if "figures" in calls.get("get", {}).get("tags", [])}
    explained = {path for path in figures if path.endswith("/explain")}
    assert len(figures) > 25
    assert {path for path in figures - explained if f"`GET /api/analytics{path}" not in told} == set()
    assert {path for path in explained if path not in told} == set()

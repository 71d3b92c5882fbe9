"""Numbers and dates as they are written elsewhere: what can mean two things is asked, never guessed."""

# ruff: noqa: RUF001 - digits and marks as an input method writes them

from datetime import date
from decimal import Decimal

import pytest

from all_in_one.notation import Notation

PLAIN, POINT, COMMA = Notation("bills"), Notation("bills", decimal="."), Notation("bills", decimal=",")


@pytest.mark.parametrize(
    ("notation", "text", "number"),
    [
        (PLAIN, "1234.56", "1234.56"), (PLAIN, "1,234.56", "1234.56"), (PLAIN, "1,234,567", "1234567"),
        (PLAIN, "-5", "-5"), (PLAIN, "1,234.50-", "-1234.50"), (PLAIN, "(5.00)", "-5.00"), (PLAIN, "−5", "-5"),
        (PLAIN, "¥1,234.56", "1234.56"), (PLAIN, "￥－１２.５０", "-12.50"), (PLAIN, "１２３４．５６", "1234.56"),
        (PLAIN, "12.5元", "12.5"), (PLAIN, "CNY 12.50", "12.50"), (PLAIN, "12.50 EUR", "12.50"), (PLAIN, "$-3", "-3"),
        (PLAIN, "1 234.5", "1234.5"), (PLAIN, "1'234.50", "1234.50"), (PLAIN, ".5", "0.5"),
        (POINT, "1,234", "1234"), (COMMA, "1.234", "1234"), (COMMA, "1.234,56", "1234.56"), (COMMA, "12,5", "12.5"),
        (COMMA, "1 234,56", "1234.56"), (COMMA, "1.234,50-", "-1234.50"), (COMMA, "７，５", "7.5"),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written(notation: Notation, text: str, number: str) -> None:
    assert notation.number(text) == Decimal(number)


@pytest.mark.parametrize(
    ("notation", "text", "reason"),
    [
        (PLAIN, "1,234", r'could be 1234 or 1\.234: say decimal = "\." or decimal = "," under \[files\.bills\]'),
        (PLAIN, "1.234,56", r'a decimal comma is declared: decimal = "," under \[files\.bills\]'),
        (PLAIN, "12,5", "a decimal comma is declared"),
        (PLAIN, "twelve", "this is no number"),
        (PLAIN, "", "this is no number"),
        (PLAIN, "-", "this is no number"),
        (PLAIN, "1.5万", "this is no number"),
        (POINT, "1.234,56", r'this is no number with decimal = "\."'),
        (COMMA, "1.5", 'this is no number with decimal = ","'),
        (COMMA, "1,234.56", 'this is no number with decimal = ","'),
    ],
)
def test_a_number_that_could_be_two_or_is_none_says_what_to_do(notation: Notation, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        notation.number(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05", "2026/1/5", "2026.01.05", "20260105", "2026年1月5日", "２０２６年１月５日", "5.1.2026",
        "05.01.2026", "2026-01-05 10:30", "2026-01-05T10:30:00Z", "2026/1/5 0:00:00", "2026-01-05T10:30:00.123+08:00",
    ],
)  # fmt: skip
def test_a_date_that_can_only_be_one_is_read(text: str) -> None:
    assert PLAIN.date(text) == date(2026, 1, 5)


@pytest.mark.parametrize("text", ["1/5/2026", "31/1/2026", "05-01-2026"])
def test_a_date_that_could_be_two_is_asked_about(text: str) -> None:
    with pytest.raises(ValueError, match=r'say date = "%m.%d.%Y" or "%d.%m.%Y" under \[files\.bills\]'):
        PLAIN.date(text)


def test_a_declared_date_is_read_as_declared_and_one_that_begins_with_the_year_as_ever() -> None:
    american = Notation("bills", dates=("%m/%d/%Y", "%d%m%y"))
    assert (american.date("1/5/2026"), american.date("310126")) == (date(2026, 1, 5), date(2026, 1, 31))
    assert american.date("2026-01-05") == american.date("2026年1月5日") == date(2026, 1, 5)
    for wrong in ("31/1/2026", "5.1.2026"):
        with pytest.raises(ValueError, match="no date written as %m/%d/%Y or %d%m%y"):
            american.date(wrong)


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "2026-13-01", "", "00.00.0000", "5. Januar 2026"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PLAIN.date(text)

"""Demo companies to look at: last days around every corner of the calendar, made once for all tests."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

from all_in_one.demo.company.buyers import Firm
from all_in_one.demo.company.complaints import Act, acts
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.history import documents, latest_bill

THIN = 0.12
"""Documents enough to find a mistake in; customers with a story have all of theirs."""
LATER = timedelta(days=64)
LAST_DAYS = (
    date(2026, 11, 27),
    date(2026, 12, 31),
    date(2027, 1, 31),
    date(2027, 2, 6),  # the first day of Spring Festival
    date(2027, 3, 1),
    date(2028, 2, 29),
    date(2029, 9, 30),
)


@cache
def firm(day: date, seed: int = 1) -> Firm:
    return Firm.seeded(seed, day, THIN)


@cache
def later(day: date, seed: int = 1) -> Sequence[Document]:
    """What has been sent two months after `day`."""
    return documents(firm(day, seed), day + LATER)


@cache
def told(day: date, seed: int = 1) -> Sequence[Document]:
    """What has been sent by `day`, as it was made then."""
    return documents(firm(day, seed), day)


@cache
def said(day: date) -> Sequence[Act]:
    """What has been entered about complaints two months after `day`."""
    return acts(firm(day), day + LATER, latest_bill(firm(day)))

"""When cans are ordered: drinks before the summer, gift boxes before Spring Festival and Mid-Autumn; working days."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache

import holidays

Category = str
SPRING, AUTUMN = "Chinese New Year (Spring Festival)", "Mid-Autumn Festival"

BY_MONTH: Mapping[Category, Sequence[float]] = {
    "two-piece cans": (0.8, 0.7, 1.2, 1.5, 1.7, 1.5, 1.1, 0.8, 0.7, 0.7, 0.7, 0.8),
    "three-piece cans": (0.9, 0.8, 1.0, 1.2, 1.3, 1.1, 0.9, 0.8, 0.9, 1.0, 1.0, 1.1),
    "food cans": (0.9, 0.8, 0.9, 0.9, 1.0, 1.0, 1.1, 1.3, 1.3, 1.1, 0.9, 0.8),
}
"""Share of an ordinary month in which goods are ordered, January first; what is not listed is even over the year."""
BEFORE_FEASTS: Mapping[Category, Sequence[tuple[str, int, int, float]]] = {
    "gift boxes": ((SPRING, 95, 25, 3.2), (AUTUMN, 80, 25, 2.2)),
    "three-piece cans": ((SPRING, 70, 20, 1.6),),
}
"""Feast, first and last day before it, and how many times an ordinary day's orders come in then."""
QUIET: Mapping[Category, float] = {"gift boxes": 0.45}
"""Outside of the days before feasts."""


def season(category: Category, day: date) -> float:
    """How much of an ordinary day's orders of `category` comes in on `day`."""
    month = BY_MONTH.get(category)
    usual = month[day.month - 1] if month else QUIET.get(category, 1.0)
    rushes = (rush for feast, first, last, rush in BEFORE_FEASTS.get(category, ()) if _before(feast, day, first, last))
    return max(usual, *rushes, 0.0)


def _before(feast: str, day: date, first: int, last: int) -> bool:
    return any(last <= (feast_of(feast, year) - day).days <= first for year in (day.year, day.year + 1))


@cache
def feast_of(feast: str, year: int) -> date:
    """The first day of a Chinese feast in `year`."""
    return min(day for day, name in _china(year).items() if name.startswith(feast) or f"; {feast}" in name)


@cache
def _china(year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays("CN", years=year, language="en_US"))


@cache
def working_day(day: date) -> date:
    """`day`, or the first day after it on which offices in China work."""
    while day.weekday() >= 5 or day in _china(day.year):
        day += timedelta(days=1)
    return day

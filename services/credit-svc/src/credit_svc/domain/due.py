"""Open amounts by due date, held small: the exposures of 20,000 customers lie in memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NO_DAYS = array("i")


class OpenByDueDate(Mapping[date, Decimal]):
    """What is open by due date, earliest first; never zero, never changed.

    A day takes some 44 bytes, in a dict of dates and decimals 170. Amounts are whole numbers of 10^-places: no limit,
    nothing rounded.
    """

    __slots__ = ("_days", "_places", "_units")

    def __init__(self, days: "array[int]" = _NO_DAYS, units: Sequence[int] = (), places: int = 0) -> None:
        self._days, self._units, self._places = days, tuple(units), places

    @classmethod
    def of(cls, amounts: Mapping[date, Decimal]) -> Self:
        """So much on each of these days."""
        return cls().moved(amounts.items())

    def __len__(self) -> int:
        return len(self._days)

    def __iter__(self) -> Iterator[date]:
        return map(date.fromordinal, self._days)

    def __getitem__(self, day: date) -> Decimal:
        at = bisect_left(self._days, day.toordinal())
        if at == len(self._days) or self._days[at] != day.toordinal():
            raise KeyError(day)
        return _amount(self._units[at], self._places)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"

    @property
    def earliest(self) -> date | None:
        """The first due date on which something is open."""
        return date.fromordinal(self._days[0]) if self._days else None

    def moved(self, changes: Iterable[tuple[date, Decimal]]) -> Self:
        """With so much more, or less, open on each of these days."""
        found = list(changes)
        places = max([self._places, *(_places(amount) for _, amount in found)])
        finer = 10 ** (places - self._places)
        days, units = self._days[:], list(self._units if finer == 1 else [u * finer for u in self._units])
        for day, amount in found:
            _move(days, units, day.toordinal(), _units(amount, places))
        return type(self)(days, units, places)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """In JSON an object of amounts by date."""
        return core_schema.no_info_after_validator_function(
            cls.of,
            handler.generate_schema(dict[date, Decimal]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                dict, return_schema=handler.generate_schema(dict[date, Decimal])
            ),
        )


def _places(amount: Decimal) -> int:
    return max(-int(amount.as_tuple().exponent), 0)


def _units(amount: Decimal, places: int) -> int:
    return int(amount.scaleb(places))


def _amount(units: int, places: int) -> Decimal:
    return Decimal(units).scaleb(-places)


def _move(days: "array[int]", units: list[int], day: int, change: int) -> None:
    """`change` more on `day`; the day is gone where that leaves nothing."""
    at = bisect_left(days, day)
    if at == len(days) or days[at] != day:
        days.insert(at, day)
        units.insert(at, 0)
    units[at] += change
    if not units[at]:
        del days[at], units[at]

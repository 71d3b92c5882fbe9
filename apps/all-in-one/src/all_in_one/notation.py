"""How numbers and dates are written elsewhere: what can only mean one thing is read, what could mean two is asked."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

KEPT = 65_536
"""Dates repeat: so many readings are kept."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_TOGETHER = re.compile(r"(\d{4})(\d\d)(\d\d)")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_TWO_WAYS = re.compile(r"\d{1,2}([/-])\d{1,2}\1\d{4}")
_TIME = re.compile(r"[T\s]+\d{1,2}:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$")

_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_MARKS = re.compile(r"^(?:[A-Z]{3}\s|[¥$€£])|(?:\s[A-Z]{3}|[¥$€£]|元)$")
_GROUPS = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")
_POINT = re.compile(r"(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?")
_COMMA = re.compile(r"(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d+)?")
_EITHER = re.compile(r"\d{1,3},\d{3}")


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes what it says. `dates`: strptime formats; `decimal`: the mark before decimal places.

    What begins with the year is a date whatever is declared.
    """

    file: str = "file"
    dates: tuple[str, ...] = ()
    decimal: str | None = None

    def date(self, text: str) -> date:
        """The day `text` names; a time of day is left off. Raises ValueError with what to do."""
        return _date(self, text)

    def number(self, text: str) -> Decimal:
        """The number `text` writes: 1,234.56, -5, 5-, (5), ¥5, 1 234.50. Raises ValueError with what to do."""
        if self.decimal != "," and _PLAIN.fullmatch(text):
            return Decimal(text)
        return _number(self, text)


@lru_cache(KEPT)
def _date(notation: Notation, text: str) -> date:
    if notation.dates:
        return _declared(notation, text)
    if _ISO.fullmatch(text):
        return date.fromisoformat(text)
    plain = _plain(text)
    if day_found := _year_first(plain):
        return day_found
    if found := _DOTTED.fullmatch(plain):
        day, month, year = map(int, found.groups())
        return date(year, month, day)
    if found := _TWO_WAYS.fullmatch(plain):
        raise ValueError(
            f"day and month could be either way round: say date = {_format('%m', '%d', found[1])} or "
            f"{_format('%d', '%m', found[1])} under [files.{notation.file}]"
        )
    raise ValueError(f'this is no date; other ways of writing one are declared, like date = "%d %b %Y", '
                     f"under [files.{notation.file}]")  # fmt: skip


def _plain(text: str) -> str:
    """Without a time of day and full-width digits."""
    return _TIME.sub("", unicodedata.normalize("NFKC", text).strip())


def _year_first(plain: str) -> date | None:
    """The day that is written beginning with the year, which can be read one way only. Raises ValueError for no day."""
    found = _YEAR_FIRST.fullmatch(plain) or _TOGETHER.fullmatch(plain)
    if not found:
        return None
    year, month, day = map(int, found.groups())
    return date(year, month, day)


def _format(first: str, second: str, between: str) -> str:
    return f'"{first}{between}{second}{between}%Y"'


def _declared(notation: Notation, text: str) -> date:
    for known in notation.dates:
        try:
            return datetime.strptime(text, known).date()  # noqa: DTZ007 - a date is taken, no instant
        except ValueError:
            continue
    if found := _year_first(_plain(text)):
        return found
    raise ValueError(f"this is no date written as {' or '.join(notation.dates)}")


def _number(notation: Notation, text: str) -> Decimal:
    plain, negative = _unmarked(text)
    if plain and (_COMMA if notation.decimal == "," else _POINT).fullmatch(plain):
        if notation.decimal is None and _EITHER.fullmatch(plain):
            raise ValueError(
                f"this could be {plain.replace(',', '')} or {plain.replace(',', '.')}: "
                f'say decimal = "." or decimal = "," under [files.{notation.file}]'
            )
        written = plain.replace(".", "").replace(",", ".") if notation.decimal == "," else plain.replace(",", "")
        return -Decimal(written) if negative else Decimal(written)
    if plain and notation.decimal is None and _COMMA.fullmatch(plain):
        raise ValueError(f'a decimal comma is declared: decimal = "," under [files.{notation.file}]')
    raise ValueError("this is no number" + (f' with decimal = "{notation.decimal}"' if notation.decimal else ""))


def _unmarked(text: str) -> tuple[str, bool]:
    """The digits and their marks, without currency and sign; and whether it is negative."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    sign = plain.startswith("(") and plain.endswith(")")
    plain = plain[1:-1].strip() if sign else plain
    for _ in range(2):
        if plain.startswith("-") or plain.endswith("-"):
            plain, sign = plain.strip("-").strip(), True
        plain = _MARKS.sub("", plain).strip()
    return _GROUPS.sub("", plain), sign

"""How the fields of a document are filled from a row: each is compiled once, for the columns there are.

What is written as text is read as the document's field wants it: dates and numbers by the notation of their file.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from math import prod
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from all_in_one.columns import Columns, Fill, Tables, Unfit, Values, number, placed, read
from all_in_one.lookups import Lookup
from all_in_one.mapping import MappingError, both, near
from all_in_one.notation import Notation

PLACEHOLDER = re.compile(r"\{([^{}]+?)(?:\s*\+\s*(\d+) days|\s+as (key))?\}")
FOREIGN = re.compile(r"[^A-Za-z0-9._:@/-]+")
LONGEST_KEY = 64
PLAIN = Notation()
ZERO, ONE = Decimal(0), Decimal(1)
Path = tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """A table of a mapping, and the field it stands at."""

    table: Mapping[str, Any]
    path: Path

    @property
    def where(self) -> str:
        return ".".join(self.path) or "the document"

    def get(self, name: str, kind: type | UnionType) -> Any:
        """What stands under `name`. Raises MappingError where it is something else than a `kind`."""
        value = self.table.get(name)
        if not isinstance(value, kind) or not value:
            raise MappingError(f"{self.where}: {name} = {value!r} is not what belongs there, or empty")
        return value

    def only(self, *needed: str, may: Path = ()) -> None:
        """Raises MappingError where something is missing or too much."""
        if missing := set(needed) - self.table.keys():
            raise MappingError(f"{self.where}: beside {needed[0]!r} belongs {', '.join(sorted(missing))}")
        if more := self.table.keys() - {*needed, *may}:
            raise MappingError(f"{self.where}: beside {needed[0]!r} nothing is meant by {', '.join(sorted(more))}")


@dataclass
class Filling:
    """Compiles fields; `columns_of` remembers which column each field of the document is filled from."""

    tables: Tables
    columns_of: dict[Path, str] = field(default_factory=dict)

    def fill(self, said: Any, wanted: Any, columns: Columns, path: Path = ()) -> Fill:
        """What makes the value of the field at `path`, of the type `wanted`, from a row. Raises MappingError."""
        match said:
            case str():
                return self._text(said, plain_type(wanted), columns, path)
            case date():
                return _constant(said.isoformat())
            case list():
                return _list([self.fill(s, item_type(wanted), columns, path) for s in said])
            case dict():
                formula = next((f for name, f in self._formulas.items() if name in said), self._fields)
                return formula(Said(said, path), wanted, columns)
            case _:
                return _constant(said)

    @property
    def _formulas(self) -> Mapping[str, Callable[[Said, Any, Columns], Fill]]:
        """By the word that tells it; a table without any is one of fields."""
        return {
            "each": self._each,
            "sum": self._sum,
            "times": self._times,
            "add": self._add,
            "abs": self._abs,
            "column": self._translated,
            "first": self._first,
        }

    def _fields(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        model = plain_type(wanted)
        known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        if unknown := [name for name in said.table if name not in known]:
            raise MappingError(f"{said.where} has no field {unknown[0]!r}; {near(unknown[0], list(known))}")
        items = said.table.items()
        fills = {n: self.fill(s, known[n].annotation, columns, (*said.path, n)) for n, s in items}
        return lambda row: {name: v for name, fill in fills.items() if (v := fill(row)) is not None}

    def _text(self, said: str, wanted: Any, columns: Columns, path: Path) -> Fill:
        placeholders = list(PLACEHOLDER.finditer(said))
        if not placeholders:
            return _constant(_checked(said, wanted, path) or None)
        self.columns_of[path] = placeholders[0][1]
        if len(placeholders) == 1 and placeholders[0][0] == said.strip():
            return _value(placeholders[0], wanted, columns)
        between = PLACEHOLDER.split(said)[:: PLACEHOLDER.groups + 1]
        return _joined(between, [_value(p, str, columns) for p in placeholders], wanted)

    def _translated(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("column", "values", may=("otherwise",))
        column, values, otherwise = said.get("column", str), said.get("values", dict), said.table.get("otherwise")
        at, _ = columns[column]
        self.columns_of[said.path] = column

        def fill(row: Values) -> Any:
            value = row[at]
            if otherwise is None and value and value not in values:
                raise Unfit(column, value, f"the mapping has no value for it; {near(value, list(values))}")
            return values.get(value, otherwise)

        return fill

    def _first(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("first")
        choices = [self.fill(c, wanted, columns, said.path) for c in said.get("first", list)]
        return lambda row: next((v for fill in choices if (v := fill(row)) not in (None, "")), None)

    def _each(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("each", "on", "fields")
        at, rows, file, wider = self._other(said, "each", columns)
        fill = self.fill(said.get("fields", dict), item_type(wanted), wider, said.path)

        def each(row: Values) -> Any:
            return [placed(fill, [*row, *found.values], file, found.line) for found in rows.of(row[at])]

        return each

    def _sum(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("sum", "on", "times")
        at, rows, file, wider = self._other(said, "sum", columns)
        product = self._product(said, wider)

        def total(row: Values) -> Any:
            found = rows.of(row[at])
            return str(sum((placed(product, [*row, *r.values], file, r.line) for r in found), ZERO))

        return total

    def _other(self, said: Said, name: str, columns: Columns) -> tuple[int, Lookup, str, Columns]:
        """Where the key stands in a row, the rows of the other file by it, its path, and the columns of both."""
        other, (here, there) = said.get(name, str), both(said.get("on", str | dict))
        (at, _), rows = columns[here], self.tables.lookup(other, there)
        return at, rows, self.tables.path(other), columns.behind(self.tables.columns(other))

    def _times(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("times")
        product = self._product(said, columns)
        return lambda row: str(product(row))

    def _product(self, said: Said, columns: Columns) -> Callable[[Values], Decimal]:
        factors: list[str] = said.get("times", list)
        self.columns_of[said.path] = factors[0]
        numbers = [number(column, columns) for column in factors]
        return lambda row: prod((value(row) for value in numbers), start=ONE)

    def _add(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("add", may=("less",))
        self.columns_of[said.path] = said.get("add", list)[0]
        more, less = ([number(c, columns) for c in said.table.get(name, [])] for name in ("add", "less"))
        return lambda row: str(sum((m(row) for m in more), ZERO) - sum((v(row) for v in less), ZERO))

    def _abs(self, said: Said, wanted: Any, columns: Columns) -> Fill:
        said.only("abs")
        self.columns_of[said.path] = said.get("abs", str)
        value = number(said.get("abs", str), columns)
        return lambda row: str(abs(value(row)))


def _constant(value: Any) -> Fill:
    return lambda _: value


def _checked(said: str, wanted: Any, path: Path) -> str:
    if wanted is date:
        try:
            date.fromisoformat(said)
        except ValueError:
            raise MappingError(f"{'.'.join(path)} is a date, {said!r} is none: write it as 2026-01-31") from None
    return said.strip()


def _value(placeholder: re.Match[str], wanted: Any, columns: Columns) -> Fill:
    """The value of a column, read as it is wanted; None where it is empty."""
    name, days, key = placeholder[1].strip(), int(placeholder[2] or 0), placeholder[3]
    at, notation = columns[name]
    if wanted is date or placeholder[2]:
        how = _day(notation, days)
    elif wanted in (Decimal, int):
        how = _digits(notation)
    elif key:
        how = key_of
    else:
        return lambda row: row[at] or None
    return lambda row: read(how, name, row[at]) if row[at] else None


def _day(notation: Notation, days: int) -> Callable[[str], str]:
    return lambda text: (notation.date(text) + timedelta(days)).isoformat()


def _digits(notation: Notation) -> Callable[[str], str]:
    return lambda text: str(notation.number(text))


def _joined(between: list[str], pieces: list[Fill], wanted: Any) -> Fill:
    def fill(row: Values) -> Any:
        values = [piece(row) or "" for piece in pieces]
        text = "".join(b + v for b, v in zip(between, [*values, ""], strict=True)).strip()
        if wanted is date and text:
            return read(PLAIN.date, "", text).isoformat()
        return text or None

    return fill


def _list(items: list[Fill]) -> Fill:
    return lambda row: [v for fill in items if (v := fill(row)) is not None]


def key_of(text: str) -> str:
    """An id made of any text: itself where it is one, else what is left of it and a mark of the whole."""
    if len(text) <= LONGEST_KEY and not FOREIGN.search(text) and text[0].isalnum():
        return text
    kept, mark = FOREIGN.sub("-", text).strip("-._:@/"), sha256(text.encode()).hexdigest()[:10]
    return f"{kept[: LONGEST_KEY - len(mark) - 1]}-{mark}".lstrip("-")


def plain_type(wanted: Any) -> Any:
    """``date`` of ``date | None``, ``Decimal`` of ``Annotated[Decimal, ...]``."""
    while get_origin(wanted) in (Annotated, Union, UnionType):
        wanted = next(a for a in get_args(wanted) if a is not NoneType)
    return wanted


def item_type(wanted: Any) -> Any:
    """``Line`` of ``tuple[Line, ...]``. Raises MappingError for what is no list."""
    plain = plain_type(wanted)
    if get_origin(plain) is not tuple:
        raise MappingError("a list is given where the document has none")
    return get_args(plain)[0]

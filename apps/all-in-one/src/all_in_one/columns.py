"""What a field of a mapping can name: the columns of a file and where each stands in a row; how a value is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from all_in_one.lookups import Lookup
from all_in_one.mapping import Condition, MappingError, near
from all_in_one.notation import Notation

Values = Sequence[str]
Fill = Callable[[Values], Any]
"""Makes a value of the values of a row; raises Unfit."""
T = TypeVar("T")


class Unfit(ValueError):
    """A value that a field cannot take. `file` and `line` where it does not stand in the row itself."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason
        self.file, self.line = "", 0


@dataclass(frozen=True)
class Columns:
    """The columns of a file, those joined to it, and where each stands in a row."""

    file: str
    places: Mapping[str, tuple[int, Notation]]

    def __getitem__(self, name: str) -> tuple[int, Notation]:
        try:
            return self.places[name]
        except KeyError:
            raise MappingError(f"{self.file} has no column {name!r}; {near(name, list(self.places))}") from None

    def behind(self, other: "Columns", prefix: str = "") -> "Columns":
        """These, and behind them those of `other`, which go first where both have one."""
        start = 1 + max((at for at, _ in self.places.values()), default=-1)
        more = {f"{prefix}{name}": (start + at, notation) for name, (at, notation) in other.places.items()}
        return Columns(f"{self.file} with {other.file}", {**self.places, **more})


class Tables(Protocol):
    """The files of a mapping."""

    def columns(self, file: str) -> Columns:
        """What its rows have. Raises MappingError."""
        ...

    def lookup(self, file: str, column: str) -> Lookup:
        """Its rows by a column. Raises MappingError."""
        ...

    def path(self, file: str) -> str:
        """Its path, as the mapping has it."""
        ...


def read(how: Callable[[str], T], column: str, text: str) -> T:
    """What `how` makes of a value of `column`. Raises Unfit."""
    try:
        return how(text)
    except (ValueError, OverflowError) as wrong:
        raise Unfit(column, text, str(wrong)) from None


def number(column: str, columns: Columns) -> Callable[[Values], Decimal]:
    """The number in a column."""
    at, notation = columns[column]
    return lambda row: read(notation.number, column, row[at])


def placed(fill: Callable[[Values], T], row: Values, file: str, line: int) -> T:
    """What `fill` makes of a row of another file. Raises Unfit with its place there."""
    try:
        return fill(row)
    except Unfit as wrong:
        wrong.file, wrong.line = wrong.file or file, wrong.line or line
        raise


def condition(said: Condition, columns: Columns) -> Callable[[Values], bool]:
    """Whether a row meets it."""
    at, _ = columns[said.column]
    found = number(said.column, columns)

    def holds(row: Values) -> bool:
        return (
            (said.is_ is None or row[at] in said.is_)
            and (said.is_not is None or row[at] not in said.is_not)
            and (said.above is None or found(row) > said.above)
            and (said.below is None or found(row) < said.below)
        )

    return holds

"""What stands in the columns of a file: dates and how they are written, numbers and their marks, keys."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from all_in_one.mapping import CsvFile, MappingError
from all_in_one.notation import Notation
from all_in_one.reading import Table, detected, opened

LOOKED_AT = 5000
"""Rows of a file that are looked at."""
PREAMBLE = 20
"""Lines in which the names of the columns are looked for."""
NEARLY_ALL = 0.95
SUFFIXES = {".csv", ".txt", ".tsv"}
FORMATS = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d.%m.%y",
    "%m/%d/%y",
    "%y/%m/%d",
)
NOTHING = ("NULL", "null", "None", "\\N", "-", "--", "N/A", "0000-00-00", "00.00.0000", "无")
"""Written where there is nothing."""


@dataclass(frozen=True)
class Column:
    """A column and its values, those that stand for nothing left out. `rows`: how many rows were looked at."""

    name: str
    values: Sequence[str]
    rows: int

    @property
    def is_key(self) -> bool:
        """Each row has a value of its own."""
        return bool(self.values) and len(set(self.values)) == self.rows

    @property
    def example(self) -> str:
        return next(iter(self.values), "")

    def mostly(self, how: Callable[[str], object]) -> bool:
        """Nearly all values can be read so, and there are some."""
        good = sum(1 for value in self.values if _reads(how, value))
        return bool(good) and good >= NEARLY_ALL * len(self.values)


def _reads(how: Callable[[str], object], value: str) -> bool:
    try:
        how(value)
    except (ValueError, OverflowError):
        return False
    return True


@dataclass(frozen=True)
class Question:
    """What the files leave open: a person answers with `--option` and one of the choices, where there are some."""

    option: Literal["date", "decimal", "currency"]
    text: str
    choices: tuple[str, ...] = ()


@dataclass
class Content:
    """A file as far as it was looked at, and how it writes what it says; `asked`: what it leaves open."""

    table: Table
    file: CsvFile
    columns: dict[str, Column]
    dates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    asked: list[Question] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.file.path

    def is_a(self, content: str, column: str) -> bool:
        """Whether the column holds dates, or numbers; any holds text."""
        return content == "text" or column in (self.dates if content == "date" else self.numbers)


@dataclass(frozen=True)
class Answers:
    """What a person says, where files leave it open: how dates and numbers are written, the currency of amounts."""

    date: str | None = None
    decimal: str | None = None
    currency: str | None = None


def looked_at(folder: Path, answers: Answers) -> list[Content]:
    """Every CSV file of a folder. Raises MappingError where there is none, or one cannot be read."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:20]) or "nothing"
        raise MappingError(f"there is no CSV file in {folder}, but {there}; workbooks are saved as CSV (UTF-8) first")
    return [_content(folder, path, answers) for path in paths]


def _content(folder: Path, path: Path, answers: Answers) -> Content:
    table = _with_its_header(folder, path)
    seen = list(islice(table.rows(), LOOKED_AT))
    rows = [row.values for row in seen if not row.problem]
    cells = list(zip(*rows, strict=True)) or [()] * len(table.columns)
    nothing = tuple(sorted({v for column in cells for v in column} & set(NOTHING)))
    columns = {
        name: Column(name, [v for v in values if v and v not in nothing], len(rows))
        for name, values in zip(table.columns, cells, strict=True)
        if not set(name) & set("{}")
    }
    if 2 * len(rows) < len(seen) or len(columns) < 2:
        return Content(table, CsvFile(path=path.name), {})
    said = {"delimiter": table.delimiter, "encoding": table.encoding, "header": table.header, "empty": nothing}
    found = Content(table, CsvFile.model_validate({"path": path.name, **said}), columns)
    _read_numbers(found, answers)
    _read_dates(found, answers)
    return found


def _with_its_header(folder: Path, path: Path) -> Table:
    """The file from the line on that has the most columns: exports begin with titles."""
    with path.open("rb") as raw:
        encoding = detected(raw)
    tables = list(_tables(folder, path, encoding))
    if not tables:
        return opened(folder, CsvFile(path=path.name))  # raises what is wrong with it
    most = max(len(t.columns) for t in tables)
    return next(t for t in tables if len(t.columns) == most)


def _tables(folder: Path, path: Path, encoding: str) -> Iterator[Table]:
    for line in range(1, PREAMBLE + 1):
        try:
            yield opened(folder, CsvFile(path=path.name, encoding=encoding, header=line))
        except MappingError:
            continue


def _read_dates(found: Content, answers: Answers) -> None:
    """Which columns hold dates, and in which formats; where two would do, that is asked."""
    declared = set[str]()
    for name, column in found.columns.items():
        if column.mostly(Notation().date):
            found.dates[name] = ()
            continue
        ways = tuple(f for f in FORMATS if column.mostly(Notation(dates=(f,)).date))
        if not ways:
            continue
        found.dates[name] = ways
        declared.add(answers.date if answers.date in ways else ways[0] if len(ways) == 1 else "")
    open_ways = {w for name, ways in found.dates.items() for w in ways if len(ways) > 1}
    sure = sorted(declared - {""})
    if "" in declared and not (open_ways & set(sure)):
        example = next(found.columns[n].example for n, ways in found.dates.items() if len(ways) > 1)
        text = f"{found.name}: day and month of {example} could be either way round"
        found.asked.append(Question("date", text, tuple(sorted(open_ways))))
    found.file = found.file.model_copy(update={"date": tuple(sure)})


def _read_numbers(found: Content, answers: Answers) -> None:
    """Which columns hold numbers, and with which decimal mark."""
    by_mark = {
        mark: {n for n, c in found.columns.items() if c.mostly(Notation(decimal=mark).number)}
        for mark in (".", ",", None)
    }
    points, commas, plain = by_mark["."], by_mark[","], by_mark[None]
    only_points, only_commas, unclear = points - commas, commas - points, (points & commas) - plain
    found.numbers = points | commas
    decimal = "," if only_commas and not only_points else None
    if unclear and not decimal:
        decimal = answers.decimal or ("." if only_points else None)
        if not decimal:
            example = found.columns[min(unclear)].example
            text = f"{found.name}: {example} could be written with a decimal point or comma"
            found.asked.append(Question("decimal", text, (".", ",")))
    found.file = found.file.model_copy(update={"decimal": decimal})

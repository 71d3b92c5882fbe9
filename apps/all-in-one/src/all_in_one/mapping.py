"""CSV files to ERP documents, by a mapping kept as TOML. Reads files, decides nothing: documents go through the intake.

A field is a text with ``{column}`` in it (``{date + 30 days}`` moves a date), a table of fields, a list, or one of:
``{each = file, on = column, fields = ...}`` a list with one entry for each row of another file;
``{sum = file, on = column, times = [...]}`` the sum of products over those rows; ``{times = [...]}`` a product.
A text that comes out empty leaves its field out.
"""

import csv
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from events.erp import DOCUMENTS, Document

BY_TYPE: Mapping[str, type[Document]] = {d.type: d for d in DOCUMENTS}
PLACEHOLDER = re.compile(r"\{([^{}+]+?)(?:\s*\+\s*(\d+) days)?\}")
CsvRow = Mapping[str, str]


class MappingError(Exception):
    """The mapping or the files do not fit together; the message says where and what to do."""


class CsvFile(BaseModel):
    """One file: `join` adds the columns of another file's row, by the value of a column both have."""

    model_config = ConfigDict(extra="forbid")
    path: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"
    join: dict[str, str] = {}


class Condition(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    column: str
    is_: Annotated[list[str] | None, Field(alias="is")] = None
    is_not: list[str] | None = None

    def holds(self, row: CsvRow) -> bool:
        value = _column(row, self.column)
        return (self.is_ is None or value in self.is_) and (self.is_not is None or value not in self.is_not)


class DocumentMapping(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    type: str
    from_: Annotated[str, Field(alias="from")]
    when: Condition | None = None
    unless: Condition | None = None
    id: str
    effective: str
    fields: dict[str, Any]

    def applies(self, row: CsvRow) -> bool:
        return (self.when is None or self.when.holds(row)) and not (self.unless and self.unless.holds(row))


class FileMapping(BaseModel):
    """How the files of one system become documents. `source` is the CloudEvents source they will carry."""

    model_config = ConfigDict(extra="forbid")
    name: str
    source: str
    files: dict[str, CsvFile]
    documents: list[DocumentMapping]


@dataclass(frozen=True, slots=True)
class Drafted:
    """One document read from line `line` of `file`; `problem` says why it could not be made, `data` is then empty.

    `recorded`: the day it became known, where that was not the day it is effective on.
    """

    file: str
    line: int
    type: str
    id: str
    effective: date
    data: Mapping[str, Any]
    problem: str | None = None
    recorded: date | None = None


def load(name_or_path: str) -> FileMapping:
    """A mapping shipped with Kehu by its name, or one of your own by its path. Raises MappingError."""
    shipped = resources.files("all_in_one") / "mappings" / f"{name_or_path}.toml"
    try:
        text = shipped.read_text() if shipped.is_file() else Path(name_or_path).read_text()
        return FileMapping.model_validate(tomllib.loads(text))
    except OSError:
        names = ", ".join(sorted(Path(str(f)).stem for f in (resources.files("all_in_one") / "mappings").iterdir()))
        raise MappingError(f"no mapping {name_or_path!r}: give the path of a .toml file or one of: {names}") from None
    except (tomllib.TOMLDecodeError, ValidationError) as bad:
        raise MappingError(f"{name_or_path} is not a mapping: {bad}") from bad


class Folder:
    """The files of a mapping, read from a folder."""

    def __init__(self, mapping: FileMapping, folder: Path) -> None:
        self._mapping, self._folder = mapping, folder
        self._groups: dict[tuple[str, str], dict[str, list[CsvRow]]] = {}

    def drafts(self) -> list[Drafted]:
        """Every document, by effective date; on one date in the order of the mapping. Raises MappingError."""
        found = [
            (draft.effective, order, draft)
            for order, document in enumerate(self._mapping.documents)
            for draft in self._of(document)
        ]
        return [draft for _, _, draft in sorted(found, key=lambda f: f[:2])]

    def _of(self, document: DocumentMapping) -> Iterator[Drafted]:
        if document.type not in BY_TYPE:
            raise MappingError(f"{document.type!r} is not a document type; there are {', '.join(BY_TYPE)}")
        for number, row in enumerate(self.rows[document.from_], start=2):
            if document.applies(row):
                yield self._draft(document, number, row)

    def _draft(self, document: DocumentMapping, line: int, row: CsvRow) -> Drafted:
        place = (self._mapping.files[document.from_].path, line, document.type)
        key = f"{document.from_}:{line}"
        effective = date.min
        try:
            key = _fill(document.id, row)
            effective = date.fromisoformat(_fill(document.effective, row))
            data = {k: v for k, f in document.fields.items() if (v := self._value(f, row)) is not None}
            BY_TYPE[document.type].model_validate(data)
        except (ValueError, KeyError, InvalidOperation) as bad:
            return Drafted(*place, key, effective, {}, _sentence(bad))
        return Drafted(*place, key, effective, data)

    def _value(self, field: Any, row: CsvRow) -> Any:
        match field:
            case str():
                return _fill(field, row) or None
            case {"each": str(other), "on": str(column), "fields": dict(fields)}:
                return [self._value(fields, {**row, **r}) for r in self._matching(other, column, row)]
            case {"sum": str(other), "on": str(column), "times": list(columns)}:
                return str(sum((_product(columns, r) for r in self._matching(other, column, row)), Decimal(0)))
            case {"times": list(columns)}:
                return str(_product(columns, row))
            case dict():
                return {k: v for k, f in field.items() if (v := self._value(f, row)) is not None}
            case list():
                return [self._value(f, row) for f in field]
            case _:
                return field

    def _matching(self, other: str, column: str, row: CsvRow) -> Sequence[CsvRow]:
        if (other, column) not in self._groups:
            groups: dict[str, list[CsvRow]] = defaultdict(list)
            for r in self.rows[other]:
                groups[_column(r, column)].append(r)
            self._groups[other, column] = groups
        return self._groups[other, column].get(_column(row, column), ())

    @cached_property
    def rows(self) -> Mapping[str, Sequence[CsvRow]]:
        """The rows of every file, joined as the mapping says. Raises MappingError."""
        plain = {name: self._read(file) for name, file in self._mapping.files.items()}
        return {name: _joined(plain, file, plain[name]) for name, file in self._mapping.files.items()}

    def _read(self, file: CsvFile) -> list[CsvRow]:
        path = self._folder / file.path
        try:
            with path.open(encoding=file.encoding, newline="") as opened:
                return [
                    {k: (v or "").strip() for k, v in row.items() if k is not None}
                    for row in csv.DictReader(opened, delimiter=file.delimiter)
                ]
        except OSError as missing:
            raise MappingError(f"{path} cannot be read: {missing.strerror}") from missing
        except UnicodeDecodeError as bad:
            raise MappingError(f"{path} is not {file.encoding}; set `encoding` in the mapping") from bad


def _joined(plain: Mapping[str, list[CsvRow]], file: CsvFile, rows: list[CsvRow]) -> list[CsvRow]:
    for other, column in file.join.items():
        by_key = {r[column]: {f"{other}.{k}": v for k, v in r.items()} for r in plain[other]}
        rows = [{**r, **by_key.get(r[column], {})} for r in rows]
    return rows


def _column(row: CsvRow, name: str) -> str:
    try:
        return row[name]
    except KeyError:
        raise MappingError(f"there is no column {name!r}; there are {', '.join(row)}") from None


def _fill(text: str, row: CsvRow) -> str:
    def value(match: re.Match[str]) -> str:
        found = _column(row, match[1].strip())
        return str(date.fromisoformat(found) + timedelta(days=int(match[2]))) if match[2] else found

    return PLACEHOLDER.sub(value, text).strip()


def _product(columns: Sequence[str], row: CsvRow) -> Decimal:
    product = Decimal(1)
    for column in columns:
        product *= Decimal(_column(row, column))
    return product


def _sentence(bad: Exception) -> str:
    if isinstance(bad, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in bad.errors())
    if isinstance(bad, InvalidOperation):
        return "a number was expected and there is none"
    return str(bad)

"""CSV files to ERP documents, row by row, by a mapping. Decides nothing: documents go through the intake.

A row becomes all of its documents or none: what does not fit is told with file, line, column, value and reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from all_in_one.columns import Columns, Fill, Unfit, Values, condition
from all_in_one.filling import Filling
from all_in_one.lookups import Lookup
from all_in_one.mapping import BY_TYPE, CsvFile, DocumentMapping, Drafted, FileMapping, MappingError, both, near
from all_in_one.notation import Notation
from all_in_one.reading import Row, Table, opened

HOPELESS = 20
"""So many rows of a file that none fits: then it is the mapping that does not."""
OFTEN = 1000
"""Rows between two looks at how far it is."""
PATTERN = "letters, digits and ._:@/- only, at most 64; {column as key} makes such a key of any text"
Passed = Callable[[int], None]


@dataclass
class _Document:
    """A document of a mapping, ready to be filled."""

    order: int
    said: DocumentMapping
    columns: Columns
    when: Sequence[Callable[[Values], bool]]
    unless: Sequence[Callable[[Values], bool]]
    once: int | None
    id: Fill
    effective: Fill
    recorded: Fill
    data: Fill
    columns_of: Mapping[tuple[str, ...], str]
    seen: set[str] = field(default_factory=set)

    def applies(self, row: Values) -> bool:
        return (
            (self.once is None or row[self.once] not in self.seen)
            and all(holds(row) for holds in self.when)
            and not any(holds(row) for holds in self.unless)
        )

    def draft(self, file: str, row: Row) -> Drafted:
        """Raises Unfit."""
        key, effective = self.id(row.values), self.effective(row.values)
        for value, name in ((key, "id"), (effective, "effective")):
            if not value:
                raise Unfit(self.columns_of.get((name,), ""), "", f"it is needed for the document's {name}")
        data = self.data(row.values)
        try:
            BY_TYPE[self.said.type].model_validate(data)
        except ValidationError as bad:
            raise self._unfit(bad, row) from None
        known = self.recorded(row.values)
        recorded = date.fromisoformat(known) if known else None
        day = date.fromisoformat(effective)
        return Drafted(file, row.line, self.said.type, key, day, data, recorded=recorded, order=self.order)

    def _unfit(self, bad: ValidationError, row: Row) -> Unfit:
        first = bad.errors(include_url=False)[0]
        path = tuple(p for p in first["loc"] if isinstance(p, str))
        column = next((c for n in range(len(path), 0, -1) if (c := self.columns_of.get(path[:n]))), "")
        column = column or next((c for p, c in self.columns_of.items() if p[: len(path)] == path), "")
        reason = PATTERN if first["type"] == "string_pattern_mismatch" else first["msg"].removeprefix("Value error, ")
        at = self.columns.places.get(column)
        value = row.values[at[0]] if at else first["input"] if isinstance(first["input"], str | int) else ""
        told = reason if first["type"] != "missing" else "it is empty" if column else "the mapping does not fill it"
        return Unfit(column, str(value), f"{'.'.join(path)}: {told}")


class Folder:
    """The files of a mapping, read from a folder."""

    def __init__(self, mapping: FileMapping, folder: Path) -> None:
        self._mapping, self._folder = mapping, folder
        self._tables: dict[str, Table] = {}
        self._lookups: dict[tuple[str, str], Lookup] = {}

    def drafts(self, passed: Passed = lambda _: None) -> Iterator[Drafted]:
        """Every document as its row is read, or the row that made none. Tells `passed` the bytes read.

        Raises MappingError before the first one where the mapping does not fit the files.
        """
        by_file: dict[str, list[_Document]] = {}
        for order, said in enumerate(self._mapping.documents):
            by_file.setdefault(said.from_, []).append(self._compiled(order, said))
        return self._drafts(by_file, passed)

    @property
    def size(self) -> int:
        """Bytes of the files that rows become documents of."""
        return sum(self.table(name).path.stat().st_size for name in {d.from_ for d in self._mapping.documents})

    def _drafts(self, by_file: Mapping[str, list[_Document]], passed: Passed) -> Iterator[Drafted]:
        before = 0
        for name, documents in by_file.items():
            table, good, bad = self.table(name), 0, 0
            for n, row in enumerate(self._rows(name)):
                drafts = self._of_row(name, row, documents)
                bad, good = (bad + 1, good) if drafts and drafts[0].problem else (bad, good + len(drafts))
                if bad == HOPELESS and not good:
                    raise MappingError(f"no row of {table.path} fits the mapping. {_told(drafts[0])}")
                yield from drafts
                if n % OFTEN == 0:
                    passed(before + table.passed)
            before += table.path.stat().st_size
            passed(before)

    def _of_row(self, name: str, row: Row, documents: Sequence[_Document]) -> list[Drafted]:
        """All documents of a row, or one that tells why there is none."""
        file = self.path(name)
        try:
            if row.problem:
                raise Unfit("", "", row.problem)
            mine = [d for d in documents if d.applies(row.values)]
            drafts = [d.draft(file, row) for d in mine]
        except Unfit as wrong:
            place = (wrong.file or file, wrong.line or row.line)
            key = f"{name}:{row.line}"
            return [Drafted(*place, "", key, date.min, {}, wrong.reason, column=wrong.column, value=wrong.value)]
        for d in mine:
            if d.once is not None:
                d.seen.add(row.values[d.once])
        return drafts

    def _compiled(self, order: int, said: DocumentMapping) -> _Document:
        columns, filling = self.columns(said.from_), Filling(self)
        try:
            return _Document(
                order,
                said,
                columns,
                [condition(c, columns) for c in said.when],
                [condition(c, columns) for c in said.unless],
                None if said.once is None else columns[said.once][0],
                filling.fill(said.id, str, columns, ("id",)),
                filling.fill(said.effective, date, columns, ("effective",)),
                filling.fill(said.recorded, date, columns, ("recorded",)),
                filling.fill(said.fields, BY_TYPE[said.type], columns),
                filling.columns_of,
            )
        except MappingError as wrong:
            raise MappingError(f"{said.type} from {said.from_}: {wrong}") from None

    # --- the files ------------------------------------------------------------------------------------------------

    def table(self, name: str) -> Table:
        """The file of this name, its header read. Raises MappingError."""
        if name not in self._tables:
            self._tables[name] = opened(self._folder, self._file(name))
        return self._tables[name]

    def _file(self, name: str) -> CsvFile:
        try:
            return self._mapping.files[name]
        except KeyError:
            raise MappingError(f"there is no [files.{name}]; {near(name, list(self._mapping.files))}") from None

    def path(self, name: str) -> str:
        return self._file(name).path

    def columns(self, name: str) -> Columns:
        """Its own columns, and behind them those of the files joined to it."""
        file = self._file(name)
        notation = Notation(name, file.date, file.decimal)
        found = Columns(file.path, {c: (at, notation) for at, c in enumerate(self.table(name).columns)})
        for other in file.join:
            found = found.behind(self.columns(other), f"{other}.")
        return found

    def lookup(self, name: str, column: str) -> Lookup:
        if (name, column) not in self._lookups:
            at, _ = self.columns(name)[column]
            self._lookups[name, column] = Lookup((row.values[at], row) for row in self._whole(name))
        return self._lookups[name, column]

    def _whole(self, name: str) -> Iterator[Row]:
        """The rows of a file that others look into, where none may be missing."""
        for row in self._rows(name):
            if row.problem:
                raise MappingError(f"{self.path(name)} line {row.line}: {row.problem}; rows of other files need it")
            yield row

    def _rows(self, name: str) -> Iterator[Row]:
        joins = [
            (self.columns(name)[here][0], self.lookup(other, there), len(self.columns(other).places))
            for other, (here, there) in ((other, both(on)) for other, on in self._file(name).join.items())
        ]
        for row in self.table(name).rows():
            for at, lookup, width in joins if not row.problem else ():
                found = lookup.of(row.values[at])
                row.values.extend(found[-1].values if found else [""] * width)
            yield row


def _told(bad: Drafted) -> str:
    where = f"{bad.file} line {bad.line}" + (f", column {bad.column!r}" if bad.column else "")
    return f"{where}: {bad.value!r}: {bad.problem}" if bad.value else f"{where}: {bad.problem}"

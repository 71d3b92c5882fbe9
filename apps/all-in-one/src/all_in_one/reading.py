"""CSV files, read row by row: encoding and delimiter found out where they are not said, broken rows told by line."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import charset_normalizer

from all_in_one.mapping import CsvFile, MappingError, near

DELIMITERS = ",;\t|"
CHUNK = 1 << 20
SAMPLE = 64 * 1024
"""Bytes or characters looked at to find out what a file does not say."""
ENCODINGS = ["gb18030", "big5", "cp1252", "utf_8"]
"""What is told apart; other encodings are declared."""
CHINESE = ("gb18030", "big5")
MOST_LINES = 200
"""Lines one row may be written on."""
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""What files of Excel and LibreOffice begin with."""
REPLACED = "\N{REPLACEMENT CHARACTER}"


class Row(NamedTuple):
    """One row as it is written; `problem` says why its values cannot be told apart."""

    line: int
    values: list[str]
    problem: str | None = None


@dataclass
class _Lines:
    """The lines of a file; those a broken row has swallowed can be given back."""

    text: TextIOWrapper
    number: int = 0
    taken: list[str] = field(default_factory=list)
    _back: deque[str] = field(default_factory=deque)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) == MOST_LINES:
            raise StopIteration
        line = self._back.popleft() if self._back else next(self.text)
        self.taken.append(line)
        return line

    def done(self) -> None:
        """What was taken was one row."""
        self.number += len(self.taken)
        self.taken.clear()

    def again(self) -> None:
        """Only the first line of what was taken was the row: the others are to be read again."""
        self._back.extendleft(reversed(self.taken[1:]))
        self.number += 1
        self.taken.clear()


@dataclass
class Table:
    """A CSV file and how it is to be read; `passed` counts the bytes that were."""

    path: Path
    encoding: str
    delimiter: str
    header: int
    columns: list[str]
    empty: frozenset[str] = frozenset()
    passed: int = 0

    def rows(self) -> Iterator[Row]:
        """Every row that is not empty, with the line it starts on."""
        with self.path.open("rb") as raw, _text(raw, self.encoding) as text:
            lines = _behind(text, self.header)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            while True:
                line = lines.number + 1
                try:
                    values = next(reader)
                except StopIteration:
                    return
                except csv.Error as broken:
                    lines.again()
                    yield Row(line, [], f"the quotes are broken ({broken})")
                    continue
                self.passed = raw.tell()
                if row := self._row(lines, line, values):
                    yield row

    def _row(self, lines: _Lines, line: int, values: list[str]) -> Row | None:
        wanted = len(self.columns)
        if len(values) > wanted and not any(values[wanted:]):
            del values[wanted:]
        if len(values) != wanted and len(lines.taken) > 1:
            lines.again()
            return Row(line, values, "the quotes are broken: one that was opened is not closed on its line")
        lines.done()
        cleaned = [self._clean(v) for v in values]
        return Row(line, cleaned, self._problem(cleaned)) if any(cleaned) else None

    def _clean(self, value: str) -> str:
        value = value.strip()
        return "" if value in self.empty else value

    def _problem(self, values: list[str]) -> str | None:
        if len(values) != len(self.columns):
            return f"the row has {len(values)} values, the header {len(self.columns)} columns"
        if REPLACED not in "".join(values):
            return None
        column = next(c for c, v in zip(self.columns, values, strict=True) if REPLACED in v)
        return f"column {column!r} holds bytes that are not {self.encoding}"


def opened(folder: Path, file: CsvFile) -> Table:
    """The file, its header read. Raises MappingError with what to do."""
    path = folder / file.path
    with _binary(path, folder) as raw:
        if raw.read(4) in WORKBOOKS:
            raise MappingError(f"{path} is a workbook, not CSV: save it as CSV (UTF-8) in Excel or LibreOffice")
        raw.seek(0)
        encoding = file.encoding or detected(raw)
    try:
        with path.open("rb") as raw, _text(raw, encoding) as text:
            delimiter = file.delimiter or _sniffed(_behind(text, file.header - 1))
    except LookupError:
        told = f"there is no encoding {encoding!r}; leave `encoding` out and it is found out"
        raise MappingError(f"{path}: {told}") from None
    with path.open("rb") as raw, _text(raw, encoding) as text:
        columns = _header(path, _behind(text, file.header - 1), delimiter)
    return Table(path, encoding, delimiter, file.header, columns, frozenset(file.empty))


def _text(raw: BinaryIO, encoding: str) -> TextIOWrapper:
    return TextIOWrapper(raw, encoding, errors="replace", newline="")


def _behind(text: TextIOWrapper, lines: int) -> _Lines:
    """The lines of a file behind its first `lines`."""
    found = _Lines(text)
    deque(islice(found, lines), maxlen=0)
    found.done()
    return found


def _binary(path: Path, folder: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as missing:
        there = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())[:50]
        raise MappingError(f"{path} cannot be read: {missing.strerror}; {near(path.name, there)}") from missing


def detected(raw: BinaryIO) -> str:
    """The encoding of an open file."""
    start = raw.read(4)
    raw.seek(0)
    for bom, encoding in BOMS.items():
        if start.startswith(bom):
            return encoding
    return "utf-8" if _is_utf8(raw) else _guessed(raw)


def _is_utf8(raw: BinaryIO) -> bool:
    """All of it, but for a few bytes that are broken in any encoding."""
    decoder, wrong, right = codecs.getincrementaldecoder("utf-8")("replace"), 0, 0
    while chunk := raw.read(CHUNK):
        text = decoder.decode(chunk)
        if text.isascii():
            continue
        bad = text.count(REPLACED)
        wrong, right = wrong + bad, right + len(text) - len(text.encode("ascii", "ignore")) - bad
    raw.seek(0)
    return wrong * 10 <= right


def _guessed(raw: BinaryIO) -> str:
    """By the lines that are not ASCII."""
    telling = b""
    for line in raw:
        telling += b"" if line.isascii() else line
        if len(telling) > SAMPLE:
            break
    best = charset_normalizer.from_bytes(telling, cp_isolation=ENCODINGS, threshold=1.0).best()
    found = best.encoding if best else "cp1252"
    return "gb18030" if found in CHINESE and _is_gb2312(telling) else found


def _is_gb2312(telling: bytes) -> bool:
    """Few words do not tell GBK from Big5 by their frequency, but Big5 soon has a second byte that GB2312 never has."""
    try:
        telling.decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True


def _sniffed(lines: _Lines) -> str:
    try:
        return csv.Sniffer().sniff("".join(islice(lines, 50))[:SAMPLE], DELIMITERS).delimiter
    except csv.Error:
        return ","


def _header(path: Path, lines: _Lines, delimiter: str) -> list[str]:
    line = lines.number + 1
    try:
        values = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error as broken:
        raise MappingError(f"{path} line {line}: the header's quotes are broken ({broken})") from broken
    names = [v.removeprefix("\ufeff").strip() for v in values]
    if not any(names):
        raise MappingError(f"{path} is empty: its line {line} should name the columns")
    other = next((d for d in DELIMITERS if d != delimiter and d in names[0]), None)
    if len(names) == 1 and other:
        shown = "\\t" if other == "\t" else other
        raise MappingError(f'{path}: the header has one column, {names[0]!r}: set delimiter = "{shown}"')
    return _told_apart([name or f"column {n}" for n, name in enumerate(names, 1)])


def _told_apart(names: list[str]) -> list[str]:
    """Columns of one name get a number behind it, the second on."""
    return [name if (n := names[:i].count(name)) == 0 else f"{name} {n + 1}" for i, name in enumerate(names)]

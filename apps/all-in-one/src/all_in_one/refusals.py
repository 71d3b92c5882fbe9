"""What was refused: counted, the first shown, all of it in a CSV file beside, however much it is."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import IO

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that did not become a document, or a document the intake refused."""

    file: str
    line: int
    document: str
    rule: str
    sentence: str
    column: str = ""
    value: str = ""


@dataclass
class Refusals:
    """Takes what is refused. With a `report`, all of it is written there; the file is made for the first one."""

    report: Path | None = None
    count: int = 0
    first: list[Refused] = field(default_factory=list)
    _file: IO[str] | None = None

    def add(self, refused: Refused) -> None:
        """Raises OSError where the report cannot be written."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(refused)
        if self.report is None:
            return
        if self._file is None:
            self._file = self.report.open("w", encoding="utf-8-sig", newline="")
            csv.writer(self._file).writerow([f.name for f in fields(Refused)])
        csv.writer(self._file).writerow(astuple(refused))

    def close(self) -> None:
        """What was added is in the report."""
        if self._file is not None:
            self._file.close()


@contextmanager
def reported(report: Path | None) -> Iterator[Refusals]:
    """Refusals whose report is complete at the end."""
    refusals = Refusals(report)
    try:
        yield refusals
    finally:
        refusals.close()

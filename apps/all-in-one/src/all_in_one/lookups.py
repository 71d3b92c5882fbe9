"""Rows of another file by the value of a column; they lie on disk, so that a large file costs no memory."""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache

import orjson

from all_in_one.reading import Row

KEPT = 4096
"""Values whose rows are kept in memory: those of master data repeat."""


class Lookup:
    """The rows of one file by one column, in the order of the file."""

    def __init__(self, rows: Iterable[tuple[str, Row]]) -> None:
        self._found = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._found.execute("pragma journal_mode = off")
        self._found.execute("create table rows (key text, line integer, vals blob)")
        self._found.execute("begin")
        written = ((key, row.line, orjson.dumps(row.values)) for key, row in rows)
        self._found.executemany("insert into rows values (?, ?, ?)", written)
        self._found.execute("create index by_key on rows (key)")
        self._found.execute("commit")
        self.of = lru_cache(KEPT)(self._of)

    def _of(self, key: str) -> Sequence[Row]:
        """The rows with this value."""
        found = self._found.execute("select line, vals from rows where key = ? order by rowid", (key,))
        return [Row(line, orjson.loads(values)) for line, values in found]

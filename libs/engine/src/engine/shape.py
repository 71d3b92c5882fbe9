"""A view's columns in PostgreSQL: how its tables are made and written, all from `view.table`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import orjson
from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql import quoted_name

from engine.projection import Row

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
IndexKey = tuple[str, tuple[str, ...], bool]
"""What an index is, whatever it is called: its method, its columns, whether it is of some rows only."""
_PRECISION = re.compile(r"\([^)]*\)")


@dataclass(frozen=True)
class Shape:
    """The statements of one view. `types` are without precision: a cast would cut or round where an insert refuses."""

    table: Table

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.table.columns)

    @cached_property
    def types(self) -> tuple[str, ...]:
        return tuple(_PRECISION.sub("", c.type.compile(_DIALECT)).lower() for c in self.table.columns)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The primary key columns, which come first. Raises TypeError where they do not."""
        keys = tuple(c.name for c in self.table.primary_key.columns)
        if self.columns[: len(keys)] != keys:
            raise TypeError(f"{self.table.name}: the columns of the primary key come first, in its order")
        return keys

    @cached_property
    def _documents(self) -> tuple[int, ...]:
        return tuple(i for i, t in enumerate(self.types) if t in ("jsonb", "json"))

    def stored(self, rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
        """`rows` as asyncpg takes them: documents as text."""
        if not self._documents:
            return list(rows)
        return [self._texts(r) for r in rows]

    def read(self, record: Sequence[Any]) -> Row:
        """A record as folds see it: documents as Python values."""
        row = tuple(record)
        for i in self._documents:
            row = (*row[:i], None if row[i] is None else orjson.loads(row[i]), *row[i + 1 :])
        return row

    def arrays(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """`rows` turned into one list a column; a list for each column also where there is no row."""
        return [list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in self.columns]

    def create(self, physical: str, fillfactor: int) -> str:
        """The table without its keys and indexes."""
        columns = ", ".join(
            f"{_quoted(c.name)} {c.type.compile(_DIALECT)}{'' if c.nullable and not c.primary_key else ' not null'}"
            for c in self.table.columns
        )
        return f"create table {_quoted(physical)} ({columns}) with (fillfactor = {fillfactor})"

    def complete(self, physical: str) -> list[str]:
        """Primary key and indexes of the table, for after it was filled."""
        found = [f"alter table {_quoted(physical)} add primary key ({self._list(self.keys)})"] if self.keys else []
        return [*found, *self.indexes(physical).values()]

    def indexes(self, physical: str) -> dict[IndexKey, str]:
        """What each index of the table is, and the statement that makes it."""
        return dict(_indexes(self.table, physical))

    def show(self, physical: str) -> str:
        """The SQL view of the plain name."""
        return f"view {_quoted(self.table.name)} as select {self._list(self.columns)} from {_quoted(physical)}"  # noqa: S608

    def insert(self, physical: str) -> str:
        target = f"{_quoted(physical)} as t ({self._list(self.columns)})"
        return f"insert into {target} select * from {self._unnest(self.columns)}"  # noqa: S608

    def add(self, physical: str) -> str:
        """Rows whose values are added to those found under their keys."""
        sums = ", ".join(f"{c} = t.{c} + excluded.{c}" for c in map(_quoted, self.columns[len(self.keys) :]))
        return f"{self.insert(physical)} on conflict ({self._list(self.keys)}) do update set {sums}"

    def replace(self, physical: str) -> str:
        """Rows that take the place of those found under their keys."""
        news = ", ".join(f"{c} = excluded.{c}" for c in map(_quoted, self.columns[len(self.keys) :]))
        action = f"update set {news}" if news else "nothing"
        return f"{self.insert(physical)} on conflict ({self._list(self.keys)}) do {action}"

    def select(self, physical: str) -> str:
        """The rows of given keys."""
        columns = ", ".join(f"t.{_quoted(c)}" for c in self.columns)
        return f"select {columns} from {_quoted(physical)} t join {self._given()} using ({self._list(self.keys)})"  # noqa: S608

    def delete(self, physical: str) -> str:
        """Removes the rows of given keys."""
        same = " and ".join(f"t.{c} = k.{c}" for c in map(_quoted, self.keys))
        return f"delete from {_quoted(physical)} t using {self._given()} where {same}"  # noqa: S608

    def _given(self) -> str:
        return f"{self._unnest(self.keys)} k({self._list(self.keys)})"

    def _unnest(self, columns: Sequence[str]) -> str:
        return f"unnest({', '.join(f'${i + 1}::{self.types[i]}[]' for i in range(len(columns)))})"

    def _list(self, columns: Sequence[str]) -> str:
        return ", ".join(map(_quoted, columns))

    def _texts(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for i in self._documents:
            values[i] = None if values[i] is None else orjson.dumps(values[i], default=str).decode()
        return values


@lru_cache(1024)
def _indexes(table: Table, physical: str) -> Sequence[tuple[IndexKey, str]]:
    suffix, found = physical.removeprefix(table.name), list[tuple[IndexKey, str]]()
    copy = table.to_metadata(MetaData(), name=physical)
    for index in copy.indexes:
        key = (
            str(index.dialect_kwargs.get("postgresql_using") or "btree"),
            tuple(column.name for column in index.columns),
            index.dialect_kwargs.get("postgresql_where") is not None,
        )
        index.name = quoted_name(f"{table.name[:32]}_{str(index.name)[:16]}{suffix}", quote=None)
        found.append((key, str(CreateIndex(index).compile(dialect=_DIALECT))))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

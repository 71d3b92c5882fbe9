"""Folds events in memory and writes what came of them set by set: a class a kind of view, for live and rebuild."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from operator import add
from typing import Any, Protocol

import asyncpg

from engine.projection import Key, Ledger, Row, Rows, Totals, View
from engine.shape import Shape
from events.envelope import Envelope

Session = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
COPY_FROM = 50
"""From so many rows on COPY is faster than one insert."""
_LOCKS = 64


class Folder(Protocol):
    """Collects what a view makes of events until it is written."""

    async def load(self, session: Session, physical: str, events: Iterable[Envelope[Any]], *, shared: bool) -> None:
        """Read the rows `events` concern. `shared`: other members write the table, too; keep them off these rows."""
        ...

    def add(self, event: Envelope[Any]) -> None:
        """Fold one event, wholly or, when the fold raises, not at all."""
        ...

    def size(self) -> int:
        """Rows held in memory."""
        ...

    async def write(self, session: Session, physical: str, *, empty: bool) -> None:
        """Write what was folded and forget it. `empty`: the table holds no row yet (and has no key yet)."""
        ...


def folder(view: View) -> Folder:
    """The one for this kind of view."""
    match view:
        case Ledger():
            return LedgerFolder(view)
        case Totals():
            return TotalsFolder(view)
        case Rows():
            return RowsFolder(view)
        case _:
            raise TypeError(f"{view.name}: a view is a Ledger, Totals or Rows")


class LedgerFolder:
    """Rows that are only added."""

    def __init__(self, view: Ledger) -> None:
        self._fold, self._shape = view.fold, Shape(view.table)
        self._rows: list[Row] = []

    async def load(self, session: Session, physical: str, events: Iterable[Envelope[Any]], *, shared: bool) -> None:
        return None

    def add(self, event: Envelope[Any]) -> None:
        self._rows += list(self._fold(event))

    def size(self) -> int:
        return len(self._rows)

    async def write(self, session: Session, physical: str, *, empty: bool) -> None:
        rows, self._rows = self._shape.stored(self._rows), []
        if len(rows) >= COPY_FROM:
            await _copy(session, physical, self._shape, rows)
        elif rows:
            await session.execute(self._shape.insert(physical), *self._shape.arrays(rows))


class TotalsFolder:
    """Sums by key."""

    def __init__(self, view: Totals) -> None:
        self._fold, self._shape = view.fold, Shape(view.table)
        self._sums: dict[Key, Sequence[Any]] = {}

    async def load(self, session: Session, physical: str, events: Iterable[Envelope[Any]], *, shared: bool) -> None:
        return None

    def add(self, event: Envelope[Any]) -> None:
        staged: dict[Key, Sequence[Any]] = {}
        sums = self._sums
        for key, amounts in self._fold(event):
            before = staged[key] if key in staged else sums.get(key)
            if before is None:
                staged[key] = amounts
            elif len(before) != len(amounts):
                raise TypeError(f"{len(amounts)} amounts to add, {len(before)} before")
            else:
                staged[key] = [*map(add, before, amounts)]
        sums.update(staged)

    def size(self) -> int:
        return len(self._sums)

    async def write(self, session: Session, physical: str, *, empty: bool) -> None:
        sums, self._sums = self._sums, {}
        rows = self._shape.stored([(*key, *sums[key]) for key in sorted(sums)])
        if empty:
            await _copy(session, physical, self._shape, rows)
        elif rows:
            await session.execute(self._shape.add(physical), *self._shape.arrays(rows))


class RowsFolder:
    """One row a key; `_rows` holds those read or folded, `_found` the keys read, `_changed` those to be written."""

    def __init__(self, view: Rows) -> None:
        self._view, self._shape = view, Shape(view.table)
        self._rows: dict[Key, Row | None] = {}
        self._found: set[Key] = set()
        self._changed: set[Key] = set()

    async def load(self, session: Session, physical: str, events: Iterable[Envelope[Any]], *, shared: bool) -> None:
        self._rows, self._changed = {}, set()
        keys = sorted(_keys(self._view, events))
        if shared:
            await session.execute(
                "select pg_advisory_xact_lock(hashtext($1), l) from unnest($2::int[]) l", physical, buckets(keys)
            )
        count = len(self._shape.keys)
        columns = [list(c) for c in zip(*keys, strict=True)] if keys else [[] for _ in range(count)]
        for record in await session.fetch(self._shape.select(physical), *columns) if keys else ():
            row = self._shape.read(tuple(record))
            self._rows[row[:count]] = row
        self._found = set(self._rows)

    def add(self, event: Envelope[Any]) -> None:
        staged: dict[Key, Row | None] = {}
        for key in self._view.keys(event):
            before = staged[key] if key in staged else self._rows.get(key)
            staged[key] = self._view.fold(key, before, event)
        self._rows.update(staged)
        self._changed.update(staged)

    def size(self) -> int:
        return len(self._rows)

    async def write(self, session: Session, physical: str, *, empty: bool) -> None:
        rows, found, changed = self._rows, self._found, sorted(self._changed)
        self._rows, self._found, self._changed = {}, set(), set()
        kept = [key for key in changed if rows[key] is not None]
        gone = [key for key in changed if rows[key] is None and key in found]
        new = kept if empty else [key for key in kept if key not in found]
        if gone:
            await session.execute(self._shape.delete(physical), *[list(c) for c in zip(*gone, strict=True)])
        if empty or len(new) >= COPY_FROM:
            await _copy(session, physical, self._shape, self._stored(rows, new))
            kept = [key for key in kept if key in found and not empty]
        if kept:
            await session.execute(self._shape.replace(physical), *self._shape.arrays(self._stored(rows, kept)))

    def _stored(self, rows: Mapping[Key, Row | None], keys: Iterable[Key]) -> Sequence[Sequence[Any]]:
        return self._shape.stored([row for key in keys if (row := rows[key]) is not None])


def buckets(keys: Iterable[Key]) -> list[int]:
    """The locks of `keys`, in order: few, so that a large batch does not fill the server's lock table."""
    return sorted({zlib.crc32(repr(k).encode()) % _LOCKS for k in keys})


def _keys(view: Rows, events: Iterable[Envelope[Any]]) -> set[Key]:
    found: set[Key] = set()
    for event in events:
        try:
            found.update(view.keys(event))
        except Exception:  # noqa: S112 - `add` raises it again, where it is parked
            continue
    return found


async def _copy(session: Session, physical: str, shape: Shape, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        await session.copy_records_to_table(physical, records=rows, columns=list(shape.columns))


async def touch(session: Session, events: Iterable[Envelope[Any]]) -> None:
    """Mark the customers of `events` for the evaluator; the empty name stands for the company as a whole.

    A customer of whom nothing but the initial load has spoken is marked as loading: it is judged once that is over.
    """
    loading: dict[str, bool] = {}
    for event in events:
        name = event.customer or ""
        loading[name] = loading.get(name, True) and event.origin == "initial_load"
    names = sorted(loading)
    await session.execute(
        "insert into touched (customer, mark, loading) select c, nextval('touched_mark'), l "
        "from unnest($1::text[], $2::boolean[]) n(c, l) on conflict (customer) do update "
        "set mark = excluded.mark, loading = touched.loading and excluded.loading, touched_at = clock_timestamp()",
        names,
        [loading[name] for name in names],
    )

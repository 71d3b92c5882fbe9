"""A columnar copy of the fact tables in an embedded DuckDB, for scans over all customers: same SQL, same answers.

It is disposable: a file that goes with the process. It tails the tables by position and is brought up to them before
every question, so that an answer knows what the tables knew when it was asked.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.database import Database
from engine.folding import Session
from engine.ports import Bus
from engine.projection import View
from engine.standing import reach
from engine.views import group_of

MEMORY = "256MB"
FOLDER = "kehu-mirror-"
_DIALECT = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]
_STAND = """
select array(select (grp, topic, part, last_pos, epoch)::text from consumers where grp = any($1::text[]) order by 1)
    || array(select id::text from dead_letters where grp = any($1::text[]) and discarded_at is null order by id)"""
_TABLES = "select name, table_name from views where name = any($1::text[])"
_WAITING = "select distinct customer from dead_letters where grp = any($1::text[]) and discarded_at is null"
_DECIMAL = "decimal(38, 10)"
"""An order's value has 10 decimal places at most: 4 of the quantity, 6 of the price. Sums stay exact."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table in `file`, as CSV; `instead` says which of the copy's they replace, None: all."""

    table: sa.Table
    file: Path
    instead: str | None = None

    @classmethod
    async def fetched(cls, session: Session, table: sa.Table, folder: Path, instead: str | None = None) -> "Part":
        """The rows of `table`, or those that meet `instead`, in a new file in `folder`."""
        part = cls(table, folder / f"{table.name}.csv", instead)
        columns = ", ".join(f'"{c.name}"' for c in table.columns)
        query = f'select {columns} from "{table.name}" where {instead or "true"}'  # noqa: S608 - names and positions
        await session.copy_from_query(query, output=part.file, format="csv", null="\\N")
        return part


class Columns:
    """The copy itself: tables of columns in a file of its own, in a folder only we may read."""

    def __init__(self, memory: str = MEMORY) -> None:
        _sweep()
        self._folder = tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-")
        settings: dict[str, Any] = {"memory_limit": memory, "temp_directory": self._folder.name}
        self._duck = duckdb.connect(str(Path(self._folder.name) / "facts.duckdb"), config=settings)

    def keep(self, parts: Sequence[Part]) -> None:
        """All parts or none."""
        with self._duck.cursor() as session:
            session.begin()
            for part in parts:
                _keep(session, part)
            session.commit()

    async def rows(self, query: sa.Select[Any]) -> Sequence[Mapping[str, Any]]:
        """The rows of `query`, by column name. Raises duckdb.Error where it is no query of this copy."""
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        return await asyncio.to_thread(_answer, self._duck.cursor(), str(compiled), values)

    def close(self) -> None:
        """Away with it."""
        self._duck.close()
        self._folder.cleanup()


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a copy is: the table each view had, positions by topic up to which all is in it, customers parked."""

    stand: Sequence[str] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    through: Mapping[str, int] = field(default_factory=dict)
    parked: Sequence[str] = ()

    def beyond(self, view: View) -> str:
        """Which rows of `view` the copy may lack: above those positions, and of those customers."""
        above = [f"(topic = {_text(topic)} and position > {self.through.get(topic, 0)})" for topic in view.topics]
        again = [f"customer in ({', '.join(map(_text, self.parked))})"] if self.parked else []
        return " or ".join([*above, *again])


class Mirror:
    """A copy of the facts of `views` of the service behind `database`; made with the first question."""

    def __init__(self, database: Database, bus: Bus, views: Sequence[View], memory: str = MEMORY) -> None:
        self._database, self._bus, self._views, self._memory = database, bus, views, memory
        self._groups = [group_of(view) for view in views]
        self._columns: Columns | None = None
        self._seen, self._turn = _Seen(), asyncio.Lock()
        self.copied = 0
        """How often rows were brought over."""

    async def rows(self, query: sa.Select[Any]) -> Sequence[Mapping[str, Any]]:
        """The rows of `query` over the facts, by column name, as they are now."""
        return await (await self.fresh()).rows(query)

    async def fresh(self) -> Columns:
        """The copy, as new as the tables are now."""
        async with self._turn:
            if self._columns is None:
                self._columns = await asyncio.to_thread(Columns, self._memory)
            stand = await self._database.pool.fetchval(_STAND, self._groups)
            if stand != self._seen.stand:
                await self._follow(self._columns, stand)
            return self._columns

    async def close(self) -> None:
        """Away with the copy; the next question makes another."""
        async with self._turn:
            if self._columns is not None:
                self._columns.close()
            self._columns, self._seen = None, _Seen()

    async def _follow(self, columns: Columns, stand: Sequence[str]) -> None:
        """Bring over what is new: what lies above the positions that were complete, and customers that were parked.

        `through` is asked for first: what the snapshot shows afterwards reaches at least there.
        """
        through = (await reach(self._database.pool, self._bus, self._views)).through
        with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-") as folder:
            async with self._database.pool.acquire() as session, session.transaction(isolation="repeatable_read"):
                names = [view.name for view in self._views]
                tables = {r["name"]: r["table_name"] for r in await session.fetch(_TABLES, names)}
                parked = [r["customer"] for r in await session.fetch(_WAITING, self._groups)]
                parts = [await self._fetched(session, view, tables, Path(folder)) for view in self._views]
            await asyncio.to_thread(columns.keep, parts)
        self._seen, self.copied = _Seen(stand, tables, through, parked), self.copied + 1

    async def _fetched(self, session: Session, view: View, tables: Mapping[str, str], folder: Path) -> Part:
        """What the copy lacks of `view`; all of it where its table is another one."""
        known = self._seen.tables.get(view.name) == tables[view.name]
        return await Part.fetched(session, view.table, folder, self._seen.beyond(view) if known else None)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _sweep() -> None:
    """Away with copies of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        process = folder.name.removeprefix(FOLDER).partition("-")[0]
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OSError):
            continue


def _keep(session: duckdb.DuckDBPyConnection, part: Part) -> None:
    name, columns = part.table.name, {c.name: _kind(c.type) for c in part.table.columns}
    if part.instead is None:
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        session.execute(f'create or replace table "{name}" ({listed})')
    elif not part.file.stat().st_size:
        return  # facts are never taken away: where none came in, none is replaced
    else:
        session.execute(f'delete from "{name}" where {part.instead}')  # noqa: S608
    rows = "read_csv(?, header = false, nullstr = '\\N', columns = ?, auto_detect = false)"
    session.execute(f'insert into "{name}" select * from {rows}', [str(part.file), columns])  # noqa: S608


def _kind(of: sa.types.TypeEngine[Any]) -> str:
    kind = of.compile(_DIALECT).lower()
    return {"numeric": _DECIMAL, "timestamp with time zone": "timestamptz"}.get(kind, kind)


def _answer(session: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    with session:
        found = session.execute(query, values)
        columns = [(name, _reading(str(kind))) for name, kind, *_ in found.description or ()]
        return [
            {name: read(value) if read else value for (name, read), value in zip(columns, row, strict=True)}
            for row in found.fetchall()
        ]


def _reading(kind: str) -> Callable[[Any], Any] | None:
    """How values of a type are made what the tables give; None: they are it already."""
    if kind.startswith("DECIMAL"):
        return _amount
    return _instant if kind.startswith("TIMESTAMP") else None


def _amount(value: Decimal | None) -> Decimal | None:
    """Without the zeros a fixed scale adds."""
    if value is None:
        return None
    whole = value.to_integral_value()
    return whole if whole == value else value.normalize()


def _instant(value: datetime | None) -> datetime | None:
    return value and value.astimezone(UTC)

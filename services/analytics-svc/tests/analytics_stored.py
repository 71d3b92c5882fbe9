"""The designed history in a database, measured at two dates in business and two times of knowing."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from analytics_history import EARLY, LATE, MARCH, MAY, designed, fill
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from analytics_svc.domain.ageing import Disputed
from analytics_svc.domain.ageing import columns as columns_of
from analytics_svc.domain.figures import UNALLOCATED, Basis, Edges, Point, Window
from analytics_svc.domain.measures import Scope
from analytics_svc.projections.mirror import Columns, Part
from analytics_svc.projections.stored import FACTS, PostgresRows, StoredMeasures
from engine.testing.plugin import MakeDatabase, TestServer

POINTS = tuple(product((MARCH, MAY), (EARLY, LATE)))
LOG = designed()
BASES: tuple[Basis, ...] = ("due", "document")
DISPUTED: tuple[Disputed, ...] = ("included", "excluded", "only")


@pytest.fixture
async def read(make_database: MakeDatabase) -> AsyncIterator[AsyncConnection]:
    async def prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await fill(connection, FACTS, LOG.facts)

    url = await make_database(prepare, "analytics-history")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture(scope="session")
def columns() -> Iterator[Columns]:
    """One copy for all tests: the history never changes."""
    found = Columns()
    yield found
    found.close()


@pytest.fixture(params=["postgresql", "mirror"])
async def measures(
    request: pytest.FixtureRequest, read: AsyncConnection, columns: Columns, tmp_path: Path
) -> StoredMeasures:
    """Measured by the database, and by the columnar mirror of its tables."""
    if request.param == "postgresql":
        return StoredMeasures(PostgresRows(read))
    source = (await read.get_raw_connection()).driver_connection
    assert source is not None
    columns.keep([await Part.fetched(source, view.table, tmp_path) for view in FACTS])
    return StoredMeasures(columns)


def scope(as_of: date, known_at: datetime, window: Window | None = None) -> Scope:
    return Scope(Point(as_of, known_at), currency="CNY", window=window)


def by_number(row: dict[str, Any], edges: Edges) -> dict[int | None, Decimal]:
    """The buckets of a row that hold something, by their number."""
    numbers: dict[str, int | None] = {name: n for n, name in enumerate(edges.names)} | {UNALLOCATED: None}
    return {numbers[name]: row[column] for name, column in columns_of(edges).items() if row[column]}


def four_answers(answers: Sequence[object]) -> None:
    """Each of the four points has an answer of its own."""
    assert len(set(map(str, answers))) == 4, answers


@pytest.fixture(scope="module")
def empty(postgres_server: TestServer) -> Iterator[str]:
    """The URL of a database with empty ledgers, for tests that undo what they write."""

    async def made() -> str:
        name = await postgres_server.create()
        connection = await asyncpg.connect(postgres_server.postgres.url(name))
        await fill(connection, FACTS, [])
        await connection.close()
        return name

    name = asyncio.run(made())
    yield postgres_server.postgres.url(name)
    asyncio.run(postgres_server.drop(name))


def once(url: str) -> AsyncEngine:
    """An engine for one event loop."""
    return create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool)

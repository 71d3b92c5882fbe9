"""The designed history in a database, measured at two dates in business and two times of knowing."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from itertools import product

import asyncpg
import pytest
from analytics_history import EARLY, LATE, MARCH, MAY, designed, fill
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from analytics_svc.domain.figures import Point, Window
from analytics_svc.domain.measures import Scope
from analytics_svc.projections import assets, complaints, customers, exposures, profiles, receivables, sales, terms
from analytics_svc.projections.stored import PostgresRows, StoredMeasures
from engine.testing.plugin import MakeDatabase

VIEWS = (
    assets.VIEW,
    complaints.VIEW,
    customers.VIEW,
    exposures.VIEW,
    profiles.VIEW,
    receivables.VIEW,
    sales.VIEW,
    terms.VIEW,
)
POINTS = tuple(product((MARCH, MAY), (EARLY, LATE)))
LOG = designed()


@pytest.fixture
async def read(make_database: MakeDatabase) -> AsyncIterator[AsyncConnection]:
    async def prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await fill(connection, VIEWS, LOG.facts)

    url = await make_database(prepare, "analytics-history")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
def measures(read: AsyncConnection) -> StoredMeasures:
    return StoredMeasures(PostgresRows(read))


def scope(as_of: date, known_at: datetime, window: Window | None = None) -> Scope:
    return Scope(Point(as_of, known_at), currency="CNY", window=window)


def four_answers(answers: Sequence[object]) -> None:
    """Each of the four points has an answer of its own."""
    assert len(set(map(str, answers))) == 4, answers

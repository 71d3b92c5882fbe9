"""A migrated database of one service, and the store on it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from engine.database import Database, migrate
from engine.keys import PersonalKeys
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.plugin import MakeDatabase, TestServer

KEK = bytes(range(32))


@pytest.fixture
async def migrated(make_database: MakeDatabase, postgres_server: TestServer) -> str:
    """The URL of a migrated database; migrations run once a session, the others are copies."""

    async def prepare(connection: asyncpg.Connection) -> None:
        await migrate(postgres_server.postgres.url(await connection.fetchval("select current_database()")))

    return await make_database(prepare, "migrated")


@pytest.fixture
async def service(migrated: str) -> AsyncIterator[Database]:
    """A migrated database, open."""
    database = await Database.open(migrated)
    yield database
    await database.close()


@pytest.fixture
async def store(service: Database) -> AsyncIterator[PostgresStore]:
    """An empty store that can seal personal data."""
    opened = PostgresStore(service, Serde(PersonalKeys(service.pool, KEK)), "kehu")
    yield opened
    await opened.close()

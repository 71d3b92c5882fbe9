"""One service's database: the pools into it, how it is created and brought to the current shape."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from engine.roles import READER, WRITER, Role, establish, taken_on

Connection = AsyncConnection
"""A session over the views of a service, as routes and loaders of facts get it."""
SETTINGS = {"application_name": "kehu", "jit": "off", "idle_in_transaction_session_timeout": "60s"}
"""Of every session. Without jit: it costs more than it gives on short statements."""
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATING = 5_348_001
"""Held from the first change of shape until the roles have their rights."""
_ALEMBIC = Lock()
"""Alembic keeps its context in module globals: one migration at a time in a process, whatever its event loops."""


@dataclass(frozen=True, slots=True)
class Database:
    """One service's database.

    `pool` is for the hot paths (asyncpg; jsonb comes and goes as text), `engine` for queries of views (SQLAlchemy
    Core), `reader` for the log as others may see it. `settings` are those of a session of `pool`, its role included.
    `rebuilds`: so many views are built anew at once; each keeps a session and needs others, and after a restore there
    are more of them than sessions.
    """

    url: str
    pool: asyncpg.Pool
    engine: AsyncEngine
    reader: asyncpg.Pool
    settings: Mapping[str, str]
    rebuilds: asyncio.Semaphore

    @classmethod
    async def open(cls, url: str, size: int = 6, role: Role = WRITER, *, strict: bool = False) -> "Database":
        """Connect to `url` (``postgresql://...``), at most `size` sessions a pool, which take on `role`.

        Raises OSError, PostgresError; NoRole where `strict` and the role cannot be taken on.
        """
        settings = {**SETTINGS, **await taken_on(url, role, strict=strict)}
        reading = {**settings, "role": READER} if "role" in settings else settings
        pool = await asyncpg.create_pool(url, min_size=1, max_size=size, server_settings=settings, reset=_as_it_is)
        reader = pool
        if reading != settings:
            reader = await asyncpg.create_pool(url, min_size=0, max_size=size, server_settings=reading, reset=_as_it_is)
        return cls(url, pool, _engine(url, size, settings), reader, settings, asyncio.Semaphore(max(1, size // 3)))

    async def close(self) -> None:
        """Give back all sessions; those still at work after 5 seconds are cut."""
        await self.engine.dispose()
        for pool in {self.pool, self.reader}:
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


async def _as_it_is(_: asyncpg.Connection) -> None:
    """Leave a session as it was given back, its transaction ended: resetting it would cost every query a round trip.

    Who sets or locks anything for a whole session resets it (`engine.rebuild`).
    """


class NewerSchema(Exception):
    """A newer Kehu has changed this database's shape; the sentence says which there is and which we know."""


async def migrate(url: str, to: str = "head") -> None:
    """Bring the database to the current shape; of several processes that call it one migrates, the others wait.

    Runs as the login of `url`, who owns what it makes; gives the roles the services work under their rights. `to` is an
    older shape for tests of what an older Kehu left. Raises NewerSchema.
    """
    while not _ALEMBIC.acquire(blocking=False):  # noqa: ASYNC110 - event loops share it
        await asyncio.sleep(0.01)
    engine = create_async_engine(_sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as alone:
            await alone.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})
            async with engine.begin() as connection:
                await connection.run_sync(_upgrade, to)
            await establish(url)
    finally:
        _ALEMBIC.release()
        await engine.dispose()


async def create_database(server_url: str, name: str) -> str:
    """The URL of database `name` on the server; creates it where it does not exist."""
    connection = await asyncpg.connect(server_url)
    try:
        if not await connection.fetchval("select true from pg_database where datname = $1", name):
            await _create(connection, name)
    finally:
        await connection.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def _create(connection: asyncpg.Connection, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        await connection.execute(f"create database {quoted} template template0 encoding 'UTF8'")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return


@cache
def newest_schema() -> str:
    """The newest shape of a database this software knows: the last migration's number."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def knows_schema(revision: str) -> bool:
    """Whether this software knows that shape, or can bring it up to date."""
    return revision in {r.revision for r in ScriptDirectory.from_config(_config()).walk_revisions()}


def _upgrade(connection: SyncConnection, to: str) -> None:
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and not knows_schema(present):
        raise NewerSchema(
            f"{connection.engine.url.database} has the schema {present}, this Kehu knows up to {newest_schema()}: "
            "a newer Kehu has worked on it; run that one, or a later one"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _engine(url: str, size: int, settings: Mapping[str, str]) -> AsyncEngine:
    return create_async_engine(
        _sqlalchemy_url(url), pool_size=size, max_overflow=0, connect_args={"server_settings": settings}
    )


def _sqlalchemy_url(url: str) -> str:
    return "postgresql+asyncpg://" + url.partition("://")[2]

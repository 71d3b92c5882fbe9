"""A pytest plugin: one PostgreSQL a session (one a worker under xdist), and databases made from templates in it.

KEHU_TEST_DATABASE_URL names a server to use instead of starting one; its user must be allowed to create databases.
KEHU_TEST_TEMPLATES (a word) lets processes on it share the templates that hold tables and no rows (`EMPTY`); their
names begin with the word, and they stay until somebody calls `forget` with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from engine.embedded import External, Postgres, start

ROOT = "postgres"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
QUICK |= {"file_copy_method": "clone", "max_wal_size": "256MB"}
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108 - a folder with a name of its own is made in it
"""A file system in memory, where there is one: a database of 300 files is made in 20 ms instead of 200."""

EMPTY = ("migrated", "first start of ")
"""How the keys of templates begin that hold tables and no rows: what makes them is no more than their definitions."""

Prepare = Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]]


class MakeDatabase(Protocol):
    """An empty database, or a copy of one that `prepare` filled: once per session and `key` (what it makes)."""

    async def __call__(self, prepare: Prepare | None = None, key: str = "default") -> str: ...


@dataclass
class TestServer:
    """A server and the databases this session made on it."""

    __test__ = False
    postgres: Postgres
    prefix: str
    templates: dict[str, str] = field(default_factory=dict)
    count: int = 0
    shared: str = ""

    async def admin(self, sql: str) -> None:
        connection = await asyncpg.connect(self.postgres.url(ROOT))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    def name(self) -> str:
        self.count += 1
        return f"{self.prefix}_{self.count}"

    async def create(self, template: str = "template0") -> str:
        name = self.name()
        await self.admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    async def drop(self, name: str) -> None:
        await self.admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def template(self, prepare: Prepare, key: str) -> str:
        if self.shared and key.startswith(EMPTY):
            return await self._shared(prepare, f"{self.shared} {key}")
        if key not in self.templates:
            self.templates[key] = await self._filled(prepare)
        return self.templates[key]

    async def _filled(self, prepare: Prepare) -> str:
        name = await self.create()
        connection = await asyncpg.connect(self.postgres.url(name))
        try:
            await prepare(connection)
        finally:
            await connection.close()
        return name

    async def _shared(self, prepare: Prepare, name: str) -> str:
        """The template of this name, made by whoever comes first."""
        connection = await asyncpg.connect(self.postgres.url(ROOT))
        try:
            await connection.execute("select pg_advisory_lock(hashtext($1))", name)
            if not await connection.fetchval("select true from pg_database where datname = $1", name):
                await connection.execute(f'alter database "{await self._filled(prepare)}" rename to "{name}"')
        finally:
            await connection.close()
        return name

    async def forget(self, word: str) -> None:
        """Drop the templates that were shared under this word."""
        connection = await asyncpg.connect(self.postgres.url(ROOT))
        try:
            named = await connection.fetch("select datname from pg_database where starts_with(datname, $1)", f"{word} ")
        finally:
            await connection.close()
        for (name,) in named:
            await self.drop(name)

    async def close(self) -> None:
        for name in self.templates.values():
            await self.drop(name)
        await self.postgres.stop()


def quickest() -> Path | None:
    """Where a server that may be lost puts its files; None for the usual place."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    return MEMORY if usable and shutil.disk_usage(MEMORY).free > ROOM else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestServer]:
    prefix = f"test_{os.getpid()}"
    if given := os.environ.get("KEHU_TEST_DATABASE_URL"):
        server = TestServer(External(given), prefix, shared=os.environ.get("KEHU_TEST_TEMPLATES", ""))
        yield server
        asyncio.run(server.close())
        return
    # Not in pytest's folder: its parents are closed to the user the server runs as when we are root.
    folder = Path(tempfile.mkdtemp(prefix="kehu-test-", dir=quickest()))
    folder.chmod(0o755)
    try:
        server = TestServer(asyncio.run(start(folder / "data", settings=QUICK)), prefix)
        yield server
        asyncio.run(server.postgres.stop())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def make_database(postgres_server: TestServer) -> AsyncIterator[MakeDatabase]:
    made: list[str] = []

    async def make(prepare: Prepare | None = None, key: str = "default") -> str:
        if prepare is None:
            name = await postgres_server.create()
        else:
            name = await postgres_server.create(await postgres_server.template(prepare, key))
        made.append(name)
        return postgres_server.postgres.url(name)

    yield make
    for name in made:
        await postgres_server.drop(name)


@pytest.fixture
async def database(make_database: MakeDatabase) -> str:
    """The URL of an empty database."""
    return await make_database()

"""Where it is measured: an embedded PostgreSQL that really writes to disk, and databases in it."""

import os
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from engine.database import Database, create_database, migrate
from engine.embedded import Server, start

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
SHOWN = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")


@dataclass
class Ground:
    """The server, and the databases made in it so far."""

    server: Server
    _opened: dict[str, Database] = field(default_factory=dict)

    async def database(self, name: str) -> Database:
        """A migrated database of ours, open; the same one for the same name."""
        if name not in self._opened:
            url = await create_database(self.server.url("postgres"), name)
            await migrate(url)
            self._opened[name] = await Database.open(url)
        return self._opened[name]

    async def url(self, name: str) -> str:
        """The URL of a plain database, empty."""
        return await create_database(self.server.url("postgres"), name)

    async def peer(self, name: str) -> dict[str, str]:
        """A plain database, as `eventsourcing` takes its place in the environment."""
        await create_database(self.server.url("postgres"), name)
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": name,
            "POSTGRES_HOST": str(self.server.sockets),
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": "none",
        }

    async def settings(self) -> dict[str, str]:
        connection = await asyncpg.connect(self.server.url("postgres"))
        try:
            return {name: await connection.fetchval(f"show {name}") for name in SHOWN}
        finally:
            await connection.close()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """A server of its own in a folder of its own, gone afterwards."""
    folder = _folder()
    try:
        async with await start(folder / "data", settings=DURABLE) as server:
            found = Ground(server)
            try:
                yield found
            finally:
                for database in found._opened.values():
                    await database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    """Open to the user the server runs as when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-bench-"))
    folder.chmod(0o755)
    return folder


def machine() -> str:
    """Cores, memory, Python; no names."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {memory:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"

"""What every play stands on: processes that are quick to begin, and a database server of its own."""

import asyncio
from collections.abc import Iterator

import pytest

from engine.testing.forked import Fork, forking
from engine.testing.plugin import quickest
from tests.faults.stage import PostgreSQL


@pytest.fixture(scope="module")
def fork() -> Iterator[Fork]:
    with forking("-m", "tests.faults.roles") as fork:
        yield fork


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    server = asyncio.run(PostgreSQL.start(quickest()))
    yield server
    asyncio.run(server.end())

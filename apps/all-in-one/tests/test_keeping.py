"""The servers beside us are started again when they die, where they were."""

import re
import signal
from pathlib import Path

import asyncpg
import pytest

from all_in_one.home import Home
from all_in_one.keeping import kept_up
from engine.testing.running import eventually


@pytest.mark.slow
async def test_a_database_that_is_killed_is_started_again_where_it_was_and_that_is_said(tmp_path: Path) -> None:
    """It stayed dead, and everything with it, until somebody stopped and started Kehu."""
    home = Home(tmp_path / "mine")
    server, said = await home.start_database(), list[str]()
    try:
        url = server.url("postgres")
        await write(url)
        async with kept_up([server], said.append):
            server.process.send_signal(signal.SIGQUIT)  # pg_ctl stop -m immediate
            assert server.process.wait(30) is not None
            await eventually(lambda: read(url))
        assert len(said) == 1
        assert re.search(r"PostgreSQL died \(exit code 0\) after \d+ s; it is started again in 0.5 s: ", said[0])
        assert str(server.log) in said[0]
    finally:
        await server.stop()
        home.remove()


async def write(url: str) -> None:
    """Something that is acknowledged."""
    connection = await asyncpg.connect(url)
    await connection.execute("create table kept as select 7 as n")
    await connection.close()


async def read(url: str) -> bool:
    """Whether it is there."""
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError):
        return False
    found = await connection.fetchval("select n from kept")
    await connection.close()
    return bool(found == 7)

"""The embedded PostgreSQL: starts anywhere, keeps what it was given, ends with us, and says why when it cannot."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from engine.embedded import CannotStart, External, Server, found, start
from engine.embedded_home import relocate
from engine.testing.plugin import QUICK, MakeDatabase

pytestmark = pytest.mark.database


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="kehu-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


async def ask(server: Server, sql: str) -> object:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_second_start_keeps_the_data(folder: Path) -> None:
    async with await start(folder / "data", settings=QUICK) as server:
        await ask(server, "CREATE TABLE kept AS SELECT 42 AS n")
    assert not server.sockets.exists()
    async with await start(folder / "data", settings=QUICK) as server:
        assert await ask(server, "SELECT n FROM kept") == 42


async def test_the_server_is_durable_utc_and_the_same_everywhere(folder: Path) -> None:
    async with await start(folder / "data") as server:
        for name, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "listen_addresses": "",
            "TimeZone": "UTC",
        }.items():
            assert await ask(server, f"SHOW {name}") == value
        locale = "SELECT datlocprovider::text || datlocale || pg_encoding_to_char(encoding) FROM pg_database LIMIT 1"
        assert await ask(server, locale) == "bC.UTF-8UTF8"
        assert server.sockets.stat().st_mode & 0o077 == 0


async def test_what_was_committed_survives_a_kill(folder: Path) -> None:
    server = await start(folder / "data")
    await ask(server, "CREATE TABLE kept AS SELECT 42 AS n")
    await server.kill_immediate()
    async with await start(folder / "data") as again:
        assert await ask(again, "SELECT n FROM kept") == 42


async def test_a_folder_in_use_is_refused_with_a_sentence(folder: Path) -> None:
    async with await start(folder / "data", settings=QUICK) as server:
        with pytest.raises(CannotStart, match=rf"\(pid {server.pid}\) is already running on .*choose another folder"):
            await start(folder / "data", settings=QUICK)
        assert await ask(server, "SELECT 1") == 1


async def test_a_pid_file_left_by_somebody_else_is_no_server(folder: Path) -> None:
    async with await start(folder / "data", settings=QUICK):
        pass
    (folder / "data" / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n/x\n0\n5432\n/x\n\n\nready\n")
    async with await start(folder / "data", settings=QUICK) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_a_deep_folder_with_spaces_is_fine(folder: Path) -> None:
    deep = folder / ("a folder " * 12) / ("客户 " * 20) / "data"
    assert len(str(deep)) > 150
    async with await start(deep, settings=QUICK) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    (folder / "data" / "creating").mkdir(parents=True)
    (folder / "data" / "creating" / "PG_VERSION").write_text("18\n")
    async with await start(folder / "data", settings=QUICK) as server:
        assert await ask(server, "SELECT 1") == 1


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a server outlives a killed parent, and the next start names it"
)
async def test_the_server_ends_with_a_killed_parent_and_the_next_start_works(folder: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\nfrom engine.embedded import start\n"
        "async def main():\n s = await start(pathlib.Path(sys.argv[1]))\n"
        " print(s.pid, flush=True)\n await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, folder / "data"], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        parent.send_signal(signal.SIGKILL)
    async with await start(folder / "data") as server:
        assert server.pid != pid
        assert (folder / "data" / "sockets").read_text() == str(server.sockets)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells the server")
async def test_a_server_that_has_yet_to_hear_of_its_parents_death_is_waited_for(folder: Path) -> None:
    server = await start(folder / "data", settings=QUICK)
    os.kill(server.pid, signal.SIGSTOP)  # a busy machine: it does not come to it
    server.process.send_signal(signal.SIGINT)
    starting = asyncio.create_task(start(folder / "data", settings=QUICK))
    await asyncio.sleep(0.5)
    os.kill(server.pid, signal.SIGCONT)
    await asyncio.to_thread(server.process.wait)
    async with await starting as again:
        assert await ask(again, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_root_runs_it_as_another_user_and_moves_what_that_user_cannot_reach(folder: Path) -> None:
    folder.chmod(0o700)
    async with await start(folder / "data", settings=QUICK) as server:
        try:
            owner = (server.data / "cluster").stat().st_uid
            assert pwd.getpwuid(owner).pw_name != "root"
            assert not server.data.is_relative_to(folder)
            assert str(server.data) in (folder / "data" / "LOCATION.txt").read_text()
            assert await ask(server, "SELECT 1") == 1
        finally:
            await server.stop()
            shutil.rmtree(server.data)


def test_a_given_server_only_names_databases() -> None:
    given = External("postgresql://me:secret@db.example:5433/postgres?sslmode=require")
    assert given.url("credit") == "postgresql://me:secret@db.example:5433/credit?sslmode=require"


async def test_databases_are_copied_from_a_template_prepared_once(make_database: MakeDatabase) -> None:
    prepared = 0

    async def prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        nonlocal prepared
        prepared += 1
        await connection.execute("CREATE TABLE t AS SELECT 7 AS n")

    urls = [await make_database(prepare, "seven") for _ in range(3)]
    assert (len(set(urls)), prepared) == (3, 1)
    for url in urls:
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT n FROM t") == 7
        await connection.close()


async def test_a_test_may_ask_for_an_empty_database(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


async def test_a_server_that_runs_is_found_by_its_folder_and_none_where_none_runs(folder: Path) -> None:
    assert found(folder / "data") is None
    async with await start(folder / "data", settings=QUICK):
        running = found(folder / "data")
        assert running is not None
        connection = await asyncpg.connect(running.url("postgres"))
        await connection.close()
    assert found(folder / "data") is None


@pytest.mark.parametrize("mode", [0o755, pytest.param(0o700, id="where only root can go")])
async def test_a_folder_is_moved_with_its_data_wherever_that_lies(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    async with await start(folder / "old" / "data", settings=QUICK) as server:
        await ask(server, "CREATE TABLE kept AS SELECT 42 AS n")
    relocate(folder / "old", folder / "new", "data")
    async with await start(folder / "new" / "data", settings=QUICK) as server:
        assert await ask(server, "SELECT n FROM kept") == 42
    async with await start(folder / "old" / "data", settings=QUICK) as another:
        assert another.data != server.data
        assert await ask(another, "SELECT to_regclass('kept')") is None
    for data in {server.data, another.data}:
        shutil.rmtree(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_data_that_can_no_longer_be_reached_is_named_and_never_begun_anew_elsewhere(folder: Path) -> None:
    async with await start(folder / "data", settings=QUICK):
        pass
    folder.chmod(0o700)
    with pytest.raises(CannotStart, match=f"cannot reach {folder / 'data'}, where the data is"):
        await start(folder / "data", settings=QUICK)


async def test_data_that_is_not_where_it_was_put_is_missed_and_never_begun_anew(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "LOCATION.txt").write_text(f"The data of this folder is in {folder / 'gone'}\n")
    with pytest.raises(CannotStart, match=f"was in {folder / 'gone'} and is not there"):
        await start(folder / "data", settings=QUICK)

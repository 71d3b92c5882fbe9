"""Copies of several databases as of one moment, and back: pg_dump of snapshots between which nothing was appended.

What one service knows of another's log is a position in it. So a copy of all of them must not hold a position beyond
the copy of the log it lies in. All lanes are taken, which is a matter of milliseconds; while they are held every
database gives a snapshot; then appends go on, and what the snapshots show is copied at leisure.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

LANE = 5_348_002
"""The lock every append holds (migration 0001)."""
CHUNK = 1_000_000
_SNAPSHOT = """
select pg_export_snapshot() as snapshot, (select incarnation from store) as incarnation,
    (select version_num from alembic_version) as schema,
    coalesce((select pos from events order by pos desc limit 1), 0) as position,
    (select count(*) from personal_keys) as persons,
    array(select table_name from view_builds where state <> 'live') as passing,
    current_setting('server_version') as postgresql"""
_TYPES = "select type || '.v' || schema_ver, count(*) from events group by type, schema_ver order by 1"
_ENDS = "select coalesce((select pos from events order by pos desc limit 1), 0), (select count(*) from personal_keys)"


class CopyFailed(Exception):
    """pg_dump or pg_restore gave up; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a snapshot shows of a database: its log up to `position`, by type. `passing` tables need not be copied."""

    snapshot: str
    incarnation: UUID
    schema: str
    position: int
    persons: int
    passing: Sequence[str]
    postgresql: str
    types: Mapping[str, int]


@asynccontextmanager
async def one_moment(urls: Mapping[str, str]) -> AsyncIterator[Mapping[str, Copied]]:
    """Snapshots of these databases (by name) of one moment, to be copied from while the block lasts.

    Raises CopyFailed where an append holds its lane for longer than ten seconds.
    """
    async with AsyncExitStack() as stack:
        sessions = {name: await _session(stack, url) for name, url in urls.items()}
        async with AsyncExitStack() as held:
            for name in sorted(urls):
                lane = await _session(held, urls[name])
                await _take(lane, name)
            for session in sessions.values():
                await session.execute("begin isolation level repeatable read read only")
            rows = {name: await session.fetchrow(_SNAPSHOT) for name, session in sessions.items()}
        found: dict[str, Copied] = {}
        for name, session in sessions.items():
            types = {r[0]: r[1] for r in await session.fetch(_TYPES)}
            found[name] = Copied(**dict(rows[name] or {}), types=types)
        yield found


async def _take(lane: asyncpg.Connection, name: str) -> None:
    """Hold the lane of a log until the session ends."""
    await lane.execute("begin; set local lock_timeout = '10s'")
    try:
        await lane.execute(f"select pg_advisory_xact_lock({LANE})")
    except asyncpg.LockNotAvailableError:
        raise CopyFailed(f"an append to {name} has not ended for 10 s; try again, see `kehu doctor`") from None


async def _session(stack: AsyncExitStack, url: str) -> asyncpg.Connection:
    session = await asyncpg.connect(url, server_settings={"application_name": "kehu backup"})
    stack.push_async_callback(session.close)
    return session


async def dumped(url: str, copied: Copied, programs: Path) -> AsyncIterator[bytes]:
    """The database at `url` as `copied` shows it, in pieces of pg_dump's custom format. Raises CopyFailed."""
    options = ["--format=custom", "--compress=gzip:2", f"--snapshot={copied.snapshot}", f"--dbname={url}"]
    left_out = [f'--exclude-table="{table}"' for table in copied.passing]
    async with _program(programs / "pg_dump", *options, *left_out) as process:
        assert process.stdout is not None
        while piece := await process.stdout.read(CHUNK):
            yield piece


async def restored(url: str, pieces: Iterable[bytes], programs: Path) -> None:
    """Fill the empty database at `url` with what `dumped` gave. Raises CopyFailed."""
    async with _program(programs / "pg_restore", "--exit-on-error", f"--dbname={url}") as process:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it says itself why it ended
            for piece in pieces:
                process.stdin.write(piece)
                await process.stdin.drain()
        process.stdin.close()


@asynccontextmanager
async def _program(program: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program at work; when the block ends it has ended well. Raises CopyFailed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        program, *options, stdin=pipe, stdout=pipe, stderr=pipe, limit=2 * CHUNK, env={"LC_ALL": "C"}
    )
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    try:
        yield process
        code = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    finally:
        told = await said
    if code != 0:
        raise CopyFailed(told.decode(errors="replace").strip()[-1000:] or f"{program.name} ended with {code}")


async def ends(url: str) -> tuple[int, int]:
    """The last position of the log at `url`, and how many persons have a key there."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(_ENDS)
        assert row is not None
        return row[0], row[1]
    finally:
        await connection.close()


async def databases_of(url: str) -> set[str]:
    """The names of the databases on the server at `url`."""
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch("select datname from pg_database")}
    finally:
        await connection.close()


async def forget_persons(url: str) -> None:
    """Destroy all keys of persons in the database at `url`, as if everybody had been erased."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("delete from personal_keys")
    finally:
        await connection.close()

"""The stage of a test of faults: databases, topics, processes; who is killed, and the verdict at the end."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import asyncpg

from engine.database import create_database, migrate
from engine.embedded import Server, start
from engine.kafka.admin import Topic, ensure
from engine.kafka.relay import relayed
from engine.store import renew
from engine.testing.fire import AWAY, WRITER
from engine.testing.forked import Fork, Process
from engine.testing.running import caught_up, eventually, gone
from engine.testing.sample_service import REACTION
from engine.testing.sample_views import LEDGER, TOTALS
from engine.views import group_of
from tests.faults.checker import Log, check
from tests.faults.history import History, mark
from tests.faults.roles import CONTEXTS, Stage

GROUPS = {
    group_of(TOTALS): CONTEXTS,
    group_of(LEDGER): CONTEXTS,
    f"reaction:{REACTION.name}": ("customer",),
}
"""Who reads which topics."""
PATIENCE = 60.0
_LOG = "select pos, split_part(type, '.', 1), part, id, coalesce(meta::json ->> 'actor', '') from events order by pos"
_TOTALS = """
select customer, count(*), sum(coalesce((data::json #>> '{amount,amount}')::numeric, 0)) from events group by 1"""
_ENTRIES = """
select id, customer, type, coalesce((data::json #>> '{amount,amount}')::numeric, 0), pos from events
where pos > $1 and pos <= $2 order by pos"""
_LEDGER = """
select event, customer, type, amount, "position" from sample_ledger
where "position" > $1 and "position" <= $2 order by 5"""


class PostgreSQL:
    """A server that can be stopped hard and comes back under the same URL; fsync is on, as in production."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server, self.prepared = folder, server, False

    @classmethod
    async def start(cls, within: Path | None) -> "PostgreSQL":
        """On a folder of its own."""
        folder = Path(tempfile.mkdtemp(prefix="kehu-faults-", dir=within))
        folder.chmod(0o755)  # the server may run as somebody else
        found = cls(folder, await start(folder / "data"))
        found._link()
        return found

    def url(self, name: str) -> str:
        """Of a database in it, the same for ever."""
        return f"postgresql://postgres@/{name}?host={quote(str(self.folder / 's'), safe='/')}"

    async def migrated(self, name: str) -> None:
        """A database in the present shape; migrations run once, the others are copies."""
        if not self.prepared:
            await migrate(await create_database(self.url("postgres"), "migrated"))
            self.prepared = True
        admin = await asyncpg.connect(self.url("postgres"))
        await admin.execute(f'create database "{name}" template "migrated" strategy file_copy')
        await admin.close()

    async def stop_immediately(self) -> None:
        """As ``pg_ctl stop -m immediate``: no checkpoint, no goodbye."""
        os.kill(self.server.pid, signal.SIGQUIT)
        await asyncio.to_thread(self.server.process.wait)

    async def start_again(self) -> None:
        """Recovers what was committed."""
        self.server = await start(self.folder / "data")
        self._link()

    async def end(self) -> None:
        """For good."""
        await self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _link(self) -> None:
        link = self.folder / "s"
        link.unlink(missing_ok=True)
        link.symlink_to(self.server.sockets)


@dataclass
class Play:
    """The processes at work on a stage, by the names they have; those killed may come back under other names."""

    postgres: PostgreSQL
    fork: Fork
    stage: Stage
    names: tuple[str, str]
    """Of the databases: log and home."""
    at_work: dict[str, Process] = field(default_factory=dict)
    writers: list[list[str]] = field(default_factory=lambda: [[]])
    lives: list[Log] = field(default_factory=list)
    restored: list[int] = field(default_factory=list)
    hired: list[Process] = field(default_factory=list)
    count: int = 0

    def enlist(self, job: str, *arguments: object) -> str:
        """Start a process; its name."""
        self.count += 1
        name = f"{job}{self.count}"
        if job == "write":
            self.writers[-1].append(name)
        self.at_work[name] = self.fork(job, self.stage.model_dump_json(), name, *arguments)
        self.hired.append(self.at_work[name])
        return name

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        await self.at_work.pop(name).kill()

    async def pause(self, name: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        await self.at_work[name].signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        await self.at_work[name].signal(signal.SIGCONT)

    async def dismiss(self, name: str) -> None:
        """SIGTERM, and wait until it has left."""
        process = self.at_work.pop(name)
        await process.said("working")
        await process.signal(signal.SIGTERM)
        await process.said("done")

    def acknowledged(self) -> int:
        """How many commands the writers have said were acknowledged, those killed since included."""
        told = [[more["events"] for word, more in process.told if word == "acknowledged"] for process in self.hired]
        return sum(found[-1] for found in told if found)

    def of(self, job: str) -> list[str]:
        """The names of those who do it now."""
        return [name for name in self.at_work if name.rstrip("0123456789") == job]

    @asynccontextmanager
    async def pools(self) -> AsyncIterator[tuple[asyncpg.Pool, asyncpg.Pool]]:
        """Into the log and the home, once both are there."""
        async with _there(self.stage.log) as log, _there(self.stage.home) as home:
            yield log, home

    async def grown(self, events: int) -> None:
        """Wait until the log holds so many more."""
        async with self.pools() as (log, _):
            goal = await _head(log) + events

            async def there() -> bool:
                return await _head(log) >= goal

            await eventually(there, PATIENCE)

    async def published(self, events: int) -> None:
        """Wait until so many more were published."""
        async with self.pools() as (log, _):
            goal = (await relayed(log)).position + events

            async def there() -> bool:
                return (await relayed(log)).position >= goal

            await eventually(there, PATIENCE)

    async def until(self, where: Literal["log", "home"], holds: str) -> None:
        """Wait until the database answers this with true."""
        async with self.pools() as (log, home):
            pool = log if where == "log" else home

            async def true() -> bool:
                return bool(await pool.fetchval(holds))

            await eventually(true, PATIENCE)

    async def silence(self) -> None:
        """No writer any more."""
        for name in self.of("write"):
            await self.kill(name)
        async with self.pools() as (log, _):
            await gone(log, WRITER)

    async def settled(self, groups: Sequence[str] = tuple(GROUPS), within: float = PATIENCE) -> None:
        """Wait until all that is in the log was published and dealt with."""
        async with self.pools() as (log, home):

            async def published() -> bool:
                state = await relayed(log)
                return state.position == state.head

            try:
                await eventually(published, within)
                for group in groups:
                    await caught_up(home, group, log, *GROUPS[group], within=within)
            except TimeoutError:
                raise AssertionError(f"not settled in {within:.0f} s: {await _standing(log, home)}") from None

    async def backup(self) -> None:
        """A copy of the log as it is now, as whoever keeps backups has it; everybody loses the connection."""
        log = self.names[0]
        await self._copied(log, f"{log}_backup")

    async def restore(self) -> None:
        """The log becomes what it was at the last backup, and lives another life."""
        log = self.names[0]
        await self.silence()
        async with self._alone(log) as admin:
            await admin.execute(f'alter database "{log}" allow_connections true')
            async with _there(self.stage.log) as pool:
                self.lives.append(await read_log(pool))
            await admin.execute(f'drop database "{log}" with (force)')
            await admin.execute(f'alter database "{log}_backup" rename to "{log}"')
        await renew(self.stage.log)
        async with self.pools() as (pool, _):
            self.restored.append(await _head(pool))
        self.writers.append([])

    async def verdict(self, within: float = PATIENCE, parked: Sequence[str] = ()) -> "Verdict":
        """Have no more written and all of it dealt with; then hold what everybody noted against the log."""
        await self.silence()
        await self.settled(within=within)
        async with self.pools() as (log, home):
            lives = [*self.lives, await read_log(log)]
            history = self._history()
            wrong = [*check(history, lives, GROUPS), *[w async for w in state_wrong(log, home, history, parked)]]
        return Verdict(wrong, {**history.counts(), "in the log": sum(map(len, lives[-1].operations.values()))})

    def _history(self) -> History:
        folder = Path(self.stage.notes)
        ends = [*self.restored, None]
        eras = [([folder / n for n in names if (folder / n).exists()], end)
                for names, end in zip(self.writers, ends, strict=True)]  # fmt: skip
        written = {name for names in self.writers for name in names}
        others = sorted(path for path in folder.iterdir() if path.name not in written)
        return History.read([*eras, (others, None)])

    async def _copied(self, origin: str, name: str) -> None:
        async with self._alone(origin) as admin:
            await admin.execute(f'drop database if exists "{name}"')
            await admin.execute(f'create database "{name}" template "{origin}"')
            await admin.execute(f'alter database "{origin}" allow_connections true')

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[asyncpg.Connection]:
        """Nobody else is connected to that database."""
        admin = await asyncpg.connect(self.postgres.url("postgres"))
        try:
            await admin.execute(f'alter database "{name}" allow_connections false')
            others = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1"
            await admin.fetch(others, name)
            yield admin
        finally:
            await admin.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong (nothing, if all is well) and how much there was of what."""

    wrong: Sequence[str]
    counts: dict[str, int]

    def clean(self) -> bool:
        """Whether nothing is wrong. Raises AssertionError with what is; or where nothing happened that could be."""
        assert not self.wrong, "\n".join([f"{len(self.wrong)} wrong: {self.counts}", *self.wrong[:60]])
        assert min(self.counts[x] for x in ("acknowledged", "published", "delivered", "committed")) > 0, self.counts
        return True


async def opening(postgres: PostgreSQL, fork: Fork, name: str, notes: Path, **more: object) -> Play:
    """A stage with an empty log, an empty home and their topics. `more`: of `Stage`."""
    names = f"{name}_log", f"{name}_home"
    for one in names:
        await postgres.migrated(one)
    notes.mkdir()
    log, home = map(postgres.url, names)
    stage = Stage.model_validate({"log": log, "home": home, "namespace": f"{name}.", "notes": str(notes), **more})
    await ensure(stage.access(), [Topic(stage.access().topic(c)) for c in CONTEXTS])
    return Play(postgres, fork, stage, names)


@asynccontextmanager
async def _there(url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool, as soon as the database is there."""
    pool = await asyncpg.create_pool(url, min_size=0, max_size=3)
    try:
        await patiently(lambda: pool.fetchval("select true"))
        yield pool
    finally:
        pool.terminate()


async def _head(log: asyncpg.Pool) -> int:
    return int(await log.fetchval("select coalesce(max(pos), 0) from events"))


async def _standing(log: asyncpg.Pool, home: asyncpg.Pool) -> str:
    rows = await home.fetch(
        "select grp, topic, sum(last_pos), min(last_pos), max(last_pos), max(epoch), count(distinct owner) "
        "from consumers group by 1, 2 order by 1, 2"
    )
    return f"{await relayed(log)}; {[tuple(r) for r in rows]}"


async def read_log(log: asyncpg.Pool) -> Log:
    """The log as the checker takes it; the actor of an event is the operation it was stored by."""
    found = Log(str(await log.fetchval("select incarnation from store")))
    async with log.acquire() as connection, connection.transaction():
        async for position, topic, part, event, operation in connection.cursor(_LOG, prefetch=5000):
            found.add(position, (topic, part), mark(event), operation)
    return found


async def state_wrong(
    log: asyncpg.Pool, home: asyncpg.Pool, history: History, parked: Sequence[str]
) -> AsyncIterator[str]:
    """Where the state is another one than the fold of the log, made of its rows with nothing of the views."""
    if held := await home.fetch("select distinct customer from dead_letters where not (customer = any($1))", parked):
        yield f"parked without cause: {[r[0] for r in held]}"
    totals = {r[0]: (r[1], r[2]) for r in await log.fetch(_TOTALS)}
    shown = {r[0]: (r[1], r[2]) for r in await home.fetch("select customer, events, amount from sample_totals")}
    for who in sorted(totals.keys() | shown.keys()):
        if who not in parked and totals.get(who) != shown.get(who):
            yield f"the totals of {who} are {shown.get(who)}, the log makes them {totals.get(who)}"
    async for wrong in _ledger_wrong(log, home):
        yield wrong
    asked = {
        r[0] for r in await log.fetch("select data::json ->> 'owner' from events where type = 'customer.OwnerAssigned'")
    }
    decided = [
        r[0] for r in await home.fetch("select data::json ->> 'order' from events where type = 'credit.HoldDropped'")
    ]
    if len(decided) != len(set(decided)):
        yield f"decided twice: {len(decided) - len(set(decided))} reactions"
    if missing := asked - set(decided):
        yield f"never decided: {len(missing)} reactions, {sorted(missing)[:3]}"
    if extra := set(decided) - asked - history.void:
        yield f"decided without cause: {len(extra)} reactions, {sorted(extra)[:3]}"


async def _ledger_wrong(log: asyncpg.Pool, home: asyncpg.Pool, step: int = 50_000) -> AsyncIterator[str]:
    """Row for row, a stretch at a time."""
    head = await _head(log)
    for after in range(0, head, step):
        expected = await log.fetch(_ENTRIES, after, after + step)
        found = await home.fetch(_LEDGER, after, after + step)
        if [tuple(r) for r in expected] != [tuple(r) for r in found]:
            yield f"the ledger from {after} on has {len(found)} rows, other ones than the {len(expected)} of the log"
    if beyond := await home.fetchval('select count(*) from sample_ledger where "position" > $1', head):
        yield f"the ledger has {beyond} rows of what is not in the log"


async def patiently(work: Callable[[], Awaitable[object]], within: float = PATIENCE) -> None:
    """Do it again until it can be done: the database, or the cluster, is away."""
    async with asyncio.timeout(within):
        while True:
            try:
                await work()
                return
            except AWAY:
                await asyncio.sleep(0.1)

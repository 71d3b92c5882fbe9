"""Writers, projectors, reactors and timers are killed, the database is stopped hard, a reader tails: nothing is missed,
doubled, reordered or lost.

KEHU_FIRE_SECONDS makes it longer than 8 kills, about one a second.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from urllib.parse import quote

import pytest

from engine import ids
from engine.database import Database, create_database, migrate
from engine.deadletters import letters
from engine.embedded import Server, start
from engine.ports import Append, Meta, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.fire import AWAY, WRITER, Operation, Stored, check, opened, read_history, stored
from engine.testing.forked import PATIENCE, Fork, Process, forking
from engine.testing.running import caught_up, eventually, gone
from engine.testing.sample_service import REACTION
from engine.testing.sample_views import DAY, VIEWS, right
from engine.views import group_of
from events.company import DayOpened

SECONDS = float(os.environ.get("KEHU_FIRE_SECONDS", "8"))  # noqa: TID251
WRITERS = 3


@dataclass
class Battlefield:
    """A server that can be stopped hard and comes back under the same URL; fsync is on, as in production."""

    folder: Path
    server: Server
    histories: list[Path] = field(default_factory=list)
    writers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={quote(str(self.folder / 's'), safe='/')}"

    def link(self) -> None:
        link = self.folder / "s"
        link.unlink(missing_ok=True)
        link.symlink_to(self.server.sockets)

    async def stop_immediately(self) -> None:
        """As `pg_ctl stop -m immediate`: no checkpoint, no goodbye; then start and recover."""
        os.kill(self.server.pid, signal.SIGQUIT)
        await asyncio.to_thread(self.server.process.wait)
        self.server = await start(self.folder / "data", settings={"shared_buffers": "64MB"})
        self.link()

    def enlist(self, number: int) -> subprocess.Popen[bytes]:
        self.histories.append(self.folder / f"history-{number}.jsonl")
        command = [sys.executable, "-m", "engine.testing.fire", self.url("fire"), str(self.histories[-1]), str(number)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    async def at_work(self) -> None:
        """Wait until the oldest writer has begun to write: a process needs seconds to start on a busy machine."""
        history = self.histories[-WRITERS]
        async with asyncio.timeout(60):
            while not (history.exists() and history.stat().st_size):  # another process writes it
                assert all(w.poll() is None for w in self.writers), "a writer ended by itself"
                await asyncio.sleep(0.05)

    def kill(self, writer: int) -> None:
        self.writers[writer].kill()
        self.writers[writer].wait()


@pytest.fixture(scope="module")
def field_of_fire() -> Iterator[Battlefield]:
    folder = Path(tempfile.mkdtemp(prefix="kehu-fire-"))
    folder.chmod(0o755)
    battle = Battlefield(folder, asyncio.run(start(folder / "data", settings={"shared_buffers": "64MB"})))
    battle.link()
    yield battle
    for writer in battle.writers:
        writer.kill()
        writer.wait()
    asyncio.run(battle.server.stop())
    shutil.rmtree(folder, ignore_errors=True)


async def tail(store: PostgresStore, seen: list[Stored], stop: asyncio.Event) -> None:
    """Read on from the last position, as every consumer does; a database that is away is asked again."""
    while not stop.is_set():
        try:
            raws = await store.read_raw(seen[-1].position if seen else 0, 500)
        except AWAY:
            raws = []
        seen += stored(raws)
        await asyncio.sleep(0 if raws else 0.002)


async def written(seen: list[Stored], operations: int) -> None:
    """Waits until the reader has met so many: a slow machine takes longer to write them."""

    async def there() -> bool:
        return len({s.operation for s in seen}) >= operations

    await eventually(there, PATIENCE)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 5 + 120)
async def test_nothing_is_missed_doubled_or_reordered_and_acknowledged_means_stored(field_of_fire: Battlefield) -> None:
    battle = field_of_fire
    url = await create_database(battle.url("postgres"), "fire")
    await migrate(url)
    database = await Database.open(url)
    store, seen, stop = PostgresStore(database, Serde(), "kehu"), list[Stored](), asyncio.Event()
    battle.writers = [battle.enlist(n) for n in range(WRITERS)]
    reader = asyncio.create_task(tail(store, seen, stop))
    rounds = max(4, round(SECONDS))
    for number in range(rounds):
        await battle.at_work()
        await asyncio.sleep(0.8)
        await written(seen, 40 * (number + 1))
        battle.kill(number % WRITERS)
        battle.writers[number % WRITERS] = battle.enlist(WRITERS + number)
        if number == rounds // 2:
            await battle.stop_immediately()
    await battle.at_work()
    await asyncio.sleep(1)
    for number in range(WRITERS):
        battle.kill(number)
    await gone(database.pool, WRITER)
    stop.set()
    await reader
    seen += stored(await store.read_raw(seen[-1].position if seen else 0, 100_000))
    log = await whole_log(store)
    operations = read_history(h for h in battle.histories if h.exists())
    await store.close()
    await database.close()
    assert check(operations, log, seen) == []
    results = Counter(o.result for o in operations)
    assert results["ok"] > 20 * rounds, results
    assert results["fail"] > 0, "no writer ever lost a race: the streams were not hot"
    assert results["unknown"] > 0, "no writer was killed at work"


MEMBERS = ("ann", "bob")


@dataclass
class Crew:
    """Two processes of each kind that work for one service, and one that writes."""

    fork: Fork
    url: str
    dice: Random
    at_work: dict[tuple[str, str], Process] = field(default_factory=dict)

    def enlist(self, job: str, member: str) -> None:
        self.at_work[job, member] = self.fork(job, self.url, member)

    async def lose_one(self) -> None:
        """Kill one that has begun to work, at whatever it does just now; another comes, under its name or a new one."""
        job, member = place = self.dice.choice(sorted(self.at_work))
        victim = self.at_work.pop(place)
        await victim.said("tried")
        await asyncio.sleep(self.dice.random() * 0.1)
        await victim.kill()
        self.enlist(job, self.dice.choice([member, f"{member.partition('-')[0]}-{len(self.fork.processes)}"]))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 10 + 600)
async def test_projectors_reactors_and_timers_killed_at_any_moment_leave_the_fold_of_the_log_and_decide_once(
    field_of_fire: Battlefield,
) -> None:
    battle, rounds = field_of_fire, max(12, round(SECONDS * 1.5))
    url = await create_database(battle.url("postgres"), "crew")
    await migrate(url)
    database = await opened(url)
    with forking("-m", "engine.testing.jobs") as fork:
        crew, writer = Crew(fork, url, Random(11)), fork("write", url, 60)
        for job, member in itertools.product(("project", "react", "fire"), MEMBERS):
            crew.enlist(job, member)
        for number in range(rounds):
            if number == rounds // 2:
                await battle.stop_immediately()
                await database.close()
                database = await opened(url)
            await open_day(database, number)
            await crew.lose_one()
        await eventually(lambda: called_for(database, 10 * rounds), PATIENCE)
        await writer.kill()
        await gone(database.pool, WRITER)
        await eventually(lambda: all_decided(database), PATIENCE)
        for view in VIEWS:
            await caught_up(database.pool, group_of(view), database.pool, "credit", "customer", within=PATIENCE)
        await caught_up(database.pool, f"reaction:{REACTION.name}", database.pool, "customer", within=PATIENCE)
        assert await right(database.pool)
        asked, decided = await commands(database)
        assert decided == asked, "what the log calls for was not decided once each"
        assert await letters(database.pool) == []
    await database.close()


async def open_day(database: Database, number: int) -> None:
    """The next business day; at five all that the writer plans is due."""
    store = PostgresStore(database, Serde(), "kehu")
    day = NewEvent("calendar-kehu", DayOpened(day=DAY + timedelta(days=number), previous=None), DAY)
    await store.append(Append({}, [day], Meta("test", ids.named("day", number))))
    await store.close()


async def commands(database: Database) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """By customer and order: what the log calls for, made of its rows alone, and what was decided."""
    asked, decided = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for who, owner, payment, order in await database.pool.fetch(
        "select customer, data::json ->> 'owner', data::json ->> 'payment', data::json ->> 'order' from events "
        "where customer is not null"
    ):
        asked.update((who, name) for name in (owner.split("-") if owner else [payment] if payment else []))
        decided.update([(who, order)] if order else [])
    return asked, decided


async def called_for(database: Database, more_than: int) -> bool:
    asked, _ = await commands(database)
    return asked.total() > more_than


async def all_decided(database: Database) -> bool:
    asked, decided = await commands(database)
    return len(decided) >= len(asked)


async def whole_log(store: PostgresStore) -> list[Stored]:
    log: list[Stored] = []
    while page := await store.read_raw(log[-1].position if log else 0, 5000):
        log += stored(page)
    return log


T = datetime(2026, 1, 1, tzinfo=UTC)
LOG = [
    Stored(1, "a", 1, "x", 0, T),
    Stored(2, "a", 2, "x", 1, T),
    Stored(3, "b", 1, "y", 0, T),
]
HISTORY = [
    Operation("x", {"a": 0}, ["a", "a"], "ok", 1),
    Operation("y", {"b": 0}, ["b"], "unknown"),
    Operation("z", {"a": 0}, ["a"], "fail"),
    Operation("w", {"a": 0}, ["a"], "unknown"),
]


def test_the_checker_accepts_a_good_history() -> None:
    assert check(HISTORY, LOG, LOG) == []


@pytest.mark.parametrize(
    ("log", "complaint"),
    [
        (LOG[:2], []),
        (LOG[:1], "in part"),
        ([LOG[0], replace(LOG[1], position=3)], "position 3"),
        ([LOG[0], replace(LOG[1], version=3), LOG[2]], "version 3"),
        ([LOG[0], LOG[1], replace(LOG[2], version=1, operation="q")], "never sent"),
        ([*LOG, Stored(4, "a", 3, "z", 0, T)], "refused and stored"),
        ([*LOG, Stored(4, "a", 3, "x", 0, T)], "twice"),
        ([*LOG, Stored(4, "a", 3, "w", 0, T)], "although"),
        ([], "acknowledged and not stored"),
        ([LOG[0], replace(LOG[1], recorded=datetime(2025, 1, 1, tzinfo=UTC)), LOG[2]], "recorded before"),
    ],
)
def test_the_checker_finds(log: list[Stored], complaint: str | list[str]) -> None:
    found = check(HISTORY, log, log)
    assert found == [] if complaint == [] else any(str(complaint) in wrong for wrong in found), found


@pytest.mark.parametrize("tailed", [LOG[:2], [LOG[0], LOG[2]], [LOG[0], LOG[0], *LOG[1:]], [LOG[1], LOG[0], LOG[2]]])
def test_the_checker_finds_a_reader_that_missed_doubled_or_reordered(tailed: list[Stored]) -> None:
    assert any("the tail" in wrong for wrong in check(HISTORY, LOG, tailed))


def test_a_line_cut_by_a_kill_is_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_bytes(b'{"op":"x","expected":{"a":0},"events":["a"]}\n{"op":"x","result":"ok","fir')
    assert list(itertools.chain(read_history([path]))) == [Operation("x", {"a": 0}, ["a"])]

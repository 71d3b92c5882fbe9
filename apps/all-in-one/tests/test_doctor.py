"""`kehu doctor`, part by part, each with something that is really broken: it is named, with what to do."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from all_in_one.doctor import data, machine, services
from all_in_one.doctor.finding import Finding
from all_in_one.home import Home, new_key
from chassis.version import VERSION
from engine import clock
from engine.database import create_database, migrate
from engine.embedded import Server
from engine.keys import PersonalKeys

SERVICES = ("customer", "credit")
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def saying(found: Iterator[Finding] | list[Finding], check: str) -> str:
    """What is wrong with one thing, and what to do; empty where nothing is."""
    return "; ".join(f"{f.what} -> {f.do}" for f in found if f.check == check and f.state == "wrong")


def test_an_old_python_is_named() -> None:
    assert machine.python().state == "ok"
    assert saying([machine.python((3, 10, 4))], "python") == (
        "this is 3.10.4 -> install Python 3.11 or later: make PYTHON=python3.12 setup"
    )


def test_packages_that_are_missing_or_of_another_version_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "httpx==0.0.1 \\\n    --hash=sha256:00\nno-such-package==1.0 \\\n    --hash=sha256:00\n"
        f"pytest=={pytest.__version__}\nuvloop==99 ; sys_platform == 'win32'\n"
    )
    found = machine.packages(lock)
    assert (found.state, found.do) == ("wrong", "make clean setup")
    assert found.what.startswith("httpx is 0.")
    assert found.what.endswith(", not 0.0.1; no-such-package is missing")
    assert machine.packages(tmp_path / "none").state == "note"
    assert machine.LOCK.exists()


def test_a_time_zone_nobody_knows_is_named() -> None:
    assert machine.time_zone("Asia/Shanghai").state == "ok"
    for name in ("Mars/Olympus_Mons", "../etc/passwd"):
        assert "set KEHU_COMPANY__TIME_ZONE" in saying([machine.time_zone(name)], "time zone")


def test_a_port_somebody_else_listens_on_is_named_with_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        number = theirs.getsockname()[1]
        assert saying([machine.port("127.0.0.1", number, ours=False)], "port") == (
            f"127.0.0.1:{number}: address already in use, and it is not Kehu that answers -> make run PORT={number + 1}"
        )
        assert machine.port("127.0.0.1", number, ours=True).state == "ok"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A company's folder without a real database in it."""
    made = Home(tmp_path / "acme")
    made.keep_key(new_key())
    (made.folder / "postgresql" / "cluster").mkdir(parents=True)
    return made


def test_a_folder_that_is_not_there_yet_is_no_illness(tmp_path: Path) -> None:
    found = data.folder(Home(tmp_path / "acme"))
    assert (found.state, found.do) == ("note", "make run DATA=acme")
    assert data.key_file(Home(tmp_path / "acme"), None).state == "note"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(home: Home) -> None:
    home.folder.chmod(0o500)
    assert "cannot be written" in saying([data.folder(home)], "folder")
    home.folder.chmod(0o700)


def test_a_disk_that_is_nearly_full_is_named(home: Home) -> None:
    assert data.disk(home, enough=1).state == "ok"
    assert data.disk(home, enough=10**15).state == "wrong"
    assert "when it is full nothing is stored" in saying([data.disk(home, enough=10**15)], "disk")


def test_a_key_that_is_missing_open_to_others_or_none_at_all_is_named(home: Home) -> None:
    assert data.key_file(home, None).state == "ok"
    home.key_place.chmod(0o644)
    assert saying([data.key_file(home, None)], "key").endswith(f"-> chmod 600 {home.key_place}")
    home.key_place.chmod(0o600)
    home.key_place.write_text("not a key")
    assert "holds no key" in saying([data.key_file(home, None)], "key")
    assert "KEHU_KEYS__ENCRYPTION holds no key" in saying([data.key_file(home, "short")], "key")
    home.key_place.unlink()
    assert "is missing: nothing said of persons can be read" in saying([data.key_file(home, None)], "key")


def test_a_company_without_a_recent_backup_is_told_the_command(home: Home, tmp_path: Path) -> None:
    assert data.last_backup(home).do == "kehu backup --data acme FILE"
    (tmp_path / "b").touch()
    home.note_backup(tmp_path / "b", clock.now())
    assert data.last_backup(home).state == "ok"
    home.note_backup(tmp_path / "b", clock.now() - timedelta(days=8))
    assert "8 days old" in data.last_backup(home).what
    home.note_backup(tmp_path / "gone", clock.now())
    assert "is no longer there" in data.last_backup(home).what
    assert json.loads((home.folder / "last-backup.json").read_text())["file"] == str(tmp_path / "gone")


async def test_a_database_that_does_not_start_says_why(home: Home) -> None:
    (home.folder / "postgresql" / "cluster" / "PG_VERSION").write_text("3\n")
    found, held = await data.opened(home, SERVICES, None)
    said = saying(found, "postgresql")
    assert "PostgreSQL did not start" in said or "cannot reach" in said
    assert said.endswith("where the data is damaged: kehu restore")
    assert held == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A company with one service's database, which runs."""
    home = Home(tmp_path_factory.mktemp("running") / "acme")
    home.keep_key(new_key())
    with asyncio.Runner() as runner:
        server = runner.run(prepared(home))
        try:
            yield home
        finally:
            runner.run(server.stop())
            home.remove()


async def prepared(home: Home) -> Server:
    server = await home.start_database()
    await migrate(await create_database(server.url("postgres"), "kehu_customer"))
    return server


async def changed(home: Home, sql: str) -> None:
    postgres = home.running_database()
    assert postgres is not None
    connection = await asyncpg.connect(postgres.url("kehu_customer"))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def wrong(home: Home, check: str, key: str | None = None) -> str:
    found, _ = await data.opened(home, SERVICES, key)
    return saying(found, check)


@pytest.mark.database
async def test_a_database_a_newer_kehu_has_worked_on_is_named(running: Home) -> None:
    assert await wrong(running, "schema") == ""
    await changed(running, "update alembic_version set version_num = '9001'")
    assert "customer has the schema 9001, this Kehu knows up to" in await wrong(running, "schema")
    await changed(running, "update alembic_version set version_num = '0003'")
    found, _ = await data.opened(running, SERVICES, None)
    assert [f.do for f in found if f.check == "schema"] == ["is brought up to date at the start"]


@pytest.mark.database
async def test_a_key_that_is_another_companys_is_named(running: Home) -> None:
    postgres, own = running.running_database(), running.encryption_key()
    assert postgres is not None
    pool = await asyncpg.create_pool(postgres.url("kehu_customer"), min_size=1, max_size=1)
    await PersonalKeys(pool, base64.b64decode(own)).ensure(["wang-fang"])
    await pool.close()
    assert await wrong(running, "key", own) == ""
    said = await wrong(running, "key", new_key())
    assert said.startswith("1 keys of persons in customer were wrapped with another key -> bring back the key")


EVENT = """
set session_replication_role = replica;
insert into events values (1, 0, 'calendar-main', 1, gen_random_uuid(), 'company.DayOpened', 1, null, 'main', '{}',
    '{}', '2026-01-01', now() + interval '1 day')"""


@pytest.mark.database
async def test_a_clock_that_went_back_behind_what_is_recorded_is_named(running: Home) -> None:
    assert await wrong(running, "clock") == ""
    await changed(running, EVENT)
    assert "in the future of this clock -> set the clock" in await wrong(running, "clock")


def health(**more: Any) -> dict[str, Any]:
    lag = {"events": 0, "seconds": 0.0, "parked": 0}
    return {"store": "up", "consumers": {"view:orders": lag}, "broken_timers": 0, "halted": [], **more}


@pytest.mark.parametrize(
    ("broken", "check", "sentence"),
    [
        ({"store": "down", "consumers": {}}, "store", "customer: its database does not answer"),
        ({"consumers": {"view:orders": {"events": 9, "seconds": 61.0, "parked": 0}}}, "lag", "lies 9 events and 61 s"),
        ({"consumers": {"view:orders": {"events": 0, "seconds": 0.0, "parked": 2}}}, "dead letters", "2 customers are"),
        ({"broken_timers": 3}, "timers", "3 due commands broke five times"),
    ],
)
def test_a_service_that_is_not_well_is_named(broken: dict[str, Any], check: str, sentence: str) -> None:
    assert list(services.stores("customer", health())) == []
    assert sentence in saying(services.stores("customer", health(**broken)), check)


def test_a_worker_that_gave_up_or_fails_again_and_again_is_named() -> None:
    worker = {"name": "view:orders", "state": "running", "restarts": 0, "error": None}
    assert list(services.workers("customer", [worker])) == []
    halted = saying(services.workers("customer", [worker | {"state": "halted", "error": "ten in a row"}]), "workers")
    assert "view:orders has halted: ten in a row -> mend the cause, then POST" in halted
    failing = worker | {"state": "waiting", "restarts": 4, "error": "OSError"}
    assert "fails and is tried again (4 times)" in saying(services.workers("customer", [failing]), "workers")


def test_documents_that_wait_for_more_than_a_day_and_another_version_are_named() -> None:
    store = {"version": VERSION, "waiting": 2, "waiting_since": "2026-01-05T06:00:00+00:00"}
    assert list(services.store("credit", store, NOW)) == []
    stuck = services.store("credit", store | {"waiting_since": "2026-01-03T06:00:00+00:00"}, NOW)
    assert "2 documents wait for what they refer to, the longest since 2026-01-03" in saying(stuck, "intake")
    assert "credit is Kehu 7.0.0" in saying(services.store("credit", store | {"version": "7.0.0"}, NOW), "version")


def test_a_view_that_another_version_filled_is_named_unless_it_is_being_built() -> None:
    view = {"name": "orders", "live": 1, "version": 2, "building": None}
    assert saying(services.views("customer", [view]), "views").endswith("-> kehu rebuild customer/orders")
    assert list(services.views("customer", [view | {"building": 3}])) == []


def test_a_day_that_is_not_open_or_lies_behind_the_calendar_is_named() -> None:
    day = {"today": "2026-01-05", "opened": True, "went_live": True}
    assert services.day(day, date(2026, 1, 5), opens_days=True).state == "ok"
    assert services.day(day, date(2026, 1, 6), opens_days=False).state == "ok"
    assert services.day(day, date(2026, 1, 6), opens_days=True).what.startswith("the open business day is 2026-01-05")
    assert services.day(day | {"opened": False}, date(2026, 1, 5), opens_days=True).do == "kehu date set 2026-01-05"

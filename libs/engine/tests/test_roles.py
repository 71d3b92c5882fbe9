"""Least privilege: what the sessions of a service may do is decided by the database."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import text

from engine import ids, readiness
from engine.database import Database, create_database, migrate
from engine.embedded import Server, start
from engine.readiness import NotReady
from engine.roles import READER, WRITER, NoRole, establish
from engine.serde import Serde
from engine.store import NotTheOwner, PostgresStore
from engine.tablebus import TableBus
from engine.testing.bus_suite import drained
from engine.testing.plugin import QUICK, MakeDatabase, TestServer
from engine.testing.sample_views import TOTALS, paid
from engine.testing.sample_views import append as append_events
from engine.testing.store_suite import append
from engine.views import ViewRegistry


async def whoami(database: Database) -> set[str]:
    """As whom statements run, in each of the ways into a database."""
    async with database.engine.connect() as connection:
        found = {str((await connection.execute(text("select current_user"))).scalar_one())}
    return found | {str(await database.pool.fetchval("select current_user"))}


def signed_in(url: str, login: str, password: str) -> str:
    """`url` as another login would give it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}:{password}@{parts.netloc.rpartition('@')[2]}"))


async def test_every_session_of_a_service_takes_on_the_writers_role_and_keeps_it(service: Database) -> None:
    for _ in range(3):  # a session that is given back is reset
        assert await whoami(service) == {WRITER}
    assert await service.reader.fetchval("select current_user") == READER


@pytest.mark.parametrize(
    "statement",
    [
        "insert into events select * from events",
        "update events set type = 'credit.Other'",
        "delete from events where pos = -1",
        "truncate events",
        "alter table events disable trigger all",
        "drop table events",
        "update store set incarnation = gen_random_uuid()",
        "insert into verdicts select * from verdicts",
        "delete from verdicts",
        "update alembic_version set version_num = '0'",
    ],
)
async def test_the_writer_changes_neither_the_log_nor_a_verdict(
    store: PostgresStore, service: Database, statement: str
) -> None:
    """Not even where the trick of a setting opens the triggers: it has no right to."""
    await store.append(append("a"))
    async with service.pool.acquire() as session, session.transaction():
        await session.execute("set local kehu.adding = 'append_events'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
            async with session.transaction():
                await session.execute(statement)
    assert await store.head() == 1


@pytest.mark.parametrize("table", ["personal_keys", "verdicts", "snapshots", "inbox", "waiting", "consumers", "timers"])
async def test_a_reader_of_topics_sees_the_log_and_nothing_else(
    store: PostgresStore, service: Database, table: str
) -> None:
    await store.append(append("a"))
    assert await service.reader.fetchval("select count(*) from events") == 1
    assert await service.reader.fetchval("select incarnation from store") == await store.incarnation()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await service.reader.execute(f"select from {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "select append_events('c', '[]', '[]', '[]', null)",
        "update events set type = 'credit.Other'",
        "delete from store",
        "create table mine (n int)",
    ],
)
async def test_a_reader_of_topics_writes_nothing(service: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await service.reader.execute(statement)


async def test_a_database_of_another_service_is_opened_as_a_reader_throughout(migrated: str) -> None:
    foreign = await Database.open(migrated, 2, READER)
    assert await whoami(foreign) == {READER}
    await foreign.close()


async def test_topics_are_read_and_views_are_kept_under_these_roles(store: PostgresStore, service: Database) -> None:
    """The tables of views belong to the writer, so that a rebuild may drop them."""
    await ViewRegistry(service.pool).ensure([TOTALS])
    await append_events(store, paid("C1", 1))
    bus = TableBus({"credit": service.reader}, service.pool, wakeups=store.wakeups)
    subscription = await bus.subscribe("g", ["credit"], "m")
    assert len(await drained(subscription, 1)) == 1
    await subscription.close()
    owners = "select distinct tableowner from pg_tables where tablename like 'sample_totals%'"
    assert [row[0] for row in await service.pool.fetch(owners)] == [WRITER]


async def test_what_a_later_migration_adds_is_given_to_the_writer(migrated: str, service: Database) -> None:
    owner = await asyncpg.connect(migrated)
    await owner.execute("create table later (n int)")
    await owner.execute("create sequence later_mark")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.pool.execute("insert into later values (1)")
    assert await establish(migrated)
    await service.pool.execute("insert into later select nextval('later_mark')")
    await owner.close()


async def test_tables_of_views_made_before_there_were_roles_are_handed_over(migrated: str, service: Database) -> None:
    owner = await asyncpg.create_pool(migrated, min_size=1, max_size=1)
    await ViewRegistry(owner).ensure([TOTALS])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.pool.execute("delete from sample_totals_v1_1")
    assert await establish(migrated)
    await service.pool.execute("drop table sample_totals_v1_1 cascade")
    await owner.close()


async def test_who_begins_while_the_roles_are_given_their_rights_waits_or_its_tables_would_be_nobody_elses(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shape was there, the rights were not: views of a worker that began then could not be read by its api."""
    url, said = await make_database(), list[str]()

    async def slowly(of: str) -> bool:
        with pytest.raises(NotReady, match="is being migrated; waited 0 s"):
            await readiness.migrated(of, 0, said.append, own=True)
        return await establish(of)

    monkeypatch.setattr("engine.database.establish", slowly)
    await migrate(url)
    await readiness.migrated(url, 0, said.append, own=True)
    assert said == []


@pytest.fixture
async def own_server() -> AsyncIterator[Server]:
    """A server on which nobody has made the roles."""
    with tempfile.TemporaryDirectory(prefix="kehu-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        async with await start(Path(folder) / "data", settings=QUICK) as server:
            yield server


@pytest.mark.slow
async def test_databases_that_make_the_roles_at_the_same_time_share_them(own_server: Server) -> None:
    """A login that may make roles but is no superuser, as providers of databases give it."""
    admin = await asyncpg.connect(own_server.url("postgres"))
    await admin.execute("create role provided login createrole createdb password 'x'")
    server = signed_in(own_server.url("postgres"), "provided", "x")
    urls = [await create_database(server, f"kehu_{n}") for n in range(4)]
    for url in urls:
        await migrate(url)
    for _ in range(3):
        for url in urls:
            session = await asyncpg.connect(own_server.url(urlsplit(url).path[1:]))
            await session.execute("drop owned by kehu_writer, kehu_reader")
            await session.close()
        await admin.execute("drop role kehu_writer, kehu_reader")
        assert all(await asyncio.gather(*map(establish, urls)))
        for url in urls:
            database = await Database.open(url, 2, strict=True)
            assert await whoami(database) == {WRITER}
            await database.close()
    await admin.close()


@pytest.fixture
async def modest(postgres_server: TestServer) -> AsyncIterator[str]:
    """The URL of a database whose owner may neither make roles nor join them."""
    name = f"modest_{ids.new().hex}"
    await postgres_server.admin(f"create role {name} login password 'x'")
    await postgres_server.admin(f"create database {name} owner {name}")
    yield signed_in(postgres_server.postgres.url(name), name, "x")
    await postgres_server.drop(name)
    await postgres_server.admin(f"drop role {name}")


async def test_without_the_right_to_make_roles_the_service_works_and_says_so(
    modest: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "kehu.roles"):
        await migrate(modest)
        database = await Database.open(modest, 2)
    login = urlsplit(modest).username
    assert f"grant kehu_writer, kehu_reader to {login}" in caplog.text
    assert await whoami(database) == {login}
    store = PostgresStore(database, Serde())
    await store.append(append("a"))
    for statement in ("update events set part = 0", "insert into events select * from events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.pool.execute(statement)
    await store.close()
    await database.close()


async def test_strictly_a_session_without_its_role_is_none(modest: str) -> None:
    await migrate(modest)
    with pytest.raises(NoRole, match="kehu_writer"):
        await Database.open(modest, 2, strict=True)


async def test_a_login_that_is_a_member_of_the_role_is_enough(
    migrated: str, modest: str, postgres_server: TestServer
) -> None:
    """The service's own login: no owner of anything, so it cannot leave the role for more."""
    login = str(urlsplit(modest).username)
    await postgres_server.admin(f"grant kehu_writer, kehu_reader to {login}")
    url = signed_in(migrated, login, "x")
    await migrate(url)
    database = await Database.open(url, 2, strict=True)
    store = PostgresStore(database, Serde())
    assert (await store.append(append("a"))).first == 1
    with pytest.raises(NotTheOwner, match="by the owner"):
        await store.renew()
    await store.close()
    await database.close()

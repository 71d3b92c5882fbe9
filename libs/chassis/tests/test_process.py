"""A service as processes of its own: what each waits for, what it is refused with, how it ends."""

import asyncio
import base64
import os
from contextlib import suppress
from dataclasses import replace

import asyncpg
import httpx
import pytest
from chassis_world import SERVICE, as_user
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from chassis.process import CannotBegin, apart, api, begun, chosen, migration, new_life, on, places, with_a_key, worker
from chassis.run import PortTaken, WrongKey, bound
from chassis.settings import Auth, Databases, Http, Keys, Settings, Work
from chassis.workers import ROLES
from chassis.wrong_settings import named
from engine.database import NewerSchema, migrate, newest_schema
from engine.keys import PersonalKeys
from engine.readiness import NotReady
from engine.testing.plugin import TestServer

KEY = base64.b64encode(bytes(range(32))).decode()


def settings(databases: Databases | None = None, **groups: object) -> Settings:
    return Settings.model_validate(
        {"auth": Auth(development=True), "databases": databases or Databases(), "http": Http(port=0), **groups}
    )


def at(url: str, patience: float = 20.0) -> Databases:
    """Both databases the sample service works with are one."""
    return Databases(urls={"credit": SecretStr(url), "customer": SecretStr(url)}, patience=patience)


def test_a_database_nobody_told_of_is_named_with_an_example() -> None:
    given = settings(Databases(urls={"credit": SecretStr("postgresql://db/kehu_credit")}))
    with pytest.raises(CannotBegin) as refused:
        places(["credit", "customer"], given)
    said = str(refused.value)
    assert "where that of customer is" in said
    assert 'KEHU_DATABASES__URLS=\'{"credit": "postgresql://kehu:PASSWORD@db:5432/kehu_credit", ' in said


def test_one_server_for_all_is_enough() -> None:
    given = settings(
        Databases(
            server=SecretStr("postgresql://kehu:secret@db:5432/postgres?sslmode=require"),
            urls={"credit": SecretStr("postgresql://elsewhere/mine")},
        )
    )
    assert places(["customer", "credit"], given) == {
        "credit": "postgresql://elsewhere/mine",
        "customer": "postgresql://kehu:secret@db:5432/kehu_customer?sslmode=require",
    }
    assert on("postgresql://postgres@/?host=/tmp/x", "credit") == "postgresql://postgres@/kehu_credit?host=/tmp/x"


async def test_a_server_that_does_not_answer_is_waited_for_and_then_told_without_its_password() -> None:
    given = settings(at("postgresql://kehu:secret@127.0.0.1:9/kehu_credit", patience=0.1))
    with pytest.raises(NotReady, match=r"the database kehu_credit at 127.0.0.1:9 does not answer .* 0.1 s") as refused:
        await migration(SERVICE, given)
    assert "secret" not in str(refused.value)


async def test_a_url_that_is_none_is_told_at_once() -> None:
    with pytest.raises(NotReady, match="cannot be used"):
        await migration(SERVICE, settings(at("mysql://db/kehu_credit", patience=60)))


async def test_an_api_waits_for_the_migration_and_then_serves(database: str) -> None:
    given = settings(at(database))

    async def head() -> int:
        async with begun(SERVICE, given) as runtime:
            return await runtime.store.head()

    beginning = asyncio.create_task(head())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(beginning), 0.5)
    await migration(SERVICE, given)
    assert await beginning == 0


async def test_what_was_never_migrated_is_told_with_what_to_run(database: str) -> None:
    with pytest.raises(NotReady, match="has not been migrated yet: run its service's `migrate`"):
        async with begun(SERVICE, settings(at(database, patience=0))):
            pass


async def test_an_older_shape_of_its_own_is_waited_for_and_a_newer_one_refused(database: str) -> None:
    await migrate(database, "0004")
    with pytest.raises(NotReady, match=f"has the schema 0004, {newest_schema()} is needed"):
        async with begun(SERVICE, settings(at(database, patience=0))):
            pass
    connection = await asyncpg.connect(database)
    await connection.execute("update alembic_version set version_num = '9999'")
    await connection.close()
    with pytest.raises(NewerSchema, match="a newer Kehu has worked on it"):
        async with begun(SERVICE, settings(at(database, patience=60))):
            pass


async def test_several_migrations_at_once_end_as_one_and_another_changes_nothing(database: str) -> None:
    given = settings(at(database))
    await asyncio.gather(*(migration(SERVICE, given) for _ in range(3)))
    await migration(SERVICE, given)
    async with begun(SERVICE, given) as runtime:
        assert await runtime.store.head() == 0


async def test_a_log_that_was_restored_begins_a_new_life_by_a_command(url: str) -> None:
    given = settings(at(url))
    async with begun(SERVICE, given) as runtime:
        before = await runtime.store.incarnation()
        await new_life(SERVICE, given)
        assert await runtime.store.incarnation() != before


async def test_a_migration_makes_the_database_on_a_server_given_for_all(postgres_server: TestServer) -> None:
    name = f"{postgres_server.name()}"
    given = settings(Databases(server=SecretStr(postgres_server.postgres.url("postgres"))))
    service = replace(SERVICE, name=name)
    try:
        await migration(service, given)
        connection = await asyncpg.connect(postgres_server.postgres.url(f"kehu_{name}"))
        assert await connection.fetchval("table alembic_version") == newest_schema()
        await connection.close()
    finally:
        await postgres_server.drop(f"kehu_{name}")


def test_persons_are_not_written_down_unsealed() -> None:
    with pytest.raises(CannotBegin, match="set KEHU_KEYS__ENCRYPTION to 32 bytes as base64"):
        with_a_key(replace(SERVICE, contexts=("customer",)), settings(auth=Auth()))
    with_a_key(SERVICE, settings(auth=Auth()))  # seals nothing
    with_a_key(replace(SERVICE, contexts=("customer",)), settings(auth=Auth(), keys=Keys(encryption=SecretStr(KEY))))


@pytest.mark.parametrize("key", ["short", "not base64!", base64.b64encode(b"x" * 31).decode()])
def test_a_key_that_is_none_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(CannotBegin, match="is not a key") as refused:
        with_a_key(SERVICE, settings(keys=Keys(encryption=SecretStr(key))))
    assert key not in str(refused.value)


async def test_the_key_of_another_company_is_refused(url: str) -> None:
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
    await PersonalKeys(pool, b"another company's key, 32 bytes!").ensure(["P-1"])
    await pool.close()
    with pytest.raises(WrongKey, match="KEHU_KEYS__ENCRYPTION is not the key"):
        async with begun(SERVICE, settings(at(url), keys=Keys(encryption=SecretStr(KEY)))):
            pass


def test_roles_are_all_of_them_or_those_that_are_set() -> None:
    assert chosen(None) == ROLES
    assert chosen(["timers", "projector"]) == ("projector", "timers")
    with pytest.raises(CannotBegin, match=r"there is no role projektor; the roles are relay, projector, .*daybreak"):
        chosen(["projektor", "timers"])


def test_each_worker_process_has_a_name_of_its_own_unless_one_is_set() -> None:
    assert apart(settings()).work.member.endswith(f"-{os.getpid()}")
    assert apart(settings(work=Work(member="mine"))).work.member == "mine"


def test_a_port_that_is_taken_is_told_with_the_setting() -> None:
    with bound("127.0.0.1", 0, "KEHU_HTTP__PORT") as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            PortTaken, match=f"{port}: address already in use; choose another: KEHU_HTTP__PORT={port + 1}"
        ):
            bound("127.0.0.1", port, "KEHU_HTTP__PORT")


def test_wrong_settings_are_told_by_their_variables_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_HTTP__PORT", "seventy-secret")
    with pytest.raises(ValidationError) as wrong:
        Settings()
    assert named(wrong.value).startswith("KEHU_HTTP__PORT: Input should be a valid integer")
    monkeypatch.setenv("KEHU_DATABASES__URLS", "{secret")
    with pytest.raises((ValidationError, SettingsError)) as broken:
        Settings()
    assert "KEHU_DATABASES" in named(broken.value)
    assert "secret" not in named(wrong.value) + named(broken.value)


async def test_a_worker_folds_what_an_api_stored_and_each_tells_its_own_health(url: str) -> None:
    ports = [free_port(), free_port()]
    given = [settings(at(url), http=Http(port=port, patience=30)) for port in ports]
    tasks = [asyncio.create_task(api(SERVICE, given[0])), asyncio.create_task(worker(SERVICE, given[1]))]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", headers=as_user("dev-admin")) as client:
        for port in ports:
            await answers(port)
        body = {"customer": "C-1", "currency": "CNY"}
        done = await client.post("/api/credit/accounts", json=body, headers={"Idempotency-Key": "k"})
        assert done.status_code == 201, done.text
        seen = await client.get(
            "/api/credit/accounts/C-1", headers={"X-Kehu-Position": done.headers["X-Kehu-Position"]}
        )
        assert seen.json()["currency"] == "CNY"
        working = (await client.get(f"http://127.0.0.1:{ports[1]}/health/ready")).json()
        assert working["services"]["credit"]["consumers"]["view:accounts"]["events"] == 0
        told = (await client.get(f"http://127.0.0.1:{ports[1]}/metrics")).text
        assert 'kehu_worker_up{service="credit",worker="accounts"} 1.0' in told.replace("view:", "")
        assert (await client.get(f"http://127.0.0.1:{ports[1]}/api/credit/accounts/C-1")).status_code == 404
        await restarts_what_works_elsewhere(client)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def restarts_what_works_elsewhere(client: httpx.AsyncClient) -> None:
    """The api has no workers; it said that there is nothing at this path, later that another process has them."""
    asked = await client.post("/api/credit/ops/workers/view:accounts/restart", headers={"Idempotency-Key": "r"})
    assert (asked.status_code, asked.json()["state"]) == (202, "elsewhere")
    unknown = await client.post("/api/credit/ops/workers/nobody/restart", headers={"Idempotency-Key": "n"})
    assert unknown.status_code == 404


def free_port() -> int:
    with bound("127.0.0.1", 0, "") as door:
        return int(door.getsockname()[1])


async def answers(port: int) -> None:
    """Waits until somebody answers there."""
    async with httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"http://127.0.0.1:{port}/health/live")
            except httpx.TransportError:
                await asyncio.sleep(0.02)
            else:
                return

"""Who reads what is said of persons is written down first, and can neither change that nor go around it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from chassis.testing import Served, serving
from customer_svc.service import SERVICE
from engine.testing.plugin import MakeDatabase, TestServer

pytestmark = pytest.mark.database
WANG = {"person": "wang-fang", "role": "buyer", "name": "王芳", "phone": "021-5551"}


@pytest.fixture
async def kehu(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[Served]:
    async with serving(SERVICE, make_database, postgres_server, beside=("credit", "complaint", "analytics")) as served:
        await served.post("/days/open", {"day": "2026-03-02"})
        await served.post("", {"customer": "C-1", "basics": {"name": "Acme", "type": "dealer", "currency": "CNY"}})
        await served.put("/contacts", {"customer": "C-1", "contact": WANG})
        yield served


async def noted(kehu: Served, **params: str) -> list[dict[str, Any]]:
    answer = await kehu.get("/ops/audit", **params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_read_is_noted_with_who_and_about_whom_but_not_with_what(kehu: Served) -> None:
    contacts = await kehu.get("/contacts", customer="C-1")
    assert contacts.json()["items"][0]["name"] == "王芳"
    [read] = await noted(kehu)
    assert (read["actor"], read["customer"], read["persons"]) == ("dev-admin", "C-1", ["wang-fang"])
    assert (read["route"], read["correlation"]) == (
        "GET /api/customers/contacts",
        contacts.headers["X-Correlation-Id"],
    )
    assert "王芳" not in str(read)
    assert await noted(kehu, actor="somebody-else") == []
    assert await noted(kehu, customer="C-1", after=str(read["id"])) == []


async def test_where_it_cannot_be_noted_nothing_is_shown(kehu: Served) -> None:
    owner = await asyncpg.connect(kehu.runtime.database.url)
    await owner.execute("alter table personal_reads rename to away")
    answer = await kehu.get("/contacts", customer="C-1")
    await owner.close()
    assert answer.status_code == 500
    assert "王芳" not in answer.text


async def test_what_says_nothing_of_persons_is_not_noted_and_shows_nothing_of_them(kehu: Served) -> None:
    history = await kehu.get("/owners/history", customer="C-1")
    assert history.status_code == 200
    events = await kehu.runtime.sealed.read_stream("customer-C-1")
    assert [e.event.contact.name for e in events if hasattr(e.event, "contact")] == [None]
    assert await noted(kehu) == []


async def test_an_erased_person_is_no_longer_read(kehu: Served) -> None:
    await kehu.post("/contacts/erase", {"customer": "C-1", "person": "wang-fang", "reason": "asked for it"})
    assert (await kehu.get("/contacts", customer="C-1")).json()["items"] == []


async def test_only_an_administrator_sees_who_read(kehu: Served) -> None:
    token = {"Authorization": "Bearer dev-operations"}
    answer = await kehu.http.get("/api/customers/ops/audit", headers=token)
    assert answer.status_code == 403


async def test_the_service_can_neither_change_nor_remove_what_it_noted(kehu: Served) -> None:
    await kehu.get("/contacts", customer="C-1")
    pool = kehu.runtime.database.pool
    for statement in ("update personal_reads set actor = 'nobody'", "delete from personal_reads"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    with pytest.raises(asyncpg.RaiseError, match="30 days"):
        await pool.execute("select forget_personal_reads(interval '1 day')")


async def test_reads_of_long_ago_are_forgotten(kehu: Served) -> None:
    await kehu.get("/contacts", customer="C-1")
    owner = await asyncpg.connect(kehu.runtime.database.url)
    await owner.execute("update personal_reads set read_at = read_at - interval '1097 days'")
    await owner.close()
    await kehu.get("/contacts", customer="C-1")
    assert await kehu.runtime.audit.forget(kehu.runtime.settings.logs.reads_kept) == 1
    assert len(await noted(kehu)) == 1

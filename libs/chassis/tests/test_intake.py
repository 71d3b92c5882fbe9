"""Documents of the ERP: each answered with what became of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from chassis.intake import TOO_MANY
from chassis.settings import Settings
from engine.decider import Command
from events import erp

TERMS = "erp.CreditTerms.v1"
CUSTOMER = "erp.Customer.v1"


def terms(customer: str = "C1", amount: str = "100.00", **more: Any) -> dict[str, Any]:
    limit = {"amount": amount, "currency": "CNY"}
    return {"customer": customer, "limit": limit, "valid_from": "2026-01-01", **more}


def company(customer: str = "C1") -> dict[str, Any]:
    basics = {"name": "Acme", "type": "dealer", "currency": "CNY"}
    contacts = [{"person": "P1", "name": "Ms Zhang", "phone": "139"}]
    return {"customer": customer, "basics": basics, "contacts": contacts}


def event(key: str, data: Any, kind: str = TERMS, **more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "source": "erp", "id": key, "type": kind, "data": data, **more}


async def send(http: httpx.AsyncClient, message: Any, **params: str) -> httpx.Response:
    kind = "application/cloudevents-batch+json" if isinstance(message, list) else "application/cloudevents+json"
    return await http.post("/api/credit/intake", json=message, params=params, headers={"Content-Type": kind})


async def verdicts(http: httpx.AsyncClient, *messages: Any) -> list[str]:
    return [r["verdict"] for r in (await send(http, list(messages))).json()["items"]]


async def test_a_document_is_accepted_once_and_is_a_duplicate_then(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    first, again = await send(http, event("1", terms())), await send(http, event("1", terms()))
    assert (first.status_code, first.json()["verdict"], first.json()["position"]) == (202, "accepted", 2)
    assert (again.status_code, again.json()["verdict"], again.json()["position"]) == (200, "duplicate", 2)
    assert await running.runtime.store.head() == 2


async def test_binary_mode_is_the_same_document(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    headers = {"ce-specversion": "1.0", "ce-source": "erp", "ce-id": "1", "ce-type": TERMS}
    first = await http.post("/api/credit/intake", json=terms(), headers=headers)
    assert first.json()["verdict"] == "accepted"
    assert await verdicts(http, event("1", terms())) == ["duplicate"]


async def test_the_same_id_with_another_body_is_refused_while_the_first_stands(
    running: Any, http: httpx.AsyncClient
) -> None:
    await running.open("C1")
    await send(http, event("1", terms()))
    response = await send(http, event("1", terms(amount="200.00")))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/kehu/other-body")
    assert await verdicts(http, event("1", terms())) == ["duplicate"]


async def test_a_batch_is_answered_one_by_one_and_in_order(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    response = await send(
        http,
        [
            event("1", terms()),
            event("1", terms()),
            event("2", terms("C2")),
            {"id": "3"},
            event("4", terms(), "erp.Nothing.v1"),
            event("5", terms(), "erp.CreditTerms.v9"),
            event("6", {"customer": "C1"}),
        ],
    )
    items = response.json()["items"]
    assert response.status_code == 202
    assert [(i["verdict"], i["rule"]) for i in items] == [
        ("accepted", None),
        ("duplicate", None),
        ("waiting", "account-not-there"),
        ("rejected", "invalid-message"),
        ("rejected", "unknown-type"),
        ("rejected", "unknown-version"),
        ("rejected", "invalid-document"),
    ]
    assert items[2]["sentence"] == "The account of C2 has not been opened yet."
    assert {e["pointer"] for e in items[6]["errors"]} == {"/limit", "/valid_from"}


def broken_on(running: Any, *reasons: str) -> None:
    """The service has a bug: it breaks on documents with one of these reasons."""
    plain = running.runtime.service.intake[erp.CreditTerms]

    def takes(document: erp.CreditTerms) -> Any:
        if document.reason in reasons:
            raise ZeroDivisionError
        return Strange(customer=document.customer) if document.reason == "strange" else plain(document)

    intake = running.runtime.intake
    running.runtime.intake = replace(intake, takes={**intake.takes, erp.CreditTerms: takes})


class Strange(Command):
    """A command nobody decides."""

    customer: str


async def test_one_document_that_breaks_is_refused_and_hurts_nobody_else(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    await running.open("C2")
    broken_on(running, "bug")
    batch = [
        event("1", terms(amount="1.00")),
        event("2", terms(amount="2.00", reason="bug")),
        event("3", terms(amount="3.00", reason="strange")),
        event("4", terms(amount="4.00")),
        event("5", terms("C2", amount="5.00")),
    ]
    items = (await send(http, batch)).json()["items"]
    expected = ["accepted", "undecidable", "undecidable", "accepted", "accepted"]
    assert [i["rule"] or i["verdict"] for i in items] == expected
    stored = await running.runtime.store.read_all(2, 10)
    assert [str(e.event.limit.amount) for e in stored if e.customer == "C1"] == ["1.00", "4.00"]
    assert [str(e.event.limit.amount) for e in stored if e.customer == "C2"] == ["5.00"]
    broken_on(running)
    assert await verdicts(http, *batch[:2]) == ["duplicate", "accepted"]


async def test_many_that_break_are_no_fault_of_the_documents(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    await running.open("C2")
    broken_on(running, "bug")
    many = [event(f"b{n}", terms(amount=f"{n}.00", reason="bug")) for n in range(TOO_MANY)]
    response = await send(http, [*many, event("1", terms("C2"))])
    assert (response.status_code, response.json()["type"]) == (500, "/problems/kehu/unexpected")
    kept = (await http.get("/api/credit/intake/receipts")).json()["items"]
    assert [(i["id"], i["verdict"]) for i in kept] == [("1", "accepted")]


async def test_a_text_that_no_database_stores_is_refused_by_itself(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    sound, nul = event("1", terms(reason="a\\u0000b")), event("2", terms(reason="a\0b"))
    items = (await send(http, [sound, nul, event("3", terms(amount="3.00"))])).json()["items"]
    assert [i["rule"] or i["verdict"] for i in items] == ["accepted", "invalid-document", "accepted"]
    assert "U+0000" in items[1]["errors"][0]["message"]


@pytest.mark.parametrize("table", ["events", "inbox"])
async def test_a_full_disk_is_told_and_the_same_sent_again_is_stored_once(
    running: Any, http: httpx.AsyncClient, url: str, table: str
) -> None:
    """PostgreSQL says 53100 wherever it has no room: before anything is stored, or after the decision was."""
    await running.open("C1")
    await running.open("C2")
    before = await running.runtime.store.head()
    owner = await asyncpg.connect(url)
    await owner.execute(
        "create function full_disk() returns trigger language plpgsql as "
        "$$begin raise exception 'could not extend file' using errcode = 'disk_full'; end$$"
    )
    await owner.execute(f"create trigger full_disk before insert on {table} execute function full_disk()")
    batch = [event("1", terms()), event("2", terms("C2")), event("3", terms(amount="3.00"))]
    full = await http.post(
        "/api/credit/intake",
        json=batch,
        headers={"Content-Type": "application/cloudevents-batch+json", "Accept-Language": "zh-CN"},
    )
    assert (full.status_code, full.json()["type"]) == (507, "/problems/kehu/storage-full")
    assert "磁盘已满" in full.json()["title"]
    assert "make room" in (await send(http, batch[0])).json()["title"]
    await owner.execute(f"drop trigger full_disk on {table}")
    await owner.close()
    assert await verdicts(http, *batch) == ["accepted"] * 3
    assert await verdicts(http, *batch) == ["duplicate"] * 3
    assert await running.runtime.store.head() == before + 3


async def test_a_single_document_that_is_wrong_is_a_problem(http: httpx.AsyncClient) -> None:
    unknown = await send(http, event("1", terms(), "erp.Nothing.v1"))
    version = await send(http, event("2", terms(), "erp.CreditTerms.v9"))
    invalid = await send(http, event("3", terms(limit=None, valid_from="x")))
    nothing = await send(http, {"id": "4"})
    assert [r.json()["type"].rpartition("/")[2] for r in (unknown, version, invalid, nothing)] == [
        "unknown-type", "unknown-version", "invalid-document", "invalid-message",
    ]  # fmt: skip
    assert {r.status_code for r in (unknown, version, invalid, nothing)} == {422}
    assert invalid.json()["errors"][0]["pointer"] == "/valid_from"


async def test_json_that_is_malformed_or_too_many_are_malformed(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/cloudevents+json"}
    broken = await http.post("/api/credit/intake", content=b'{"specversion": NaN}', headers=headers)
    deep = await http.post("/api/credit/intake", content=b"[" * 200_000, headers=headers)
    many = await send(http, [{}] * 1001)
    assert [r.status_code for r in (broken, deep, many)] == [422, 422, 422]
    assert broken.json()["type"] == "/problems/kehu/malformed"


async def test_a_single_document_of_more_than_a_megabyte_is_too_large(http: httpx.AsyncClient) -> None:
    response = await send(http, event("1", terms(reason="x" * 1_000_001)))
    assert (response.status_code, response.json()["type"]) == (413, "/problems/kehu/too-large")


async def test_amounts_sent_as_numbers_keep_every_digit(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    headers = {"Content-Type": "application/cloudevents+json"}
    body = (
        b'{"specversion":"1.0","source":"erp","id":"1","type":"erp.CreditTerms.v1","data":{"customer":"C1",'
        b'"limit":{"amount":123456789012345678.91,"currency":"CNY"},"valid_from":"2026-01-01"}}'
    )
    response = await http.post("/api/credit/intake", content=body, headers=headers)
    assert response.json()["verdict"] == "accepted"
    (last,) = await running.runtime.store.read_all(1, 1)
    assert str(last.event.limit.amount) == "123456789012345678.91"


async def test_a_document_that_waits_is_decided_when_its_customer_arrives(
    running: Any, http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    assert await verdicts(http, event("1", terms())) == ["waiting"]
    assert await verdicts(http, event("1", terms())) == ["duplicate"]
    refused = await send(http, event("1", terms(amount="5.00")))
    assert refused.json()["type"] == "/problems/kehu/other-body"
    await running.open("C1")

    async def accepted() -> bool:
        items = (await http.get("/api/credit/intake/receipts")).json()["items"]
        return [i["verdict"] for i in items] == ["accepted"]

    await eventually(accepted)
    (receipt,) = (await http.get("/api/credit/intake/receipts", params={"source": "erp"})).json()["items"]
    assert (receipt["id"], receipt["position"]) == ("1", 2)
    assert await running.runtime.inbox.due(["C1"], 10) == []


async def test_what_arrived_while_nobody_looked_is_found_at_the_next_start(
    settings: Settings, start: Any, eventually: Callable[..., Any]
) -> None:
    settings.intake.retry = 3600
    async with start(settings) as it:
        assert await verdicts(it.http, event("1", terms())) == ["waiting"]
        await it.runtime.supervisor.stop()
        await it.open("C1")
    async with start(settings) as it:

        async def accepted() -> bool:
            items = (await it.http.get("/api/credit/intake/receipts")).json()["items"]
            return [i["verdict"] for i in items] == ["accepted"]

        await eventually(accepted)


async def test_a_document_that_waited_too_long_is_refused(
    running: Any, http: httpx.AsyncClient, settings: Settings, eventually: Callable[..., Any]
) -> None:
    settings.intake.wait = timedelta(0)
    await send(http, event("1", terms()))

    async def refused() -> bool:
        items = (await http.get("/api/credit/intake/receipts")).json()["items"]
        return [i["rule"] for i in items] == ["waited-too-long"]

    await eventually(refused)
    assert await running.runtime.inbox.due(["C1"], 10) == []


async def test_a_refused_document_is_decided_anew_when_it_is_sent_again(http: httpx.AsyncClient) -> None:
    assert await verdicts(http, event("1", {"customer": "C1"})) == ["rejected"]
    assert await verdicts(http, event("1", company(), CUSTOMER)) == ["accepted"]
    assert await verdicts(http, event("2", company(), CUSTOMER)) == ["rejected"]
    assert await verdicts(http, event("2", company("C2"), CUSTOMER)) == ["accepted"]


async def test_the_documents_of_one_customer_are_decided_in_their_order(running: Any, http: httpx.AsyncClient) -> None:
    customers = [f"C{n}" for n in range(20)]
    messages = [event(f"{c}-open", company(c), CUSTOMER) for c in customers]
    messages += [event(f"{c}-{n}", terms(c, f"{n}.00")) for n in range(1, 6) for c in customers]
    assert set(await verdicts(http, *messages)) == {"accepted"}
    for c in customers:
        stored = await running.runtime.store.read_stream(f"account-{c}")
        assert [str(e.event.limit.amount) for e in stored[1:]] == [f"{n}.00" for n in range(1, 6)]


async def test_a_verdict_that_was_lost_before_it_was_kept_is_the_same_again(
    running: Any, http: httpx.AsyncClient
) -> None:
    await running.open("C1")
    await send(http, event("1", terms()))
    await running.runtime.database.pool.execute("delete from inbox")
    assert (await send(http, event("1", terms()))).json()["position"] == 2
    assert await running.runtime.store.head() == 2


async def test_personal_data_is_kept_nowhere_by_the_intake(running: Any, http: httpx.AsyncClient) -> None:
    await verdicts(http, event("1", company(), CUSTOMER), event("2", company(), CUSTOMER))
    for table in ("inbox", "waiting", "verdicts", "events"):
        rows = await running.runtime.database.pool.fetch(f"select t::text from {table} t")
        assert not any("Zhang" in row[0] for row in rows), table


async def test_only_an_integration_may_send_documents(http: httpx.AsyncClient) -> None:
    http.headers["Authorization"] = "Bearer dev-finance"
    response = await send(http, event("1", terms()))
    assert (response.status_code, response.json()["params"]) == (403, {"roles": "integration"})


async def test_an_initial_load_asserts_recorded_times_until_the_company_goes_live(
    running: Any, http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    message = event("1", company(), CUSTOMER, recordedtime="2004-01-05T00:00:00+08:00")
    assert (await send(http, message, origin="initial_load")).json()["verdict"] == "accepted"
    (loaded,) = await running.runtime.store.read_all(0, 1)
    assert (loaded.origin, loaded.recorded.isoformat()) == ("initial_load", "2004-01-04T16:00:00+00:00")
    await http.post("/api/credit/live", headers={"Idempotency-Key": "live"})

    async def over() -> bool:
        response = await send(http, event("2", company("C2"), CUSTOMER), origin="initial_load")
        return response.status_code == 409 and response.json()["type"] == "/problems/kehu/initial-load-over"

    await eventually(over)


async def test_a_document_of_today_asserts_no_recorded_time(running: Any, http: httpx.AsyncClient) -> None:
    message = event("1", company(), CUSTOMER, recordedtime="2004-01-05T00:00:00+08:00")
    assert (await send(http, message)).json()["verdict"] == "accepted"
    (stored,) = await running.runtime.store.read_all(0, 1)
    assert (stored.origin, stored.recorded.year > 2004) == ("live", True)

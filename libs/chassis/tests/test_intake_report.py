"""The report on the intake: every message counted once by its fate, what came twice, which numbers never came."""

from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from chassis.saying import read_in_part
from engine.inbox import Told
from events import erp

TERMS = "erp.CreditTerms.v1"


def told(name: str, kind: str = TERMS, data: Any = None, **more: Any) -> dict[str, Any]:
    limit = {"amount": "100.00", "currency": "CNY"}
    terms = {"customer": "C1", "limit": limit, "valid_from": "2026-01-01"}
    return {"specversion": "1.0", "source": "erp", "id": name, "type": kind, "data": data or terms, **more}


async def send(http: httpx.AsyncClient, *messages: dict[str, Any]) -> list[str]:
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answer = await http.post("/api/credit/intake", json=list(messages), headers=headers)
    return [r["verdict"] for r in answer.json()["items"]]


async def rows(http: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    answer = await http.get("/api/credit/intake/report", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_every_message_counts_once_and_what_came_again_beside_it(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    other = told("1", data={**told("1")["data"], "valid_from": "2026-02-01"})
    waits = told("2", data={**told("2")["data"], "customer": "C2"})
    sent = [told("1"), told("1"), told("1"), other, waits, told("3", data={"customer": "C1"})]
    assert await send(http, *sent) == ["accepted", "duplicate", "duplicate", "rejected", "waiting", "rejected"]
    await send(http, told("3"), told("3"))
    (row,) = await rows(http)
    assert (row["source"], row["type"], row["messages"], row["accepted"], row["waiting"]) == ("erp", TERMS, 3, 2, 1)
    assert (row["duplicates"], row["conflicts"], row["rejected"]) == (3, 1, 0)
    assert row["waiting_since"] is not None
    await send(http, told("4", data={"customer": "C1"}))
    (row,) = await rows(http)
    (refused,) = row["refused_by"]
    assert (refused["rule"], refused["messages"], set(refused["says"])) == ("invalid-document", 1, {"en", "zh-CN"})


async def test_numbers_that_never_came_are_told_where_they_make_a_series(running: Any, http: httpx.AsyncClient) -> None:
    """Ten numbers and more, of which half at least came: fewer or sparser ones are no series."""
    await running.open("C1")
    numbers = [n for n in range(1, 20) if n not in (4, 8, 9)]
    await send(http, *[told(f"s{n}", sequence=f"{n:05d}") for n in numbers])
    (series,) = (await rows(http))[0]["series"]
    assert (series["by"], series["numbers"], series["first"], series["last"]) == ("sequence", 16, "00001", "00019")
    assert (series["missing"], [(g["first"], g["last"]) for g in series["gaps"]]) == (
        3,
        [("00004", "00004"), ("00008", "00009")],
    )
    await send(http, *[told(f"far{n}", sequence=f"{n}00") for n in range(1, 30)])
    assert (await rows(http))[0]["series"] == []


def test_a_refused_document_keeps_its_number_customer_and_amount_and_one_of_persons_nothing() -> None:
    money = {"amount": "12.00", "currency": "CNY"}
    invoice = {"customer": "C1", "invoice": "I-7", "amount": money, "invoice_date": "yesterday", "colour": "red"}
    assert read_in_part(erp.Invoice, invoice, "7") == ("C1", Told("I-7", Decimal("12.00"), "CNY", sequence="7"))
    paid = {"payment": "P 1", "amount": money, "value_date": "2026-01-02", "rate": "7.1"}
    known = Told(None, Decimal("-12.00"), "CNY", Decimal("7.1"), date(2026, 1, 2))
    assert read_in_part(erp.Payment, paid, None) == (None, known)
    person = {"customer": "C1", "contacts": [{"person": "P1", "name": "Ms Zhang", "phone": 139}]}
    assert read_in_part(erp.Customer, person, None) == (None, Told())
    assert read_in_part(erp.Invoice, ["no object"], None) == (None, Told())


async def test_the_report_comes_in_pages_and_can_be_narrowed(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    await send(http, told("1"), told("2", "erp.CreditTerms.v9"), {**told("3"), "source": "crm 2"})
    page = (await http.get("/api/credit/intake/report", params={"limit": 2})).json()
    assert [(r["source"], r["type"]) for r in page["items"]] == [("crm 2", TERMS), ("erp", TERMS)]
    rest = (await http.get("/api/credit/intake/report", params={"limit": 2, "after": page["next"]})).json()
    assert ([(r["source"], r["type"]) for r in rest["items"]], rest["next"]) == ([("erp", "erp.CreditTerms.v9")], None)
    assert [r["source"] for r in await rows(http, source="crm 2")] == ["crm 2"]
    assert [r["source"] for r in await rows(http, type=TERMS)] == ["crm 2", "erp"]

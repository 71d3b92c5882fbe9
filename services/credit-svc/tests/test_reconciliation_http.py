"""A reconciliation over HTTP on a real database: documents that wait, were refused, never came, came twice."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from events.customer import Basics, CustomerRegistered

pytestmark = pytest.mark.database
Eventually = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def invoice(number: str, amount: str, **more: Any) -> dict[str, Any]:
    dates = {"invoice_date": "2026-02-20", "due": "2026-03-20"}
    return {"customer": "C-1", "invoice": number, "amount": cny(amount), **dates, **more}


def payment(number: str, amount: str, *names: str) -> dict[str, Any]:
    return {
        "customer": "C-1", "payment": number, "amount": cny(amount), "value_date": "2026-02-25", "names": list(names),
    }  # fmt: skip


def item(number: str, amount: str, kind: str = "invoice") -> dict[str, str]:
    return {"document": number, "kind": kind, "open": amount}


def statement(balance: str, *items: dict[str, str], **more: Any) -> dict[str, Any]:
    listed = {"items": list(items)} if items else {}
    stated = {"customer": "C-1", "currency": "CNY", "balance": balance, **listed}
    return {"source": "erp", "as_of": "2026-03-01", "balances": [stated], **more}


async def lived(kehu: Any, eventually: Eventually) -> None:
    """I-1 (500) with 200 paid, I-2 (80) booked twice; a credit note waits for I-7, I-9 was refused, I-8 never came."""
    basics = Basics(name="沪东机械", type="dealer", currency="CNY")
    await kehu.hear(CustomerRegistered(customer="C-1", basics=basics, since=date(2026, 1, 1)))

    async def opened() -> bool:
        return bool((await kehu.http.get("/api/credit/accounts/C-1")).status_code == 200)

    await eventually(opened)
    note = {"customer": "C-1", "credit_note": "N-1", "invoice": "I-7", "amount": cny("25"), "reason": "scratched"}
    sent = [
        ("erp.Invoice.v1", "m1", invoice("I-1", "500"), "accepted"),
        ("erp.Invoice.v1", "m2", invoice("I-2", "80"), "accepted"),
        ("erp.Invoice.v1", "m3", invoice("I-2/COPY", "80"), "accepted"),
        ("erp.Payment.v1", "m4", payment("P-1", "200", "I-1"), "accepted"),
        ("erp.CreditNote.v1", "m5", {**note, "issued_on": "2026-02-26"}, "waiting"),
        ("erp.Invoice.v1", "m6", {k: v for k, v in invoice("I-9", "60").items() if k != "due"}, None),
        ("erp.Invoice.v1", "m7", invoice("I-10", "11", nonsense=1), None),
    ]
    for type_, name, data, verdict in sent:
        assert (await kehu.erp(type_, name, data)).get("verdict") == verdict, name


ITEMS = (
    item("I-1", "300"), item("I-2", "80"), item("N-1", "-25", "credit_note"), item("I-9", "60"), item("I-10", "11"),
    item("I-8", "1000"),
)  # fmt: skip


async def test_each_difference_is_taken_apart_into_the_messages_that_made_it(kehu: Any, eventually: Eventually) -> None:
    await lived(kehu, eventually)
    answer = await kehu.post("/reconciliations", statement("1426", *ITEMS), token="dev-finance")
    assert answer.status_code == 200, answer.text
    name = answer.json()["id"]
    made = await kehu.get(f"/reconciliations/{name}")
    assert (made["compared"], made["equal"], made["unexplained"], made["made_by"]) == (1, 0, 0, "dev-finance")
    assert (await kehu.get("/reconciliations"))["items"] == [made]
    (found,) = (await kehu.get(f"/reconciliations/{name}/differences", customer="C-1"))["items"]
    assert (found["ours"], found["theirs"], found["difference"]) == ("460.00", "1426.00", "-966.00")
    lines = {e["kind"] + " " + str(e["document"]): e for e in found["explanations"]}
    assert {name: (e["amount"], e["message"]) for name, e in lines.items()} == {
        "waiting N-1": ("25.00", "m5"),
        "rejected I-9": ("-60.00", "m6"),
        "rejected I-10": ("-11.00", "m7"),
        "duplicate I-2/COPY": ("80.00", "m3"),
        "missing_here I-8": ("-1000.00", None),
    }
    refused = lines["rejected I-9"]
    assert (refused["type"], refused["since"] is not None) == ("/problems/credit/no-due-date", True)
    assert set(refused["refusal"]) == set(refused["advice"]) == {"en", "zh-CN"}
    assert (await kehu.get(f"/reconciliations/{name}/differences", unexplained="true"))["items"] == []


async def test_a_preview_says_the_same_and_keeps_nothing(kehu: Any, eventually: Eventually) -> None:
    await lived(kehu, eventually)
    answer = await kehu.post("/reconciliations/preview", statement("394"), token="dev-finance")
    (found,) = answer.json()["differences"]
    assert [(e["kind"], e["amount"]) for e in found["explanations"]] == [("waiting", "25.00"), ("unexplained", "41.00")]
    equal = (await kehu.post("/reconciliations/preview", statement("460"), token="dev-finance")).json()
    assert (equal["equal"], equal["differences"]) == (1, [])
    assert (await kehu.get("/reconciliations"))["items"] == []


async def test_as_of_a_day_before_a_payment_the_balance_is_what_was_owed_then(
    kehu: Any, eventually: Eventually
) -> None:
    await lived(kehu, eventually)
    early = {**statement("660"), "as_of": "2026-02-24", "drawn_up": "2099-01-01T00:00:00Z"}
    assert (await kehu.post("/reconciliations/preview", early)).json()["differences"] == []
    sooner = {**statement("0"), "as_of": "2026-02-19", "drawn_up": "2099-01-01T00:00:00Z"}
    assert (await kehu.post("/reconciliations/preview", sooner)).json()["differences"] == []


async def test_a_reconciliation_is_made_once_and_by_those_who_may(kehu: Any, eventually: Eventually) -> None:
    await lived(kehu, eventually)
    key = {"Idempotency-Key": "monthly"}
    first = await kehu.post("/reconciliations", statement("460"), **key)
    again = await kehu.post("/reconciliations", statement("460"), **key)
    assert (first.json()["id"], again.json()["repeated"]) == (again.json()["id"], True)
    assert (await kehu.post("/reconciliations", statement("460"), token="dev-sales")).status_code == 403
    twice = statement("1")
    refused = await kehu.post("/reconciliations", {**twice, "balances": twice["balances"] * 2})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/credit/balance-stated-twice")
    assert (await kehu.http.get("/api/credit/reconciliations/RC-0")).status_code == 404

"""credit-svc over HTTP, through its intake and beside customer-svc's log: the real app on a real database."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from events.base import NonNegativeMoney
from events.company import DayOpened, WentLive
from events.credit import InvoiceSettled
from events.customer import Basics, CustomerRegistered, OrderCancelled, OrderDelivered, OrderLine, OrderPlaced

pytestmark = pytest.mark.database
Eventually = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
DAY = date(2026, 3, 1)


def money(amount: str, currency: str = "CNY") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def rule(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def bill(invoice: str, amount: str, due: str = "2026-03-31", **more: Any) -> dict[str, Any]:
    body = {"customer": "C-1", "invoice": invoice, "invoice_date": "2026-03-01", "amount": money(amount), "due": due}
    return {**body, **more}


def pay(payment: str, amount: str, *names: str) -> dict[str, Any]:
    body = {"customer": "C-1", "payment": payment, "amount": money(amount), "value_date": "2026-03-02"}
    return {**body, "names": list(names)}


def order(name: str, amount: str) -> OrderPlaced:
    return OrderPlaced(
        customer="C-1",
        order=name,
        order_date=DAY,
        currency="CNY",
        lines=(OrderLine(product="A", quantity=Decimal(1), price=Decimal(amount)),),
        total=NonNegativeMoney(amount=Decimal(amount), currency="CNY"),
    )


async def known(kehu: Any, eventually: Eventually, limit: str | None = None, customer: str = "C-1") -> None:
    """customer-svc registers the customer; credit opens its account."""
    basics = Basics(name="沪东机械", type="dealer", currency="CNY")
    await kehu.hear(CustomerRegistered(customer=customer, basics=basics, since=DAY))

    async def opened() -> bool:
        answer = await kehu.http.get(f"/api/credit/accounts/{customer}")
        return bool(answer.status_code == 200)

    await eventually(opened)
    if limit is not None:
        body = {"customer": customer, "limit": money(limit), "reason": "agreed", "valid_from": "2026-03-01"}
        answer = await kehu.post("/limits", body)
        assert answer.status_code == 200, answer.text


async def test_a_registered_customer_has_an_account_without_credit(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually)
    shown = await kehu.get("/accounts/C-1")
    assert (shown["limit"], shown["because"], shown["risk_class"]) == ("0.00", "new-account-default", "CA3")
    assert (await kehu.get("/accounts"))["items"] == [shown]


async def test_a_limit_is_set_and_its_history_kept(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually, "100.00")
    refused = await kehu.post("/limits", {"customer": "C-1", "limit": None})
    assert (refused.status_code, rule(refused)) == (409, "raise-needs-reason")
    await kehu.post("/risk-classes", {"customer": "C-1", "risk_class": "CA1", "reason": "sound"})
    shown = await kehu.get("/accounts/C-1")
    assert (shown["limit"], shown["available"], shown["risk_class"]) == ("100.00", "100.00", "CA1")
    assert [row["limit"] for row in (await kehu.get("/accounts/C-1/limits"))["items"]] == ["0.00", "100.00"]


async def test_an_unknown_customer_is_404(kehu: Any) -> None:
    answer = await kehu.http.get("/api/credit/accounts/C-9")
    assert (answer.status_code, rule(answer)) == (404, "unknown-customer")
    posted = await kehu.post("/invoices", bill("I-1", "5"))
    assert (posted.status_code, rule(posted)) == (404, "unknown-customer")


async def test_a_check_reserves_nothing_and_says_so(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually, "100.00")
    asked = {"customer": "C-1", "amount": money("60.00")}
    for _ in range(2):
        answer = (await kehu.http.post("/api/credit/checks", json=asked)).json()
        assert (answer["granted"], answer["reserved"], answer["exposure"]) == (True, False, "0")
    answer = (await kehu.http.post("/api/credit/checks", json={**asked, "amount": money("100.01")})).json()
    assert (answer["granted"], answer["limit"], answer["because"]) == (False, "100.00", "own-limit")
    assert [r["rule"] for r in answer["reasons"]] == ["over-limit"]
    other = await kehu.http.post("/api/credit/checks", json={**asked, "amount": money("1.00", "USD")})
    assert (other.status_code, rule(other)) == (409, "currency-without-rate")


async def test_invoices_payments_and_credit_notes_settle_each_other(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually)
    await kehu.post("/payments", pay("P-1", "30.00", "I-1"))
    await kehu.post("/invoices", bill("I-1", "100.00"))
    await kehu.post("/invoices", bill("I-2", "50.00", due="2026-03-10"))
    await kehu.post("/payments", pay("P-2", "60.00"))
    note = {"customer": "C-1", "credit_note": "N-1", "invoice": "I-1", "amount": money("80.00"), "reason": "broken"}
    await kehu.post("/credit-notes", {**note, "issued_on": "2026-03-03"})
    shown = await kehu.get("/invoices/I-1")
    assert (shown["open"], shown["instalments"][0]["open"]) == ("0.00", "0.00")
    assert (await kehu.get("/invoices", only_open="true"))["items"] == []
    cash = (await kehu.get("/credit-notes", unallocated="true", customer="C-1"))["items"]
    assert [(row["document"], row["unallocated"]) for row in cash] == [("N-1", "20.00")]
    taken = (await kehu.get("/payments/P-2"))["allocations"]
    assert [(row["invoice"], row["amount"]) for row in taken] == [("I-2", "50.00"), ("I-1", "10.00")]
    account = await kehu.get("/accounts/C-1")
    assert (account["open_invoices"], account["unallocated_cash"], account["exposure"]) == ("0.00", "20.00", "-20.00")


async def test_a_payment_finds_the_invoice_that_no_view_has_folded_yet(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually)
    await kehu.runtime.supervisor.stop()
    await kehu.post("/invoices", bill("I-1", "100.00"))
    await kehu.post("/payments", pay("P-1", "130.00"))
    await kehu.post("/invoices", bill("I-2", "20.00"))
    settled = [e for i in ("I-1", "I-2") for e in await kehu.runtime.store.read_stream(f"invoice-{i}")]
    assert [e.event.amount.amount for e in settled if isinstance(e.event, InvoiceSettled)] == [100, 20]


async def test_more_than_is_open_is_refused_with_the_figures(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually)
    await kehu.post("/payments", pay("P-1", "90.00", "I-9"))
    await kehu.post("/invoices", bill("I-1", "50.00"))
    share = {"customer": "C-1", "kind": "payment", "document": "P-1"}
    body = {**share, "shares": [{"invoice": "I-1", "amount": money("50.01")}]}
    refused = await kehu.post("/allocations", body, **{"Accept-Language": "zh-CN"})
    assert (refused.status_code, rule(refused)) == (409, "over-allocation")
    assert refused.json()["title"] == "发票 I-1 的未清金额为 50.00，不能核销 50.01。"


async def test_amounts_are_positive_and_no_finer_than_the_currency(kehu: Any) -> None:
    for amount in ("-1", "0", "1.001", "many"):
        answer = await kehu.post("/invoices", bill("I-1", amount))
        assert answer.status_code == 422, amount


async def test_roles_are_asked_for(kehu: Any) -> None:
    body = {"customer": "C-1", "limit": None, "reason": "friends"}
    assert (await kehu.post("/limits", body, token="dev-sales")).status_code == 403
    assert (await kehu.post("/invoices", bill("I-1", "5"), token="dev-credit-manager")).status_code == 403


async def test_the_erp_is_answered_and_what_comes_too_early_waits(kehu: Any, eventually: Eventually) -> None:
    early = await kehu.erp("erp.Invoice.v1", "m-1", bill("I-1", "100.00"))
    assert early["verdict"] == "waiting"
    await known(kehu, eventually)

    async def arrived() -> bool:
        return bool((await kehu.http.get("/api/credit/invoices/I-1")).status_code == 200)

    await eventually(arrived)
    assert (await kehu.erp("erp.Payment.v1", "m-2", pay("P-1", "40.00")))["verdict"] == "accepted"
    terms = {"customer": "C-1", "limit": money("500.00"), "risk_class": "CA2", "valid_from": "2026-01-01"}
    assert (await kehu.erp("erp.CreditTerms.v1", "m-3", terms))["verdict"] == "accepted"
    note = {"customer": "C-1", "credit_note": "N-1", "amount": money("5.00"), "issued_on": "2026-03-03", "reason": "x"}
    assert (await kehu.erp("erp.CreditNote.v1", "m-4", {**note, "invoice": "I-7"}))["verdict"] == "waiting"
    sheet = {"total_assets": money("9000.00"), "on": "2026-02-28"}
    assert (await kehu.erp("erp.BalanceSheet.v1", "m-5", sheet))["verdict"] == "accepted"
    account = await kehu.get("/accounts/C-1")
    assert (account["exposure"], account["limit"], account["risk_class"]) == ("60.00", "500.00", "CA2")


async def test_orders_are_answered_held_ones_are_listed_and_released(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually, "100.00")
    await kehu.hear(order("O-1", "80.00"), stream="order-O-1")
    await kehu.hear(order("O-2", "30.00"), stream="order-O-2")

    async def held() -> list[Any]:
        found: list[Any] = (await kehu.get("/holds", customer="C-1"))["items"]
        return found

    await eventually(held)
    (hold,) = await held()
    assert (hold["order"], hold["amount"], hold["requested_by"]) == ("O-2", "30.00", "sales-1")
    assert [(r["rule"], r["exposure"]["amount"]) for r in hold["reasons"]] == [("over-limit", "80.00")]
    released = await kehu.post("/holds/releases", {"customer": "C-1", "order": "O-2", "reason": "insured"})
    assert released.status_code == 200
    assert (await kehu.get("/accounts/C-1"))["open_orders"] == "110.00"
    assert await held() == []
    by_hand = {"customer": "C-1", "order": "O-1", "reason": "rumours"}
    assert (await kehu.post("/holds/manual", by_hand)).status_code == 200
    assert [(h["order"], h["reasons"][0]["rule"]) for h in await held()] == [("O-1", "manual-hold")]
    again = await kehu.post("/holds/manual", by_hand)
    assert (again.status_code, rule(again)) == (409, "held-by-hand-already")


async def test_deliveries_and_cancellations_move_the_exposure(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually, "100.00")
    line = OrderLine(product="A", quantity=Decimal("0.25"), price=Decimal(80))
    delivered = OrderDelivered.model_validate(
        {
            "customer": "C-1",
            "order": "O-1",
            "delivery": "D-1",
            "lines": [{"product": "A", "quantity": "0.75"}],
            "value": money("60.00"),
            "complete": False,
            "delivered_on": DAY,
        }
    )
    cancelled = OrderCancelled.model_validate(
        {
            "customer": "C-1",
            "order": "O-1",
            "order_version": 1,
            "lines": [line.model_dump()],
            "undelivered": money("20.00"),
            "reason": "no need",
            "cancelled_on": DAY,
        }
    )
    await kehu.hear(order("O-1", "80.00"), delivered, cancelled, stream="order-O-1")

    async def moved() -> bool:
        shown = await kehu.get("/accounts/C-1")
        return bool((shown["open_orders"], shown["delivered"]) == ("0.00", "60.00"))

    await eventually(moved)
    await kehu.post("/invoices", bill("I-1", "60.00", order="O-1"))
    shown = await kehu.get("/accounts/C-1")
    assert (shown["delivered"], shown["open_invoices"], shown["exposure"]) == ("0.00", "60.00", "60.00")


async def test_lateness_is_noticed_once_a_step_when_its_day_opens(kehu: Any, eventually: Eventually) -> None:
    await known(kehu, eventually)
    await kehu.post("/invoices", bill("I-1", "60.00", due="2026-02-25"))
    await kehu.post("/invoices", bill("I-2", "60.00", due="2026-03-05"))

    async def noticed(*expected: list[int]) -> bool:
        rows = (await kehu.get("/invoices", customer="C-1"))["items"]
        return [row["instalments"][0]["noticed"] for row in rows] == list(expected)

    await eventually(lambda: noticed([1], []))
    await kehu.hear(WentLive(day=DAY, loaded_documents=0), stream="calendar-main")
    await kehu.hear(DayOpened(day=date(2026, 4, 10), previous=DAY), stream="calendar-main")
    await eventually(lambda: noticed([1, 30], [1, 30]))

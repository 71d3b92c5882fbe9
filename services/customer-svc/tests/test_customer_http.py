"""customer-svc over HTTP: the real app on a real database."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import httpx
import pytest

from chassis.testing import Served, serving
from chassis.workers import Daybreak
from customer_svc.service import SERVICE
from engine import clock
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import eventually
from events.base import Money, NonNegativeMoney
from events.credit import CreditGranted, Decided
from events.customer import Contact

pytestmark = pytest.mark.database
BASICS = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
LINES = [{"product": "A", "quantity": "10", "price": "3.335", "cost": "2"}]
ORDER = {"customer": "C-1", "order": "O-1", "currency": "CNY", "lines": LINES, "order_date": "2026-03-02"}
WANG = {"person": "P-1", "role": "buyer", "name": "王芳", "phone": "021-555", "email": None}


@pytest.fixture
async def kehu(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[Served]:
    async with serving(SERVICE, make_database, postgres_server, beside=("credit", "complaint", "analytics")) as served:
        yield served


async def registered(kehu: Served, customer: str = "C-1", **basics: str) -> None:
    answer = await kehu.post("", {"customer": customer, "basics": {**BASICS, **basics}})
    assert answer.status_code == 200, answer.text


def rule(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def test_a_customer_is_registered_and_read_back(kehu: Served) -> None:
    await registered(kehu)
    shown = await kehu.get("/C-1")
    assert shown.status_code == 200
    assert shown.headers["ETag"] == '"1"'
    assert shown.json()["name"] == "沪东机械"
    assert shown.json()["owner"] is None


async def test_a_customer_without_a_key_of_its_own_is_given_one_that_repeats_with_the_request(kehu: Served) -> None:
    first = await kehu.post("", {"basics": BASICS}, **{"Idempotency-Key": "same"})
    again = await kehu.post("", {"basics": BASICS}, **{"Idempotency-Key": "same"})
    assert first.json()["id"].startswith("C-")
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["repeated"]


async def test_the_basic_record_is_changed_by_whoever_saw_its_present_version(kehu: Served) -> None:
    await registered(kehu)
    body = {"customer": "C-1", "basics": {**BASICS, "name": "沪东重工"}}
    changed = await kehu.put("/basics", body, **{"If-Match": '"1"'})
    assert changed.status_code == 200
    late = await kehu.put("/owner", {"customer": "C-1", "owner": "zhao"}, **{"If-Match": '"1"'})
    assert late.status_code == 412
    owned = await kehu.put("/owner", {"customer": "C-1", "owner": "zhao"}, **{"If-Match": '"2"'})
    assert owned.headers["ETag"] == '"3"'
    shown = (await kehu.get("/C-1")).json()
    assert (shown["name"], shown["owner"], shown["version"]) == ("沪东重工", "zhao", 3)


async def test_customers_are_listed_by_key_in_pages_and_found_by_owner_type_and_name(kehu: Served) -> None:
    await registered(kehu, "C-1", owner="zhao")
    await registered(kehu, "C-2", name="Blue 100% Ltd", type="retailer")
    await registered(kehu, "C-3", name="Blue Lake")
    page = (await kehu.get("", limit="2")).json()
    assert [c["customer"] for c in page["items"]] == ["C-1", "C-2"]
    rest = (await kehu.get("", limit="2", cursor=page["next"])).json()
    assert ([c["customer"] for c in rest["items"]], rest["next"]) == (["C-3"], None)
    for params, found in (
        ({"owner": "zhao"}, ["C-1"]),
        ({"type": "retailer"}, ["C-2"]),
        ({"q": "blue"}, ["C-2", "C-3"]),
        ({"q": "0%"}, ["C-2"]),
    ):
        assert [c["customer"] for c in (await kehu.get("", **params)).json()["items"]] == found


async def test_refusals_are_problems_that_name_their_rule(kehu: Served) -> None:
    missing = await kehu.get("/C-9")
    assert (missing.status_code, rule(missing)) == (404, "no-such-customer")
    unknown = await kehu.put("/owner", {"customer": "C-9", "owner": "zhao"})
    assert (unknown.status_code, rule(unknown)) == (404, "no-such-customer")
    await registered(kehu)
    dollars = await kehu.put("/basics", {"customer": "C-1", "basics": {**BASICS, "currency": "USD"}})
    assert (dollars.status_code, rule(dollars)) == (409, "currency-is-fixed")
    assert "CNY" in dollars.json()["title"]
    order = await kehu.post("/orders", {**ORDER, "lines": []})
    assert order.status_code == 422
    gone = await kehu.get("/orders/O-9")
    assert (gone.status_code, rule(gone)) == (404, "no-such-order")


async def test_only_those_whose_work_it_is_may_change_something(kehu: Served) -> None:
    for token, path, allowed in (
        ("dev-sales", "/orders", True),
        ("dev-finance", "/orders", False),
        ("dev-operations", "/days/open", True),
        ("dev-sales", "/days/open", False),
        ("dev-sales", "/contacts/erase", False),
    ):
        answer = await kehu.post(path, {}, Authorization=f"Bearer {token}")
        assert answer.status_code == (422 if allowed else 403), (token, path)
    seen = await kehu.http.get("/api/customers/contacts?customer=C-1", headers={"Authorization": "Bearer dev-finance"})
    assert seen.status_code == 403


async def test_contacts_are_readable_until_they_are_removed_and_lie_nowhere_in_plain_text(kehu: Served) -> None:
    await registered(kehu)
    await kehu.put("/contacts", {"customer": "C-1", "contact": WANG})
    assert (await kehu.get("/contacts", customer="C-1")).json() == {"items": [WANG], "next": None}
    assert not await kehu.leaks("王芳", "021-555")
    await kehu.post("/contacts/remove", {"customer": "C-1", "person": "P-1"})
    assert (await kehu.get("/contacts", customer="C-1")).json()["items"] == []


async def test_an_erased_person_can_be_read_nowhere_and_the_rest_of_the_record_stays(
    kehu: Served,
) -> None:
    await registered(kehu)
    await kehu.put("/contacts", {"customer": "C-1", "contact": WANG})
    await kehu.post("/contacts/erase", {"customer": "C-1", "person": "P-1", "reason": "asked for it"})
    assert (await kehu.get("/contacts", customer="C-1")).json()["items"] == []
    pool = kehu.runtime.database.pool

    async def unreadable() -> bool:
        [_, recorded, _] = await kehu.runtime.store.read_stream("customer-C-1")
        return bool(recorded.event.contact == Contact(person="P-1", role="buyer", name=None, phone=None, email=None))

    await eventually(unreadable)
    assert not await pool.fetch("select 1 from personal_keys where person = 'P-1'")
    again = await kehu.put("/contacts", {"customer": "C-1", "contact": WANG})
    assert rule(again) == "person-is-erased"
    assert (await kehu.get("/C-1")).json()["name"] == "沪东机械"


async def test_an_order_awaits_credit_and_is_shown_with_its_lines(kehu: Served) -> None:
    await registered(kehu)
    placed = await kehu.post("/orders", ORDER)
    assert placed.json()["id"] == "O-1"
    shown = (await kehu.get("/orders/O-1")).json()
    assert (shown["state"], shown["total"], shown["currency"]) == ("awaiting_credit", "33.35", "CNY")
    assert (shown["delivered"], shown["cancelled"]) == ("0.00", "0.00")
    assert shown["lines"][0] == {**LINES[0], "description": "", "category": ""}
    early = await kehu.post("/orders/deliver", {"order": "O-1", "delivery": "D-1"})
    assert (early.status_code, rule(early)) == (409, "credit-not-decided")


async def test_orders_are_changed_cancelled_and_listed(kehu: Served) -> None:
    await registered(kehu)
    await kehu.post("/orders", ORDER)
    await kehu.post("/orders", {**ORDER, "order": "O-2", "order_date": "2026-03-01"})
    changed = await kehu.post("/orders/change", {"order": "O-1", "lines": [{**LINES[0], "quantity": "20"}]})
    assert changed.status_code == 200
    await kehu.post("/orders/cancel", {"order": "O-2", "reason": "no need"})
    listed = (await kehu.get("/orders", customer="C-1")).json()["items"]
    assert [(o["order"], o["order_version"], o["total"], o["state"]) for o in listed] == [
        ("O-2", 1, "33.35", "cancelled"),
        ("O-1", 2, "66.70", "awaiting_credit"),
    ]
    assert [o["order"] for o in (await kehu.get("/orders", state="cancelled")).json()["items"]] == ["O-2"]
    newest = (await kehu.get("/orders", newest_first="true", limit="1")).json()["items"]
    assert [o["order"] for o in newest] == ["O-1"]


async def test_what_credit_grants_is_confirmed_and_may_be_delivered(kehu: Served) -> None:
    await registered(kehu)
    await kehu.post("/orders", ORDER)
    amount = NonNegativeMoney(amount=Decimal("33.35"), currency="CNY")
    decided = Decided(
        exposure=Money(amount=Decimal(0), currency="CNY"), limit=None, because="own-limit", on=date(2026, 3, 2)
    )
    granted = CreditGranted(
        customer="C-1", order="O-1", order_version=1, amount=amount, decided=decided, expires_on=date(2026, 6, 2)
    )
    await kehu.hears("credit", "account-C-1", granted, date(2026, 3, 2))

    async def confirmed() -> bool:
        return bool((await kehu.get("/orders/O-1")).json()["state"] == "confirmed")

    await eventually(confirmed)
    part = [{"product": "A", "quantity": "4"}]
    await kehu.post("/orders/deliver", {"order": "O-1", "delivery": "D-1", "lines": part})
    assert (await kehu.get("/orders/O-1")).json()["state"] == "partly_delivered"
    await kehu.post("/orders/deliver", {"order": "O-1", "delivery": "D-2"})
    shown = (await kehu.get("/orders/O-1")).json()
    assert (shown["state"], shown["delivered"]) == ("delivered", "33.35")
    assert [d["value"] for d in shown["deliveries"]] == ["13.34", "20.01"]


async def test_the_business_day_moves_forwards_and_the_company_goes_live(kehu: Served) -> None:
    before = (await kehu.get("/days")).json()
    assert (before["opened"], before["went_live"]) == (False, False)
    await kehu.post("/days/open", {"day": "2040-03-02"})
    await kehu.post("/days/advance", {"since": "2040-03-02", "days": 3})
    await kehu.post("/days/live", {"loaded_documents": 7})
    shown = (await kehu.get("/days")).json()
    assert shown == {"company": "main", "today": "2040-03-05", "opened": True, "went_live": True}
    back = await kehu.post("/days/open", {"day": "2040-03-04"})
    assert (back.status_code, rule(back)) == (409, "day-is-past")


async def test_the_day_of_the_clock_is_opened_once_and_only_where_no_later_one_is_open(
    kehu: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "today", lambda _: date(2040, 2, 29))
    for _ in range(2):
        await Daybreak(kehu.runtime).look()
    await kehu.post("/days/open", {"day": "2040-03-05"})
    assert (await kehu.get("/days")).json()["today"] == "2040-03-05"
    await Daybreak(kehu.runtime).look()
    opened = await kehu.runtime.store.read_stream("calendar-main")
    assert [e.event.day for e in opened] == [date(2040, 2, 29), date(2040, 3, 5)]


async def test_the_erp_sends_customers_orders_deliveries_and_cancellations(kehu: Served) -> None:
    customer = {"customer": "C-1", "basics": BASICS, "contacts": [WANG]}
    assert (await kehu.erp("erp.Customer.v1", "m-1", customer))["verdict"] == "accepted"
    assert (await kehu.erp("erp.Customer.v1", "m-1", customer))["verdict"] == "duplicate"
    assert (await kehu.erp("erp.Order.v1", "m-2", ORDER))["verdict"] == "accepted"
    delivery = {"customer": "C-1", "order": "O-1", "delivery": "D-1", "delivered_on": "2026-03-03"}
    part = {**delivery, "lines": [{"product": "A", "quantity": "4"}]}
    assert (await kehu.erp("erp.Delivery.v1", "m-3", part))["verdict"] == "accepted"
    shown = (await kehu.get("/orders/O-1")).json()
    assert [d["despite"] for d in shown["deliveries"]] == ["not_decided"]
    cancellation = {"customer": "C-1", "order": "O-1", "cancelled_on": "2026-03-04"}
    assert (await kehu.erp("erp.OrderCancellation.v1", "m-4", cancellation))["verdict"] == "accepted"
    shown = (await kehu.get("/orders/O-1")).json()
    assert (shown["state"], shown["delivered"], shown["cancelled"]) == ("cancelled", "13.34", "20.01")
    assert not await kehu.leaks("王芳", "021-555")


async def test_documents_wait_for_what_they_refer_to(kehu: Served) -> None:
    delivery = {"customer": "C-1", "order": "O-1", "delivery": "D-1", "delivered_on": "2026-03-03"}
    assert (await kehu.erp("erp.Delivery.v1", "m-3", delivery))["verdict"] == "waiting"
    assert (await kehu.erp("erp.Order.v1", "m-2", ORDER))["verdict"] == "waiting"
    await kehu.erp("erp.Customer.v1", "m-1", {"customer": "C-1", "basics": BASICS})

    async def delivered() -> bool:
        return bool((await kehu.get("/orders/O-1")).json().get("state") == "delivered")

    await eventually(delivered)


async def test_an_initial_load_needs_no_credit(kehu: Served) -> None:
    load = {"origin": "initial_load"}
    await kehu.erp("erp.Customer.v1", "m-1", {"customer": "C-1", "basics": BASICS}, **load)
    assert (await kehu.erp("erp.Order.v1", "m-2", ORDER, **load))["verdict"] == "accepted"
    assert (await kehu.get("/orders/O-1")).json()["state"] == "confirmed"

"""customer-svc over HTTP: search, the record with its blocks, persons, owners and groups."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from chassis.testing import Served, serving
from customer_svc.projections import owners
from customer_svc.service import SERVICE
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import eventually

pytestmark = pytest.mark.database
BASICS = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
VISIT = {"on": "2026-02-20", "how": "visit", "by": "zhao"}
EARLIER = {"on": "2025-02-20", "how": "phone"}


@pytest.fixture
async def kehu(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[Served]:
    async with serving(SERVICE, make_database, postgres_server, beside=("credit", "complaint", "analytics")) as served:
        await served.post("/days/open", {"day": "2026-03-02"})
        await served.get("/days")
        yield served


async def registered(kehu: Served, customer: str = "C-1", **basics: object) -> None:
    answer = await kehu.post("", {"customer": customer, "basics": {**BASICS, **basics}})
    assert answer.status_code == 200, answer.text


async def keys(kehu: Served, **params: str) -> list[str]:
    answer = await kehu.get("", **params)
    assert answer.status_code == 200, answer.text
    return [c["customer"] for c in answer.json()["items"]]


async def test_customers_are_found_by_whatever_is_known_of_them_the_closest_first(kehu: Served) -> None:
    await registered(kehu, "HD", name="Harbour Depot", address={"city": "Shanghai"})
    await registered(kehu, "C-1", address={"city": "上海"}, tax_id="91310115")
    await registered(kehu, "C-2", name="重庆长安", owner="zhao", group="G-1")
    await registered(kehu, "C-3", name="上海HD罐业", group="G-1", type="retailer")
    await registered(kehu, "C-4", name="Blue 100% _Lake_ 'Ltd", group="C-1")
    for q, found in (
        ("hd", ["HD", "C-1", "C-3"]),
        ("hudong", ["C-1"]),
        ("东机", ["C-1"]),
        ("\uff28\uff24 机械", ["C-1"]),
        ("91310115", ["C-1"]),
        ("chongqing", ["C-2"]),
        ("cqca", ["C-2"]),
        ("shanghai", ["C-3", "C-1", "HD"]),
        ("lake blue", ["C-4"]),
        ("0% _", ["C-4"]),
        ("%", ["C-4"]),
        ("_", ["C-4"]),
        ("'; drop table customers; --", []),
        ("\\", []),
    ):
        assert await keys(kehu, q=q) == found, q
    for filters, found in (
        ({"owner": "zhao"}, ["C-2"]),
        ({"without_owner": "true"}, ["C-1", "C-3", "C-4", "HD"]),
        ({"group": "G-1", "q": "hd"}, ["C-3"]),
        ({"group": "G-1", "type": "dealer"}, ["C-2"]),
        ({"city": "上海"}, ["C-1"]),
    ):
        assert await keys(kehu, **filters) == found, filters
    first = (await kehu.get("", q="hd", limit="2")).json()
    assert [c["customer"] for c in first["items"]] == ["HD", "C-1"]
    assert await keys(kehu, q="hd", limit="2", cursor=first["next"]) == ["C-3"]
    groups = (await kehu.get("/groups")).json()["items"]
    assert [(g["group"], g["name"], g["members"]) for g in groups] == [("C-1", "沪东机械", 1), ("G-1", None, 2)]


async def test_a_search_for_what_no_text_holds_is_refused(kehu: Served) -> None:
    assert (await kehu.get("", q="\x00")).status_code == 422


async def test_the_whole_record_is_shown_with_who_found_it_out_how_and_when(kehu: Served) -> None:
    await registered(kehu)
    blocks = {
        "characteristics": {"market_area": "华东"},
        "dealings": {"business_types": ["罐体", "盖"], "form": "key_customer"},
        "business_status": {"market_share": "0.125", "monthly_sales": [{"month": "2026-01-31", "quantity": "12000"}]},
    }
    put = await kehu.put("/record", {"customer": "C-1", "collected": VISIT, "blocks": blocks}, **{"If-Match": '"0"'})
    assert (put.status_code, put.json()["stream"]) == (200, "record-C-1")
    late = {"customer": "C-1", "collected": EARLIER, "blocks": {"characteristics": {"market_area": "华北"}}}
    lost = await kehu.put("/record", late, **{"If-Match": '"1"'})
    assert lost.status_code == 412
    await kehu.put("/record", late)
    shown = (await kehu.get("/C-1")).json()
    assert (shown["business_types"], shown["form"], shown["record_version"]) == (["罐体", "盖"], "key_customer", 4)
    found = shown["record"]["characteristics"]
    assert (found["content"]["market_area"], found["collected_on"], found["how"]) == ("华东", "2026-02-20", "visit")
    assert (found["collected_by"], found["recorded_by"], found["stale"]) == ("zhao", "dev-admin", False)
    assert shown["record"]["business_status"]["content"]["market_share"] == "0.125"
    assert shown["record"]["dossier"] is None
    history = (await kehu.get("/record/history", customer="C-1", block="characteristics")).json()
    assert [(h["collected_on"], h["content"]["market_area"]) for h in history] == [
        ("2026-02-20", "华东"),
        ("2025-02-20", "华北"),
    ]
    assert await keys(kehu, business_type="盖") == ["C-1"]
    assert await keys(kehu, business_type="罐") == []
    for path in ("/record/history?block=dossier&", "/owners/history?"):
        nobody = await kehu.http.get(f"/api/customers{path}customer=C-9")
        assert (nobody.status_code, nobody.json()["type"].rpartition("/")[2]) == (404, "no-such-customer")


async def test_a_record_goes_stale_unless_somebody_looks_it_through(kehu: Served) -> None:
    await registered(kehu)
    await kehu.put("/record", {"customer": "C-1", "collected": VISIT, "blocks": {"dossier": {"industry": "制罐"}}})
    await kehu.post("/days/open", {"day": "2040-01-01"})
    await kehu.get("/days")
    assert await keys(kehu, stale="true") == ["C-1"]
    shown = (await kehu.get("/C-1")).json()
    assert (shown["stale"], shown["record"]["dossier"]["stale"]) == (True, True)
    checked = {"customer": "C-1", "collected": {"on": "2039-12-31", "how": "phone"}}
    assert (await kehu.post("/record/verify", checked)).status_code == 200
    shown = (await kehu.get("/C-1")).json()
    assert (shown["stale"], shown["verified_on"], shown["record"]["dossier"]["stale"]) == (False, "2039-12-31", False)
    assert await keys(kehu, stale="true") == []
    ahead = await kehu.post("/record/verify", {**checked, "collected": {"on": "2040-01-02", "how": "phone"}})
    assert (ahead.status_code, "2040-01-02" in ahead.json()["title"]) == (409, True)


async def test_what_is_known_of_a_person_is_readable_by_its_person_and_gone_once_erased(kehu: Served) -> None:
    await registered(kehu)
    person = {"person": "P-1", "role": "legal_representative", "name": "王芳"}
    await kehu.put("/contacts", {"customer": "C-1", "contact": person})
    empty = await kehu.get("/contacts/profile", customer="C-1", person="P-1")
    assert (empty.status_code, empty.json()["type"].rpartition("/")[2]) == (404, "no-profile")
    likes = {"person": "P-1", "interests": "围棋", "education": "同济大学"}
    await kehu.put("/contacts/profile", {"customer": "C-1", "profile": likes, "collected": VISIT})
    known = (await kehu.get("/contacts/profile", customer="C-1", person="P-1")).json()
    assert (known["interests"], known["education"], known["family"]) == ("围棋", "同济大学", None)
    assert (known["how"], known["collected_by"], known["recorded_by"]) == ("visit", "zhao", "dev-admin")
    assert not await kehu.leaks("围棋", "同济大学", "王芳")
    other = await kehu.http.get(
        "/api/customers/contacts/profile?customer=C-1&person=P-1", headers={"Authorization": "Bearer dev-finance"}
    )
    assert other.status_code == 403
    await kehu.post("/contacts/erase", {"customer": "C-1", "person": "P-1", "reason": "asked for it"})
    gone = await kehu.get("/contacts/profile", customer="C-1", person="P-1")
    assert (gone.status_code, "围棋" in gone.text) == (404, False)


async def test_all_customers_of_an_employee_are_handed_over_once_however_often_it_is_asked(kehu: Served) -> None:
    for customer in ("C-1", "C-2", "C-3"):
        await registered(kehu, customer, owner="zhao")
    await registered(kehu, "C-4")
    order = {"previous": "zhao", "owner": "chen"}
    forbidden = await kehu.post("/owners/hand-over", order, Authorization="Bearer dev-sales")
    assert forbidden.status_code == 403
    done = await kehu.post("/owners/hand-over", order, **{"Idempotency-Key": "leave"})
    assert done.json() == {"customers": ["C-1", "C-2", "C-3"], "passed_over": [], "left": 0}
    await registered(kehu, "C-5", owner="zhao")
    again = await kehu.post("/owners/hand-over", order, **{"Idempotency-Key": "leave"})
    assert again.json() == {"customers": ["C-5"], "passed_over": [], "left": 0}
    counted = await paged(kehu, "/owners", 1)
    assert [(o["owner"], o["customers"]) for o in counted] == [("chen", 4), (None, 1)]
    async with kehu.runtime.reading() as read:
        assert await owners.of(read, "chen", date(2025, 1, 1), 3) == (["C-1", "C-2", "C-3"], 1)
    await kehu.post("/days/open", {"day": "2026-04-01"})
    await kehu.get("/days")
    await kehu.put("/owner", {"customer": "C-1", "owner": "li"})
    moved = await kehu.put("/owner", {"customer": "C-1", "owner": "wu", "previous": "chen"})
    assert (moved.status_code, moved.json()["type"].rpartition("/")[2]) == (409, "owned-by-another")
    history = (await kehu.get("/owners/history", customer="C-1")).json()
    assert [(h["owner"], h["since"], h["until"]) for h in history] == [
        ("zhao", "2026-03-02", "2026-03-02"),
        ("chen", "2026-03-02", "2026-04-01"),
        ("li", "2026-04-01", None),
    ]


async def test_another_system_brings_the_record_and_it_waits_for_its_customer(kehu: Served) -> None:
    record = {"customer": "C-1", "collected": VISIT, "blocks": {"supply_needs": {"delivery_days": 7, "unit": "罐"}}}
    assert (await kehu.erp("erp.CustomerRecord.v1", "m-2", record))["verdict"] == "waiting"
    customer = {
        "customer": "C-1",
        "basics": BASICS,
        "contacts": [{"person": "P-1", "name": "王芳"}],
        "profiles": [{"person": "P-1", "interests": "围棋"}],
        "collected": VISIT,
    }
    unsaid = await kehu.erp("erp.Customer.v1", "m-0", {**customer, "collected": None})
    assert ("`collected`" in str(unsaid["errors"]), "围棋" in str(unsaid)) == (True, False)
    assert (await kehu.erp("erp.Customer.v1", "m-1", customer))["verdict"] == "accepted"
    assert (await kehu.erp("erp.CustomerRecord.v1", "m-3", record))["verdict"] == "accepted"

    async def shown_at_last() -> Any:
        return (await kehu.get("/C-1")).json()["record"]["supply_needs"]

    await eventually(shown_at_last)  # the record that waited may have been taken meanwhile: then the last says nothing
    shown = await shown_at_last()
    assert (shown["content"]["delivery_days"], shown["content"]["wants_sales_training"]) == (7, None)
    assert (await kehu.get("/contacts/profile", customer="C-1", person="P-1")).json()["interests"] == "围棋"


async def paged(kehu: Served, path: str, limit: int, **asked: str) -> list[dict[str, Any]]:
    """All rows of a list, read `limit` at a time."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await kehu.get(path, limit=str(limit), **asked, **cursor)).json()
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_contacts_and_owners_are_read_in_pages_none_twice_and_none_left_out(kehu: Served) -> None:
    names = ["zhao", "Zhou", "chen", "Chen", "a"]
    for n, owner in enumerate(names):
        await registered(kehu, f"C-{n}", owner=owner)
    await registered(kehu, "C-9")
    for person in ("P-3", "P-1", "P-2"):
        contact = {"person": person, "role": "buyer", "name": person}
        await kehu.put("/contacts", {"customer": "C-1", "contact": contact})
    for limit in (1, 2, 500):
        assert [o["owner"] for o in await paged(kehu, "/owners", limit)] == [*sorted(names), None]
        assert [c["person"] for c in await paged(kehu, "/contacts", limit, customer="C-1")] == ["P-1", "P-2", "P-3"]

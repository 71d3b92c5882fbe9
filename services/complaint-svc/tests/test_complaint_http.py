"""complaint-svc over HTTP: the real app on a real database."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest

from chassis.testing import Served, serving
from complaint_svc.service import SERVICE
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import eventually
from events.customer import PersonErased

pytestmark = pytest.mark.database
OPEN = {
    "complaint": "CP-1",
    "customer": "C-1",
    "complainant": {"person": "P-1", "name": "王芳", "phone": "021-555"},
    "complained_at": "2026-03-02T09:00:00+08:00",
    "subject": "late_delivery",
    "object": "order O-1",
    "demand": "a discount",
    "invoice": "I-1",
    "disputed": {"amount": "120.50", "currency": "CNY"},
}
STEPS: list[tuple[str, dict[str, Any]]] = [
    ("", OPEN),
    ("/judge", {"complaint": "CP-1", "established": True, "finding": "ten days late", "feedback": "we apologise"}),
    ("/assign", {"complaint": "CP-1", "department": "logistics", "responsible": "sun"}),
    ("/analyse", {"complaint": "CP-1", "departments": ["logistics"], "cause": "no lorry"}),
    ("/propose", {"complaint": "CP-1", "solution": "5 % off"}),
    ("/refuse", {"complaint": "CP-1", "solution_version": 1, "answer": "too little", "negotiation": "8 %"}),
    ("/propose", {"complaint": "CP-1", "solution": "8 % off", "compensation": {"amount": "8", "currency": "CNY"}}),
    ("/accept", {"complaint": "CP-1", "solution_version": 2}),
    ("/carry-out", {"complaint": "CP-1", "result": "credit note CN-7"}),
    ("/evaluate", {"complaint": "CP-1", "summary": "late", "prevention": "a second carrier", "action": "a warning"}),
]


@pytest.fixture
async def kehu(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[Served]:
    async with serving(SERVICE, make_database, postgres_server, beside=("customer",)) as served:
        yield served


async def taken(kehu: Served, steps: int) -> None:
    for path, body in STEPS[:steps]:
        answer = await kehu.post(path, body)
        assert answer.status_code == 200, answer.text


def rule(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def test_a_complaint_is_walked_through_the_seven_steps_and_shown_with_all_of_them(kehu: Served) -> None:
    await taken(kehu, len(STEPS))
    shown = (await kehu.get("/CP-1")).json()
    assert (shown["stage"], shown["turn"], shown["solution_version"]) == ("evaluated", None, 2)
    assert (shown["department"], shown["responsible"]) == ("logistics", "sun")
    assert (shown["disputed"], shown["currency"], shown["invoice"]) == ("120.50", "CNY", "I-1")
    assert [s["what"] for s in shown["steps"]] == [
        "ComplaintOpened",
        "ComplaintJudged",
        "DepartmentAssigned",
        "CauseAnalysed",
        "SolutionProposed",
        "SolutionRefused",
        "SolutionProposed",
        "SolutionAccepted",
        "SolutionCarriedOut",
        "ComplaintEvaluated",
    ]
    assert shown["steps"][1]["said"]["finding"] == "ten days late"
    assert {s["by"] for s in shown["steps"]} == {"dev-admin"}


async def test_at_every_step_it_is_clear_whose_turn_it_is(kehu: Served) -> None:
    turns = []
    for path, body in STEPS:
        await kehu.post(path, body)
        turns.append((await kehu.get("/CP-1")).json()["turn"])
    h, d, c = "complaint_handler", "department", "customer"
    assert turns == [h, h, d, d, c, d, c, d, h, None]


async def test_refusals_are_problems_that_name_their_rule(kehu: Served) -> None:
    await taken(kehu, 5)
    early = await kehu.post("/carry-out", {"complaint": "CP-1", "result": "done"})
    assert (early.status_code, rule(early)) == (409, "not-accepted")
    skipped = await kehu.post("/evaluate", STEPS[-1][1])
    assert (skipped.status_code, rule(skipped)) == (409, "step-out-of-order")
    unknown = await kehu.get("/CP-9")
    assert (unknown.status_code, rule(unknown)) == (404, "no-such-complaint")
    empty = await kehu.post("/propose", {"complaint": "CP-1", "solution": "  "})
    assert empty.status_code == 422


async def test_a_complaint_without_a_key_of_its_own_is_given_one(kehu: Served) -> None:
    opened = await kehu.post("", {**OPEN, "complaint": ""})
    assert opened.json()["id"].startswith("CP-")
    assert (await kehu.get(f"/{opened.json()['id']}")).headers["ETag"] == '"1"'


async def test_the_queue_shows_the_oldest_first_by_stage_turn_and_customer(kehu: Served) -> None:
    await taken(kehu, 2)
    await kehu.post("", {**OPEN, "complaint": "CP-0", "complained_at": "2026-03-03T09:00:00+08:00"})
    await kehu.post("", {**OPEN, "complaint": "CP-2", "customer": "C-2", "complained_at": "2026-03-01T09:00:00+08:00"})
    dismissed = {"complaint": "CP-2", "established": False, "finding": "in time", "feedback": "see the waybill"}
    await kehu.post("/judge", dismissed)
    for params, found in (
        ({}, ["CP-2", "CP-1", "CP-0"]),
        ({"open": "true"}, ["CP-1", "CP-0"]),
        ({"stage": "recorded"}, ["CP-0"]),
        ({"stage": "not_established"}, ["CP-2"]),
        ({"turn": "complaint_handler"}, ["CP-1", "CP-0"]),
        ({"customer": "C-2"}, ["CP-2"]),
    ):
        assert [c["complaint"] for c in (await kehu.get("", **params)).json()["items"]] == found, params
    first = (await kehu.get("", limit="1")).json()
    second = (await kehu.get("", limit="1", cursor=first["next"])).json()
    assert [c["complaint"] for c in second["items"]] == ["CP-1"]


async def test_a_correction_shows_in_the_step_and_keeps_the_old_text(kehu: Served) -> None:
    await taken(kehu, 3)
    body = {"complaint": "CP-1", "step": "assigned", "field": "department", "value": "shipping", "reason": "renamed"}
    await kehu.post("/correct", body)
    shown = (await kehu.get("/CP-1")).json()
    assert (shown["department"], shown["stage"]) == ("shipping", "assigned")
    assert shown["steps"][2]["said"]["department"] == "shipping"
    assert (shown["steps"][3]["what"], shown["steps"][3]["said"]["previous"]) == ("StepCorrected", "logistics")


async def test_the_complainant_is_readable_for_handlers_and_lies_nowhere_in_plain_text(kehu: Served) -> None:
    await taken(kehu, 5)
    assert (await kehu.get("/complainant", complaint="CP-1")).json() == OPEN["complainant"]
    as_finance = {"Authorization": "Bearer dev-finance"}
    seen = await kehu.http.get("/api/complaints/complainant?complaint=CP-1", headers=as_finance)
    assert seen.status_code == 403
    assert not await kehu.leaks("王芳", "021-555")


async def test_a_complainant_erased_by_customer_svc_can_be_read_nowhere_here(kehu: Served) -> None:
    await taken(kehu, 1)
    erased = PersonErased(customer="C-1", person="P-1", reason="asked for it")
    await kehu.hears("customer", "customer-C-1", erased, date(2026, 3, 2))

    async def unreadable() -> bool:
        return bool((await kehu.get("/complainant", complaint="CP-1")).json()["name"] is None)

    await eventually(unreadable)
    assert (await kehu.get("/complainant", complaint="CP-1")).json() == {"person": "P-1", "name": None, "phone": None}
    assert (await kehu.get("/CP-1")).json()["object"] == "order O-1"


async def test_only_complaint_handlers_take_steps(kehu: Served) -> None:
    for token, path, allowed in (
        ("dev-complaint-handler", "/judge", True),
        ("dev-sales", "", True),
        ("dev-sales", "/judge", False),
        ("dev-finance", "", False),
    ):
        answer = await kehu.post(path, {}, Authorization=f"Bearer {token}")
        assert answer.status_code == (422 if allowed else 403), (token, path)

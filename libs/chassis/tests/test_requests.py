"""What a request is answered: right ones, wrong ones, repeated ones."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from chassis.problems import defects
from chassis.settings import Settings
from engine import business_day, ids
from engine.business_day import BUSINESS_DAY
from engine.ports import Append, Meta, NewEvent
from engine.views import group_of
from events.company import DayOpened

DAY = date(2040, 3, 2)
OPENED = NewEvent("calendar-main", DayOpened(day=DAY, previous=None), DAY)


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == kind
    return body


async def test_a_change_answers_with_its_position_and_version(running: Any) -> None:
    response = await running.open("C1")
    assert response.status_code == 201
    assert response.json() == {"position": 1, "version": 1, "stream": "account-C1", "repeated": False, "id": "C1"}
    assert response.headers["etag"] == '"1"'
    assert response.headers["x-kehu-position"] == "credit:1"


async def test_the_same_key_gives_the_same_answer_again(running: Any) -> None:
    first, again = await running.open("C1"), await running.open("C1")
    assert again.json() == first.json() | {"repeated": True}
    assert again.headers["idempotent-replay"] == "true"
    assert await running.runtime.store.head() == 1


async def test_a_refusal_is_repeated_too(running: Any) -> None:
    await running.open("C1", "one")
    refused, again = await running.open("C1", "two"), await running.open("C1", "two")
    assert problem(refused, 409, "/problems/credit/already-open") == problem(
        again, 409, "/problems/credit/already-open"
    ) | {"correlation": refused.json()["correlation"]}
    assert again.headers["idempotent-replay"] == "true"


async def test_the_same_key_with_another_body_is_refused_as_key_reused(running: Any) -> None:
    await running.open("C1", "one")
    problem(await running.open("C2", "one"), 422, "/problems/kehu/key-reused")


async def test_the_same_key_of_another_person_is_another_key(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1", "one")
    http.headers["Authorization"] = "Bearer dev-finance"
    assert (await running.open("C2", "one")).status_code == 201


async def test_a_change_without_a_key_is_refused_as_missing_idempotency_key(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/credit/accounts", json={"customer": "C1", "currency": "CNY"})
    problem(response, 422, "/problems/kehu/missing-idempotency-key")


async def test_a_drawn_key_is_the_same_when_the_request_is_repeated(http: httpx.AsyncClient) -> None:
    ask = [await http.post("/api/credit/new-key", headers={"Idempotency-Key": k}) for k in ("a", "a", "b")]
    first, again, other = (r.json()["id"] for r in ask)
    assert first == again != other
    assert first.startswith("CP-")


async def test_if_match_holds_the_version_a_change_was_decided_upon(running: Any) -> None:
    await running.open("C1")
    assert (await running.limit("C1", "10.00", "one", **{"If-Match": '"1"'})).status_code == 200
    problem(await running.limit("C1", "20.00", "two", **{"If-Match": '"1"'}), 412, "/problems/kehu/version-conflict")
    assert (await running.limit("C1", "20.00", "three", **{"If-Match": '"2"'})).json()["version"] == 3


async def test_an_if_match_that_is_no_version_is_malformed(running: Any) -> None:
    problem(await running.limit("C1", "10.00", "one", **{"If-Match": '"abc"'}), 422, "/problems/kehu/malformed")


async def test_a_rule_speaks_the_readers_language(running: Any, http: httpx.AsyncClient) -> None:
    english = problem(await running.limit("C9", "1.00", "en"), 404, "/problems/credit/no-account")
    assert english["title"] == "There is no account of C9."
    http.headers["Accept-Language"] = "fr, zh-CN;q=0.9, en;q=0.8"
    chinese = await running.limit("C9", "1.00", "zh")
    assert chinese.json()["title"] == "客户 C9 没有账户。"
    assert chinese.headers["content-language"] == "zh-CN"


async def test_malformed_json_is_malformed(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = await http.post("/api/credit/accounts", content=b'{"customer": ', headers=headers)
    assert problem(response, 422, "/problems/kehu/malformed")["errors"][0]["pointer"].startswith("/body")


@pytest.mark.parametrize("number", ["123456789012345678.91", "0.1", "1e2", "7", "12345678901234567890"])
async def test_an_amount_sent_as_a_number_keeps_every_digit(running: Any, http: httpx.AsyncClient, number: str) -> None:
    await running.open("C1")
    body = b'{"limit": {"amount": %b, "currency": "CNY"}}' % number.encode()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = await http.put("/api/credit/accounts/C1/limit", content=body, headers=headers)
    assert response.status_code == 200, response.text
    (last,) = await running.runtime.store.read_all(1, 1)
    assert last.event.limit.amount == Decimal(number)


@pytest.mark.parametrize("number", ["0.10000000000000000555", "NaN", "Infinity", "1e400"])
async def test_a_number_that_is_no_amount_is_malformed(running: Any, http: httpx.AsyncClient, number: str) -> None:
    await running.open("C1")
    body = b'{"limit": {"amount": %b, "currency": "CNY"}}' % number.encode()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = await http.put("/api/credit/accounts/C1/limit", content=body, headers=headers)
    assert problem(response, 422, "/problems/kehu/malformed")["errors"][0]["pointer"].startswith("/body")


@pytest.mark.parametrize(("body", "place"), [({"limit": "lots"}, "/body/limit"), ([1], "/body")])
async def test_where_an_object_is_wanted_it_says_so_without_words_of_a_programming_language(
    http: httpx.AsyncClient, body: Any, place: str
) -> None:
    response = await http.put("/api/credit/accounts/C1/limit", json=body, headers={"Idempotency-Key": "k"})
    (defect,) = problem(response, 422, "/problems/kehu/malformed")["errors"]
    assert defect == {"pointer": place, "message": "Input should be an object"}


def test_where_a_list_is_wanted_it_says_so_and_does_not_speak_of_tuples() -> None:
    for wanted in (tuple[int, ...], list[int], frozenset[int]):
        with pytest.raises(ValidationError) as refused:
            TypeAdapter(wanted).validate_python("many")
        assert [d.message for d in defects(refused.value.errors())] == ["Input should be a list"]


async def test_each_defect_names_its_place_and_repeats_no_value(running: Any) -> None:
    response = await running.limit("C1", "10.005", "k")
    errors = problem(response, 422, "/problems/kehu/malformed")["errors"]
    assert errors[0]["pointer"] == "/body/limit"
    assert "CNY has 2 decimal places" in errors[0]["message"]
    negative = await running.limit("C1", "-1.00", "k")
    assert "must not be negative" in negative.json()["errors"][0]["message"]


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic ZGV2", "Bearer "])
async def test_without_a_valid_token_nobody_comes_in(http: httpx.AsyncClient, authorization: str | None) -> None:
    http.headers.pop("Authorization")
    response = await http.get("/api/credit/accounts", headers={"Authorization": authorization} if authorization else {})
    problem(response, 401, "/problems/kehu/unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_missing_role_is_named(running: Any, http: httpx.AsyncClient) -> None:
    http.headers["Authorization"] = "Bearer dev-sales"
    body = problem(await running.limit("C1", "1.00", "k"), 403, "/problems/kehu/missing-role")
    assert body["params"] == {"roles": "finance, credit_manager"}


async def test_what_is_not_there_is_an_unknown_path(http: httpx.AsyncClient) -> None:
    problem(await http.get("/api/credit/nothing/here"), 404, "/problems/kehu/unknown-path")
    problem(await http.get("/nothing"), 404, "/problems/kehu/unknown-path")
    problem(await http.get("/api/credit/accounts/C9"), 404, "/problems/credit/no-account")


async def test_a_method_that_is_not_answered_is_named(http: httpx.AsyncClient) -> None:
    response = await http.delete("/api/credit/accounts")
    assert problem(response, 405, "/problems/kehu/method-not-allowed")["params"] == {"method": "DELETE"}


async def test_a_body_that_is_not_json_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/credit/accounts", data={"customer": "C1"}, headers={"Idempotency-Key": "k"})
    problem(response, 415, "/problems/kehu/unsupported-media-type")


async def test_a_body_of_more_than_ten_megabytes_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = await http.post("/api/credit/accounts", content=b" " * 10_000_001, headers=headers)
    assert problem(response, 413, "/problems/kehu/too-large")["params"] == {"limit": 10_000_000}


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_limit(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 1_000_000
            yield b" " * 1_000_000

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = await http.post("/api/credit/accounts", content=endless(), headers=headers)
    problem(response, 413, "/problems/kehu/too-large")
    assert sent < 12_000_000


async def test_an_error_of_ours_is_answered_without_detail(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/credit/broken", headers={"X-Correlation-Id": "what I asked"})
    body = problem(response, 500, "/problems/kehu/unexpected")
    assert "secret" not in response.text
    assert body["correlation"] == response.headers["x-correlation-id"]


async def test_a_store_that_cannot_be_reached_is_answered_as_unavailable(running: Any, http: httpx.AsyncClient) -> None:
    running.runtime.database.pool.terminate()
    response = await running.open("C1")
    problem(response, 503, "/problems/kehu/unavailable")
    assert response.headers["retry-after"]
    assert (await http.get("/health/ready")).status_code == 503


async def test_a_read_waits_for_the_position_asked_for(running: Any, http: httpx.AsyncClient) -> None:
    for n in range(20):
        position = (await running.open(f"C{n}")).headers["x-kehu-position"]
        read = await http.get(f"/api/credit/accounts/C{n}", headers={"X-Kehu-Position": position})
        assert read.json() == {"customer": f"C{n}", "currency": "CNY"}


async def test_a_day_that_was_looked_up_before_a_position_was_waited_for_is_not_kept_after_it(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has seen a day open finds it open, however many look, and where another process feeds the view, too."""
    runtime, known, (seen, go) = running.runtime, business_day.state, (asyncio.Event(), asyncio.Event())
    view, count = group_of(BUSINESS_DAY), running.runtime.wakeups.count
    monkeypatch.setattr(runtime.wakeups, "count", lambda topic: 0 if topic == view else count(topic))

    async def held_up(*asked: Any) -> tuple[date | None, bool]:
        found = await known(*asked)
        if not seen.is_set():
            seen.set()
            await go.wait()
        return found

    monkeypatch.setattr(business_day, "state", held_up)
    early = asyncio.create_task(runtime.business_day())
    await seen.wait()
    stored = await runtime.store.append(Append({}, [OPENED], Meta("operations", ids.new())))
    await runtime.reached({"credit": stored.last})
    go.set()
    assert await early != DAY
    assert await runtime.business_day() == DAY


async def test_a_day_is_not_kept_beyond_news_of_another(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timers of this process read it from the database; nothing is decided on an older one after them."""
    monkeypatch.setattr("chassis.runtime.DAY_KEPT", 3600)
    runtime, view = running.runtime, group_of(BUSINESS_DAY)
    assert await runtime.business_day() != DAY
    count = runtime.wakeups.count(view)
    await runtime.store.append(Append({}, [OPENED], Meta("operations", ids.new())))
    assert await runtime.wakeups.wait(view, 60, count)
    assert await runtime.business_day() == DAY


async def test_a_read_of_a_position_that_does_not_come_is_view_behind(
    settings: Settings, http: httpx.AsyncClient
) -> None:
    settings.http.patience = 0.5
    response = await http.get("/api/credit/accounts", params={"at_least": "99"})
    problem(response, 503, "/problems/kehu/view-behind")
    assert response.headers["retry-after"]
    assert (await http.get("/api/credit/accounts", params={"at_least": "x"})).status_code == 422


async def test_pages_follow_one_another_until_the_last(running: Any, http: httpx.AsyncClient) -> None:
    answers = [await running.open(f"C{n}") for n in range(5)]
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 2, "at_least": answers[-1].json()["position"]}
    while True:
        page = (await http.get("/api/credit/accounts", params=params)).json()
        seen += [row["customer"] for row in page["items"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert seen == ["C0", "C1", "C2", "C3", "C4"]


@pytest.mark.parametrize("params", [{"cursor": "none of ours"}, {"limit": 501}, {"limit": 0}])
async def test_a_page_nobody_can_ask_for_is_malformed(http: httpx.AsyncClient, params: dict[str, Any]) -> None:
    problem(await http.get("/api/credit/accounts", params=params), 422, "/problems/kehu/malformed")


async def test_openapi_names_the_problems_the_security_and_the_prefix(http: httpx.AsyncClient) -> None:
    http.headers.pop("Authorization")
    schema = (await http.get("/api/credit/openapi.json")).json()
    assert schema["servers"] == [{"url": "/api/credit"}]
    operation = schema["paths"]["/accounts"]["post"]
    assert "application/problem+json" in operation["responses"]["409"]["content"]
    assert operation["security"]
    assert (await http.get("/api/credit/docs")).status_code == 200


async def test_health_says_how_far_behind_each_consumer_is(running: Any, http: httpx.AsyncClient) -> None:
    position = (await running.open("C1")).headers["x-kehu-position"]
    await http.get("/api/credit/accounts", params={"at_least": position})
    ready = (await http.get("/health/ready")).json()
    assert ready["ready"] is True
    assert ready["services"]["credit"]["consumers"]["view:accounts"] == {"events": 0, "seconds": 0.0, "parked": 0}
    assert (await http.get("/health/live")).json() == {"live": True}


async def test_more_requests_at_once_than_can_be_answered_are_too_many(settings: Settings, start: Any) -> None:
    settings.http.at_once, settings.http.patience = 2, 1.0
    async with start(settings) as it:
        waiting = [it.http.get("/api/credit/accounts", params={"at_least": "99"}) for _ in range(5)]
        answers = await asyncio.gather(*waiting)
        assert sorted(r.status_code for r in answers) == [429, 429, 429, 503, 503]
        refused = next(r for r in answers if r.status_code == 429)
        problem(refused, 429, "/problems/kehu/too-many-requests")
        assert refused.headers["retry-after"]

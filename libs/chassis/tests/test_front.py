"""What protects every answer, and what is turned away before anybody looks at it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from chassis.admission import Admission
from chassis.app import create_app, protect
from chassis.auth import DEVELOPMENT
from chassis.front import Front
from chassis.gate import Gate
from chassis.pace import Pace
from chassis.problems import HeadTooLarge, Problem, TooManyRequests, WrongHost
from chassis.settings import Http


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The application without any service: its root."""
    async with AsyncExitStack() as stack:
        transport = httpx.ASGITransport(app=Front(create_app([]), ("kehu.example", "[::1]")))
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="https://kehu.example"))


async def test_every_answer_is_protected_also_one_that_is_a_problem(http: httpx.AsyncClient) -> None:
    for path in ("/health/live", "/problems/kehu/none"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["strict-transport-security"] == "max-age=31536000"


async def test_nothing_promises_tls_where_there_is_none(http: httpx.AsyncClient) -> None:
    assert "strict-transport-security" not in (await http.get("http://kehu.example/health/live")).headers


async def test_the_pages_say_themselves_what_they_may_load(http: httpx.AsyncClient) -> None:
    assert "default-src 'self'" in (await http.get("/docs")).headers["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example", "kehu.example.evil", "127.0.0.1:8000", ""])
async def test_a_name_that_was_pointed_at_us_is_not_answered(http: httpx.AsyncClient, host: str) -> None:
    answer = await http.get("/health/live", headers={"Host": host, "Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.json()["type"]) == (421, f"/problems/kehu/{WrongHost.code()}")


@pytest.mark.parametrize("host", ["kehu.example:8000", "KEHU.example", "[::1]:8000"])
async def test_our_names_are_answered_on_any_port(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/health/live", headers={"Host": host})).status_code == 200


LARGE: tuple[tuple[str, dict[str, str]], ...] = (
    ("x" * 8193, {}),
    ("", {"X-Long": "x" * 32_768}),
    ("", {f"X-{n}": "x" * 99 for n in range(400)}),
)


@pytest.mark.parametrize(("query", "headers"), LARGE)
async def test_a_head_that_is_too_large_is_turned_away(
    http: httpx.AsyncClient, query: str, headers: dict[str, str]
) -> None:
    answer = await http.get(f"/health/live?{query}", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (431, f"/problems/kehu/{HeadTooLarge.code()}")


def told(pace: Any, *arguments: str) -> Problem | None:
    try:
        pace(*arguments)
    except Problem as problem:
        return problem
    return None


def test_who_asks_too_often_waits_and_nobody_else_does() -> None:
    pace = Pace("3/hour", "60/minute")
    assert [told(pace.asked, "li") for _ in range(3)] == [None] * 3
    refused = told(pace.asked, "li")
    assert refused is not None
    assert isinstance(refused.rule, TooManyRequests)
    assert refused.headers is not None
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert told(pace.asked, "wang") is None


def test_an_address_that_guesses_tokens_waits_also_with_a_right_one() -> None:
    pace = Pace("100/second", "2/hour")
    for _ in range(2):
        assert told(pace.trying, "10.0.0.1") is None
        pace.failed("10.0.0.1")
    assert told(pace.trying, "10.0.0.1") is not None
    assert told(pace.trying, "10.0.0.2") is None


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_the_gate_counts_requests_by_who_asks_and_wrong_tokens_by_address() -> None:
    gate = Gate(nothing, "credit", Admission(DEVELOPMENT, None), 1000, 10, Pace("2/hour", "1/hour"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gate), base_url="http://kehu") as http:
        asked = [("dev-sales", 204), ("dev-sales", 204), ("dev-sales", 429), ("dev-finance", 204), ("wrong", 401)]
        for token, status in [*asked, ("wrong", 429)]:
            answer = await http.get("/x", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status, token
        answer = await http.get("/x", headers={"Authorization": "Bearer dev-admin"})
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True)


async def test_a_page_of_another_origin_may_call_only_where_that_is_set() -> None:
    for origins, allowed in (((), None), (("https://shop.example",), "https://shop.example")):
        app = FastAPI()
        protect(app, Http(origins=origins))
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kehu") as http:
            answer = await http.options("/x", headers={**asked, "Access-Control-Request-Headers": "Idempotency-Key"})
        assert answer.headers.get("access-control-allow-origin") == allowed

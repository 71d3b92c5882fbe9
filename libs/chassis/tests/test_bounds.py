"""What no database and no calendar can hold is refused at the edge, with its place, before anything is done."""

from typing import Any

import httpx
import pytest

from chassis.paging import cursor

TOO_LARGE = 2**63


def refused(response: httpx.Response, place: str) -> None:
    assert response.status_code == 422, response.text
    body = response.json()
    assert body["type"] == "/problems/kehu/malformed"
    assert body["errors"][0]["pointer"].startswith(place)


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("accounts/C%00", ["/path"]),
        ("events?type=a%00b", ["/query/type"]),
        ("ops/dead-letters?limit=5&customer=%00&group=x%00", ["/query/customer", "/query/group"]),
        ("events?ty%00pe=a", ["/query/type"]),
        ("accounts/C%00?limit=%00", ["/path", "/query/limit"]),
    ],
)
async def test_a_nul_in_path_or_query_is_refused_by_its_place(
    http: httpx.AsyncClient, path: str, places: list[str]
) -> None:
    """It ended in a query as an error of the database: 500."""
    answer = await http.get(f"/api/credit/{path}")
    refused(answer, places[0])
    assert [e["pointer"] for e in answer.json()["errors"]] == places


@pytest.mark.parametrize("text", [rb"a\u0000b", rb"\ud800", rb"\\\u0000", rb"x\uDfFfx"])
async def test_a_text_that_cannot_be_kept_is_refused(http: httpx.AsyncClient, text: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    body = b'{"group": "' + text + b'", "customer": "C1"}'
    refused(await http.post("/api/credit/ops/dead-letters/discard", content=body, headers=headers), "/body")


@pytest.mark.parametrize("text", [rb"\\u0000", rb"\ud83d\ude00", rb"\u4f60"])
async def test_a_text_that_only_looks_so_is_taken(http: httpx.AsyncClient, text: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    body = b'{"group": "' + text + b'", "customer": "C1"}'
    response = await http.post("/api/credit/ops/dead-letters/discard", content=body, headers=headers)
    assert response.json() == {"letters": 0}


async def test_a_position_larger_than_any_is_refused(running: Any, http: httpx.AsyncClient) -> None:
    refused(await http.get("/api/credit/events", params={"after": TOO_LARGE}), "/query/after")
    refused(await http.get("/api/credit/intake/receipts", params={"after": TOO_LARGE}), "/query/after")
    refused(await http.get("/api/credit/accounts", params={"at_least": TOO_LARGE}), "/header")
    refused(await http.get("/api/credit/accounts/live", headers={"Last-Event-ID": str(TOO_LARGE)}), "/header")
    refused(await running.limit("C1", "1.00", "k", **{"If-Match": str(TOO_LARGE)}), "/header/If-Match")


@pytest.mark.parametrize("key", [["\0"], [TOO_LARGE], [{}], ["a", "b"], [[1]], []])
async def test_a_cursor_nobody_was_given_is_refused(http: httpx.AsyncClient, key: list[Any]) -> None:
    refused(await http.get("/api/credit/accounts", params={"cursor": cursor(key)}), "/query/cursor")


async def test_a_position_is_waited_for_wherever_it_is_named(settings: Any, http: httpx.AsyncClient) -> None:
    settings.http.patience = 0.01
    behind = {"X-Kehu-Position": "99"}
    assert (await http.get("/api/credit/accounts", params={"at_least": "0"}, headers=behind)).status_code == 503
    refused(await http.get("/api/credit/accounts?at_least=0", headers={"X-Kehu-Position": "x"}), "/header")


async def test_a_method_that_is_not_answered_is_told_which_are(http: httpx.AsyncClient) -> None:
    """Over all routes of the path: the first one alone was named."""
    response = await http.delete("/api/credit/accounts")
    assert response.headers["allow"] == "GET, POST"

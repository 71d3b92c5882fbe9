"""The feed: every event of a log, over HTTP, as a CloudEvent."""

from typing import Any

import httpx


async def test_the_feed_gives_every_event_as_a_cloudevent(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    await running.limit("C1", "10.00", "l")
    first = (await http.get("/api/credit/events", params={"limit": 1})).json()
    rest = (await http.get("/api/credit/events", params={"after": first["next"]})).json()
    opened, limited = first["items"][0], rest["items"][0]
    assert (opened["type"], opened["sequence"], opened["partitionkey"]) == (
        "credit.AccountOpened.v1", f"{1:020d}", "C1",
    )  # fmt: skip
    assert limited["data"]["limit"] == {"amount": "10.00", "currency": "CNY"}
    assert (rest["next"], rest["head"]) == (2, 2)
    only = (await http.get("/api/credit/events", params={"type": "credit.LimitSet"})).json()
    assert [e["id"] for e in only["items"]] == [limited["id"]]


async def test_an_event_of_the_feed_names_the_one_before_it_in_its_topic_and_part(
    running: Any, http: httpx.AsyncClient
) -> None:
    """Whatever is left out of a page: a reader finds out what it misses."""
    for n in range(15):
        await running.open(f"C{n}")
        await running.limit(f"C{n}", "10.00", f"l{n}")
    await http.post("/api/credit/live", headers={"Idempotency-Key": "live"})
    await running.limit("C3", "11.00", "more")
    whole = (await http.get("/api/credit/events")).json()["items"]
    assert len(whole) == 32
    last: dict[tuple[str, int], int] = {}
    for e in whole:
        at = e["type"].partition(".")[0], e["kehupart"]
        assert int(e["kehuprev"]) == last.get(at, 0)
        last[at] = int(e["sequence"])
    paged = [(await http.get("/api/credit/events", params={"after": n, "limit": 1})).json()["items"] for n in range(32)]
    only = (await http.get("/api/credit/events", params={"type": "credit.LimitSet"})).json()["items"]
    assert [e for page in paged for e in page] == whole
    assert only == [e for e in whole if e["type"] == "credit.LimitSet.v1"]


async def test_the_feed_gives_what_happened_to_one_customer_and_says_which_life_of_the_log_it_is(
    running: Any, http: httpx.AsyncClient
) -> None:
    await running.open("C1")
    await running.open("C2")
    await running.limit("C1", "5.00", "k")
    asked = {"customer": "C1", "type": ["credit.AccountOpened", "credit.LimitSet"]}
    page = (await http.get("/api/credit/events", params=asked)).json()
    assert [(e["partitionkey"], e["type"]) for e in page["items"]] == [
        ("C1", "credit.AccountOpened.v1"), ("C1", "credit.LimitSet.v1"),
    ]  # fmt: skip
    assert (page["next"], page["head"], page["incarnation"]) == (3, 3, str(await running.runtime.store.incarnation()))
    life = await running.runtime.store.renew()
    beyond = (await http.get("/api/credit/events", params={"after": 9})).json()
    assert (beyond["incarnation"], beyond["next"], beyond["head"]) == (str(life), 9, 3)


async def test_one_event_is_found_by_its_id(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    (listed,) = (await http.get("/api/credit/events")).json()["items"]
    assert (await http.get(f"/api/credit/events/{listed['id']}")).json() == listed
    assert (await http.get(f"/api/credit/events/{running.runtime.settings.company.id}")).status_code == 422
    assert (await http.get("/api/credit/events/00000000-0000-0000-0000-000000000000")).status_code == 404


async def test_the_feed_is_for_integrations(http: httpx.AsyncClient) -> None:
    http.headers["Authorization"] = "Bearer dev-sales"
    assert (await http.get("/api/credit/events")).status_code == 403

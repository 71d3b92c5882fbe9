"""What Prometheus is told: how much was done, how things stand, and nothing of what was asked for."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from chassis_world import Running, as_user
from fastapi import FastAPI
from pydantic import SecretStr
from watching import scraped

from chassis import metrics as told
from chassis.settings import Metrics, Settings
from engine.meters import Durations

Start = Callable[[Settings], AbstractAsyncContextManager[Running]]
TOKEN = "a-token-of-the-scraper"


@pytest.fixture(autouse=True)
def looks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here has to wait until an earlier look is old."""
    monkeypatch.setattr(told, "KEPT", 0.1)


async def test_what_was_done_is_counted_by_service_route_and_outcome(running: Running) -> None:
    before = await scraped(running.http)
    await running.open("C-1")
    await running.open("C-1")
    await running.open("C-1", "another key")
    await running.open("C-2")
    after = await scraped(running.http)

    def more(*sample: str) -> float:
        return after[sample] - before.get(sample, 0)

    done = {name: more("kehu_commands_total", "credit", name) for name in ("accepted", "repeated", "rejected")}
    assert done == {"accepted": 2, "repeated": 1, "rejected": 1}
    assert more("kehu_appended_events_total", "credit") == 2
    assert more("kehu_append_seconds_bucket", "credit", "+Inf") == 3
    assert 0 < more("kehu_append_seconds_sum", "credit") < 30
    route = ("credit", "/api/credit/accounts", "POST")
    assert more("kehu_http_request_seconds_count", *route, "201") == 3
    assert more("kehu_http_request_seconds_count", *route, "409") == 1


async def test_the_buckets_of_a_duration_add_up() -> None:
    took = Durations()
    for seconds in (0.0005, 0.001, 0.0011, 0.3, 60.0):
        took.add(seconds)
    found = dict(told.buckets(took))
    assert (found["0.001"], found["0.0025"], found["0.5"], found["10.0"], found["+Inf"]) == (2, 3, 4, 4, 5)
    assert took.seconds == 60.3026


async def test_paths_and_methods_that_are_made_up_make_no_series(running: Running) -> None:
    for n in range(20):
        await running.http.get(f"/api/credit/accounts/C-{n}")
        await running.http.get(f"/api/credit/nothing-{n}")
        await running.http.request(f"M{n}", "/api/credit/accounts")
        await running.http.get(f"/api/credit/ops/views/view-{n}")
    routes = {
        sample[2:]: count
        for sample, count in (await scraped(running.http)).items()
        if sample[0] == "kehu_http_request_seconds_count"
    }
    assert routes == {
        ("/api/credit/accounts/{customer}", "GET", "404"): 20,
        ("unknown", "GET", "404"): 20,
        ("/api/credit/accounts", "unknown", "405"): 20,
        ("/api/credit/ops/views/{name}", "GET", "404"): 20,
    }


async def test_lag_parked_customers_and_workers_are_as_health_says(
    running: Running, poison: set[str], eventually: Callable[..., Any]
) -> None:
    poison.add("C-1")
    await running.open("C-1")

    async def parked() -> bool:
        found = await scraped(running.http)
        return found.get(("kehu_consumer_parked_customers", "credit", "view:accounts")) == 1

    await eventually(parked)
    found = await scraped(running.http)
    health = (await running.http.get("/health/ready")).json()["services"]["credit"]["consumers"]
    groups = {sample[2] for sample in found if sample[0] == "kehu_consumer_lag_events"}
    assert groups == set(health)
    assert found["kehu_consumer_lag_events", "credit", "view:accounts"] == 0
    assert found["kehu_consumer_lag_seconds", "credit", "view:accounts"] == 0
    assert found["kehu_worker_up", "credit", "view:accounts"] == 1
    assert found["kehu_store_up", "credit"] == 1
    assert found["kehu_broken_timers", "credit"] == 0


async def test_a_view_of_another_fold_or_of_another_life_of_a_store_is_stale(running: Running) -> None:
    runtime, position = running.runtime, (await running.open("C-1")).json()["position"]
    await running.http.get("/api/credit/accounts", params={"at_least": position})
    assert runtime.supervisor is not None
    await runtime.supervisor.stop()
    assert await runtime.stale() == {"accounts": False, "business_day": False, "ownership": False}
    await runtime.database.pool.execute("update views set version = version + 1 where name = 'accounts'")
    assert await runtime.stale() == {"accounts": True, "business_day": False, "ownership": False}
    await runtime.database.pool.execute("update views set version = version - 1 where name = 'accounts'")
    await runtime.database.pool.execute(
        "update consumers set incarnation = gen_random_uuid() where grp = 'view:accounts' and part = 3"
    )
    assert await runtime.stale() == {"accounts": True, "business_day": False, "ownership": False}


async def test_documents_are_counted_by_verdict_and_those_that_wait_with_how_long(
    running: Running, eventually: Callable[..., Any]
) -> None:
    async def sent(number: int, customer: str, currency: str = "CNY") -> None:
        data = {"customer": customer, "limit": {"amount": "100", "currency": currency}, "valid_from": "2026-01-01"}
        message = {"specversion": "1.0", "source": "erp", "id": str(number), "type": "erp.CreditTerms.v1", "data": data}
        headers = {"Content-Type": "application/cloudevents+json"}
        await running.http.post("/api/credit/intake", json=message, headers=headers)

    await running.open("C-1")
    for number, customer, currency in ((1, "C-1", "CNY"), (1, "C-1", "CNY"), (2, "C-2", "CNY"), (3, "C-3", "none")):
        await sent(number, customer, currency)
    found = await scraped(running.http)
    counted = {sample[2]: value for sample, value in found.items() if sample[0] == "kehu_documents_total"}
    assert counted == {"accepted": 1, "waiting": 1, "rejected": 1}
    assert found["kehu_documents_waiting", "credit"] == 1
    await running.open("C-2")

    async def decided() -> bool:
        now = await scraped(running.http)
        waits = now["kehu_documents_waiting", "credit"] + now["kehu_documents_waiting_seconds", "credit"]
        return waits == 0 and now["kehu_documents_total", "credit", "accepted"] == 2

    await eventually(decided)
    assert (await scraped(running.http))["kehu_documents_total", "credit", "waiting"] == 1


async def test_a_stopped_worker_and_a_store_that_is_away_show(running: Running) -> None:
    supervisor = running.runtime.supervisor
    assert supervisor is not None
    await supervisor.stop()
    await running.runtime.database.pool.close()
    found = await scraped(running.http)
    assert found["kehu_worker_up", "credit", "view:accounts"] == 0
    assert found["kehu_store_up", "credit"] == 0
    assert ("kehu_broken_timers", "credit") not in found


async def test_many_who_ask_at_once_cost_the_database_one_look(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "KEPT", 60.0)
    state = told.State(running.runtime)
    await asyncio.gather(*(state.look() for _ in range(20)))
    first = state.last
    await state.look()
    assert state.last is first
    monkeypatch.setattr(told, "KEPT", 0.0)
    state = told.State(running.runtime)
    await state.look()
    first = state.last
    await state.look()
    assert state.last is not first


async def test_an_open_stream_is_counted_and_its_time_is_not(running: Running) -> None:
    await running.http.get("/api/credit/accounts/live", headers={"Last-Event-ID": "x"})
    assert (await scraped(running.http))["kehu_event_streams", "credit"] == 0
    running.runtime.stopping.set()
    await running.open("C-1")
    await running.http.get("/api/credit/accounts/live", params={"after": 0})
    found = await scraped(running.http)
    assert found["kehu_event_streams", "credit"] == 0
    live = ("kehu_http_request_seconds_count", "credit", "/api/credit/accounts/live", "GET")
    assert ((*live, "422") in found, (*live, "200") in found) == (True, False)


async def test_figures_are_for_operations_and_for_the_token_of_the_scraper(settings: Settings, start: Start) -> None:
    token = SecretStr(TOKEN)
    async with start(settings.model_copy(update={"metrics": Metrics(token=token)})) as running:

        async def asked(given: str) -> int:
            return (await running.http.get("/metrics", headers=as_user(given))).status_code

        assert [await asked(given) for given in ("dev-operations", TOKEN)] == [200, 200]
        assert [await asked(given) for given in ("dev-sales", "dev-finance", "nobody", TOKEN + "x")] == [
            403,
            403,
            401,
            401,
        ]
        running.http.headers.pop("Authorization")
        assert (await running.http.get("/metrics")).status_code == 401
        opened = await running.http.get("/api/credit/accounts", headers=as_user(TOKEN))
        assert opened.status_code == 401


async def test_whoever_guesses_at_figures_waits_and_the_scraper_does_not(settings: Settings, start: Start) -> None:
    http = settings.http.model_copy(update={"failures": "2/hour"})
    given = settings.model_copy(update={"http": http, "metrics": Metrics(token=SecretStr(TOKEN))})
    async with start(given) as running:
        guesses = [(await running.http.get("/metrics", headers=as_user(f"guess-{n}"))).status_code for n in range(3)]
        assert guesses == [401, 401, 429]
        assert (await running.http.get("/metrics", headers=as_user(TOKEN))).status_code == 200


async def test_a_port_of_a_worker_asks_for_the_token_alone(running: Running) -> None:
    app = FastAPI()
    told.attach(app, [running.runtime], None, None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kehu") as http:
        assert (await scraped(http))["kehu_store_up", "credit"] == 1
        app.state.metrics_door = told.Door(TOKEN, None)
        assert (await http.get("/metrics")).status_code == 401
        assert (await scraped(http, Authorization=f"Bearer {TOKEN}"))["kehu_store_up", "credit"] == 1


async def test_the_process_and_open_metrics_are_told_too(running: Running) -> None:
    answer = await running.http.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "process_resident_memory_bytes" in answer.text
    assert answer.text.endswith("# EOF\n")

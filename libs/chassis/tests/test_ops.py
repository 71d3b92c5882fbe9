"""What operations see and do."""

from collections.abc import Callable
from itertools import count
from typing import Any, cast

import httpx
import pytest

from engine.ports import Append, Appended

KEYS = count()


def key() -> dict[str, str]:
    """A header no request had before."""
    return {"Idempotency-Key": f"k{next(KEYS)}"}


async def test_workers_and_consumers_are_shown(http: httpx.AsyncClient) -> None:
    workers = (await http.get("/api/credit/ops/workers")).json()
    assert {w["name"]: w["state"] for w in workers} == {
        "view:accounts": "running", "view:business_day": "running", "view:ownership": "running", "intake": "running",
        "intake:credit": "running", "receipts": "running", "sweeper": "running",
    }  # fmt: skip
    assert (await http.get("/api/credit/ops/consumers")).json()["store"] == "up"
    assert (await http.post("/api/credit/ops/workers/intake/restart", headers=key())).status_code == 202
    assert (await http.post("/api/credit/ops/workers/nobody/restart", headers=key())).status_code == 404


async def test_a_view_is_rebuilt_while_it_is_read_and_rolled_back(
    running: Any, http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    refused = await http.post("/api/credit/ops/views/accounts/rollback", headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/kehu/cannot-roll-back")
    answer = await running.open("C1")
    await http.get("/api/credit/accounts", params={"at_least": answer.json()["position"]})
    before = (await http.get("/api/credit/ops/views/accounts")).json()
    started = await http.post("/api/credit/ops/views/accounts/rebuild", headers=key())
    assert (started.status_code, started.json()["rebuild"]["state"]) == (202, "running")

    async def done() -> bool:
        shown = (await http.get("/api/credit/ops/views/accounts")).json()
        return bool(shown["rebuild"]["state"] == "done" and shown["rebuild"]["same"])

    await eventually(done)
    assert (await http.get("/api/credit/ops/views/accounts")).json()["build"] == before["build"] + 1
    back = await http.post("/api/credit/ops/views/accounts/rollback", headers=key())
    assert back.json()["build"] == before["build"]
    assert [row["customer"] for row in (await http.get("/api/credit/accounts")).json()["items"]] == ["C1"]
    named = [v["name"] for v in (await http.get("/api/credit/ops/views")).json()]
    assert named == ["accounts", "business_day", "ownership"]


async def test_a_rebuild_needs_a_key_and_a_view_that_exists(http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/credit/ops/views/accounts/rebuild")).status_code == 422
    assert (await http.post("/api/credit/ops/views/nothing/rebuild", headers=key())).status_code == 404


async def test_what_is_parked_is_listed_replayed_and_discarded(
    running: Any, http: httpx.AsyncClient, eventually: Callable[..., Any], poison: set[str]
) -> None:
    poison.update({"C1", "C2"})
    await running.open("C1")
    await running.open("C2")

    async def parked() -> bool:
        return len((await http.get("/api/credit/ops/dead-letters")).json()["items"]) == 2

    await eventually(parked)
    (letter,) = (await http.get("/api/credit/ops/dead-letters", params={"customer": "C1"})).json()["items"]
    assert (letter["group"], letter["kind"], letter["position"]) == ("view:accounts", "poison", 1)
    chosen = {"group": "view:accounts", "customer": "C1"}
    again = await http.post("/api/credit/ops/dead-letters/replay", json=chosen, headers=key())
    assert again.json() == {"letters": None}
    poison.clear()
    again = await http.post("/api/credit/ops/dead-letters/replay", json=chosen, headers=key())
    assert again.json() == {"letters": 1}
    assert (await http.get("/api/credit/accounts/C1")).status_code == 200
    gone = await http.post("/api/credit/ops/dead-letters/discard", json=chosen | {"customer": "C2"}, headers=key())
    assert gone.json() == {"letters": 1}
    assert (await http.get("/api/credit/ops/dead-letters")).json() == {"items": [], "next": 0}
    nobody = await http.post("/api/credit/ops/dead-letters/replay", json=chosen | {"group": "x"}, headers=key())
    assert nobody.status_code == 404


async def test_a_change_with_the_same_key_is_made_once_and_answered_the_same(
    running: Any, http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    await running.open("C1")
    await http.get("/api/credit/accounts", params={"at_least": "1"})
    path, again = "/api/credit/ops/views/accounts", key()
    first = await http.post(f"{path}/rebuild", headers=again)

    async def done() -> bool:
        return bool((await http.get(path)).json()["rebuild"]["state"] == "done")

    await eventually(done)
    build = (await http.get(path)).json()["build"]
    repeated = await http.post(f"{path}/rebuild", headers=again)
    assert (repeated.status_code, repeated.json()) == (202, first.json())
    assert repeated.headers["idempotent-replay"] == "true"
    back = key()
    rolled = [await http.post(f"{path}/rollback", headers=back) for _ in range(2)]
    assert rolled[0].json() == rolled[1].json()
    assert (await http.get(path)).json()["build"] == build - 1
    other = await http.post(f"{path}/rollback", headers=again)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/kehu/key-reused")


BREAK = """
insert into timers (key, company, due, command_type, command, event, correlation, origin, attempts, error)
select 'overdue/I-' || n, 'main', date '2025-12-31' + n::int, 'SetLimit', '{}', gen_random_uuid(), gen_random_uuid(),
    'live', 6 - n, 'builtins.ValueError' from generate_series(1, 2) n"""


async def test_timers_that_broke_too_often_are_counted_listed_and_tried_again(
    running: Any, http: httpx.AsyncClient
) -> None:
    await running.runtime.database.pool.execute(BREAK)
    assert (await http.get("/health/ready")).json()["services"]["credit"]["broken_timers"] == 1
    (timer,) = (await http.get("/api/credit/ops/timers")).json()["items"]
    assert (timer["key"], timer["due"], timer["attempts"], timer["error"]) == (
        "overdue/I-1", "2026-01-01", 5, "builtins.ValueError",
    )  # fmt: skip
    assert (await http.post("/api/credit/ops/timers/replay", json={})).status_code == 422
    unknown = await http.post("/api/credit/ops/timers/replay", json={"key": "overdue/I-2"}, headers=key())
    assert unknown.json() == {"timers": 0}
    again = await http.post("/api/credit/ops/timers/replay", json={"key": "overdue/I-1"}, headers=key())
    assert again.json() == {"timers": 1}
    assert (await http.get("/api/credit/ops/timers")).json() == {"items": [], "next": ""}
    assert (await http.get("/api/credit/ops/consumers")).json()["broken_timers"] == 0


async def test_what_a_repeated_change_is_answered_is_what_it_was_answered_at_first(
    running: Any, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Any]
) -> None:
    """A rebuild that is done before its answer is kept: the answer is of its beginning."""
    await running.open("C1")
    await http.get("/api/credit/accounts", params={"at_least": "1"})
    keep, rebuilds = running.runtime.store.append, running.runtime.rebuilds

    async def when_done(append: Append) -> Appended:
        async def done() -> bool:
            return bool(rebuilds.get("accounts").state == "done")

        await eventually(done)
        return cast(Appended, await keep(append))

    monkeypatch.setattr(running.runtime.store, "append", when_done)
    path, again = "/api/credit/ops/views/accounts/rebuild", key()
    first, repeated = [await http.post(path, headers=again) for _ in range(2)]
    assert first.json()["rebuild"]["state"] == "running"
    assert repeated.json() == first.json()


async def test_operations_are_for_operations(http: httpx.AsyncClient) -> None:
    http.headers["Authorization"] = "Bearer dev-finance"
    assert (await http.get("/api/credit/ops/views")).status_code == 403


async def test_the_store_is_shown_with_its_life_its_shape_and_its_size(running: Any, http: httpx.AsyncClient) -> None:
    await running.open("C1")
    found = (await http.get("/api/credit/ops/store")).json()
    assert (found["service"], found["position"], found["persons"], found["waiting"]) == ("credit", 1, 0, 0)
    assert found["schema_revision"] == found["schema_known"]
    assert found["incarnation"] == str(await running.runtime.store.incarnation())
    assert found["bytes"] > 1_000_000


async def test_a_view_is_shown_with_its_rows_and_the_build_that_is_being_filled(
    running: Any, http: httpx.AsyncClient
) -> None:
    await running.open("C1")
    await http.get("/api/credit/accounts", params={"at_least": "1"})
    view = (await http.get("/api/credit/ops/views")).json()[0]
    assert (view["name"], view["rows"], view["building"]) == ("accounts", 1, None)
    assert view["bytes"] > 0
    async with running.runtime.database.pool.acquire() as rebuilding:
        await rebuilding.execute("select pg_advisory_lock(5348005, hashtext('accounts'))")
        left = "insert into view_builds (name, build, version, table_name, state) values ($1, 7, 1, 'x', 'building')"
        await rebuilding.execute(left, "accounts")
        assert (await http.get("/api/credit/ops/views/accounts")).json()["building"] == 7
        await rebuilding.execute("select pg_advisory_unlock(5348005, hashtext('accounts'))")
    assert (await http.get("/api/credit/ops/views/accounts")).json()["building"] is None  # whoever filled it is gone


async def test_what_is_sealed_about_a_person_is_for_those_who_may_erase(http: httpx.AsyncClient) -> None:
    shown = (await http.get("/api/credit/ops/persons", params={"person": "wang-fang"})).json()
    assert shown == {"service": "credit", "key_since": None, "events": 0, "newest": []}
    http.headers["Authorization"] = "Bearer dev-operations"
    assert (await http.get("/api/credit/ops/store")).status_code == 200
    refused = await http.get("/api/credit/ops/persons", params={"person": "wang-fang"})
    assert (refused.status_code, refused.json()["params"]) == (403, {"roles": "admin"})

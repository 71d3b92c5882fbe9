"""Alerts from facts to people: raised, changed, acknowledged, ended, streamed."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import orjson
from analytics_history import (
    EARLY,
    account,
    allocated,
    assets,
    credit_note,
    exposure,
    invoice,
    limit,
    payment,
    registered,
)
from analytics_world import World

from analytics_svc.domain.policies import ALERT_RULES
from events.company import WentLive

DUE, DAY, LATER = date(2024, 3, 20), date(2024, 3, 25), date(2024, 4, 30)


async def owing(world: World, *, limit_: int | None = 1000) -> None:
    """C1 owes 400 since 20 March and 300 more in May."""
    await world.learn(
        registered("C1", date(2024, 1, 1)),
        account("C1", limit_, date(2024, 1, 1)),
        invoice("C1", "I1", date(2024, 3, 2), (DUE, 400), (date(2024, 5, 20), 300)),
        exposure("C1", "I1", date(2024, 3, 2), open_invoices=700),
    )


async def judged_on(world: World, day: date) -> None:
    await world.open_day(day)
    await world.judge()


async def alerts(world: World, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.get("/alerts", **params))["items"]
    return found


async def adds_up(world: World, alert: dict[str, Any]) -> bool:
    shares = (await world.get(f"/alerts/{alert['alert']}/explain"))["items"]
    return sum(Decimal(s["amount"]) for s in shares) + Decimal(alert["remainder"]) == Decimal(alert["numerator"])


async def test_an_overdue_instalment_raises_one_alert_that_grows_with_its_age(world: World) -> None:
    await owing(world)
    await judged_on(world, DUE)
    assert await alerts(world) == []
    await judged_on(world, DAY)
    [first] = await alerts(world)
    assert (first["rule"], first["level"], first["value"], first["numerator"]) == ("overdue", "notice", "5", "400.00")
    assert await adds_up(world, first)
    await judged_on(world, LATER)
    [grown] = await alerts(world)
    assert (grown["alert"], grown["level"], grown["threshold"]) == (first["alert"], "warning", "30.000000")
    assert await adds_up(world, grown)


async def test_exposure_above_the_limit_raises_and_payment_resolves(world: World) -> None:
    await owing(world, limit_=700)
    await judged_on(world, date(2024, 3, 3))
    assert await alerts(world) == []
    await world.learn(limit("C1", date(2024, 3, 3), 699))
    await world.judge()
    [alert] = await alerts(world, state="open")
    assert (alert["rule"], alert["value"], alert["threshold"], alert["unit"]) == (
        "limit_breach", "700.00", "699.00", "CNY",
    )  # fmt: skip
    assert await adds_up(world, alert)
    await world.open_day(date(2024, 3, 10))
    await world.learn(exposure("C1", "Z1", date(2024, 3, 10), unallocated_cash=100))
    await world.judge()
    [ended] = await alerts(world)
    assert (ended["state"], ended["ended_by"], ended["ended_on"]) == ("resolved", "facts", "2024-03-10")


async def test_an_alert_is_retracted_when_facts_learned_later_show_it_never_was_due(world: World) -> None:
    await owing(world)
    await judged_on(world, DAY)
    await world.learn(
        payment("C1", "Z1", date(2024, 3, 19), 400), allocated("C1", "Z1", "I1", DUE, 400, date(2024, 3, 19))
    )
    await world.judge()
    [alert] = await alerts(world)
    assert (alert["state"], alert["ended_by"]) == ("retracted", "facts")


async def test_an_alert_that_is_paid_the_day_it_was_raised_is_retracted(world: World) -> None:
    await owing(world)
    await judged_on(world, DAY)
    await world.learn(payment("C1", "Z1", DAY, 400), allocated("C1", "Z1", "I1", DUE, 400, DAY))
    await world.judge()
    [alert] = await alerts(world)
    assert (alert["raised_on"], alert["state"]) == (str(DAY), "retracted")


async def test_an_alert_is_resolved_when_the_payment_came_after_it(world: World) -> None:
    await owing(world)
    await judged_on(world, DAY)
    await world.open_day(date(2024, 3, 28))
    await world.learn(
        payment("C1", "Z1", date(2024, 3, 27), 400), allocated("C1", "Z1", "I1", DUE, 400, date(2024, 3, 27))
    )
    await world.judge()
    [alert] = await alerts(world)
    assert (alert["state"], alert["ended_by"]) == ("resolved", "facts")
    await world.learn(invoice("C1", "I2", date(2024, 3, 1), (date(2024, 3, 26), 50)))
    await world.judge()
    second = (await alerts(world, state="open"))[0]
    assert (second["occurrence"], second["numerator"]) == (2, "50.00")


async def test_judging_again_changes_nothing(world: World) -> None:
    await owing(world)
    await judged_on(world, DAY)
    head = await world.runtime.store.head()
    await world.learn(registered("C2", DAY), credit_note("C2", "G1", DAY, 10, 10))
    await world.judge()
    assert await world.runtime.store.head() == head


async def test_an_imported_customer_is_judged_as_of_today_only(world: World) -> None:
    await world.learn(registered("C1", date(2020, 1, 1)), recorded=EARLY)
    for name, year in (("I1", 2020), ("I2", 2021)):
        issued = invoice("C1", name, date(year, 1, 1), (date(year, 2, 1), 100))
        await world.learn(issued, recorded=EARLY)
        if year == 2020:
            await world.learn(payment("C1", "Z1", date(2020, 6, 1), 100), recorded=EARLY)
            await world.learn(allocated("C1", "Z1", "I1", date(2020, 2, 1), 100, date(2020, 6, 1)), recorded=EARLY)
    await judged_on(world, DAY)
    assert await alerts(world) == [], "nobody is judged while the initial load goes on"
    await world.learn(WentLive(day=DAY, loaded_documents=5))
    await judged_on(world, DAY)
    [alert] = await alerts(world)
    assert (alert["raised_on"], alert["level"], alert["numerator"], alert["occurrence"]) == (
        str(DAY), "critical", "100.00", 1,
    )  # fmt: skip


async def test_the_company_is_warned_above_its_receivables_line_and_dso_target_once_they_are_set(world: World) -> None:
    await owing(world)
    await world.learn(assets(2000, date(2024, 1, 1)))
    await judged_on(world, date(2024, 3, 10))
    assert await alerts(world) == []
    for rule, threshold in (("receivables_line", "0.3"), ("dso_above_target", "60")):
        steps = [{"threshold": threshold, "level": "critical"}]
        put = await world.do("PUT", f"/alert-policies/{rule}", {"enabled": True, "steps": steps})
        assert put.status_code == 200, put.text
    await judged_on(world, date(2024, 3, 11))
    found = {a["rule"]: a for a in await alerts(world)}
    line, target = found["receivables_line"], found["dso_above_target"]
    assert (line["customer"], line["value"], line["denominator"]) == (None, "0.350000", "2000.00")
    assert (target["value"], target["numerator"], target["denominator"]) == ("90.00", "700.00", "700.00")
    assert await adds_up(world, line)
    assert await adds_up(world, target)


async def test_the_company_is_judged_on_a_new_threshold_and_a_balance_sheet_at_once(world: World) -> None:
    """Neither waits for a customer to be touched, or for the next day."""
    await owing(world)
    await judged_on(world, DAY)
    steps = [{"threshold": "60", "level": "critical"}]
    await world.do("PUT", "/alert-policies/dso_above_target", {"enabled": True, "steps": steps})
    await world.judge()
    assert "dso_above_target" in {a["rule"] for a in await alerts(world)}
    steps = [{"threshold": "0.3", "level": "critical"}]
    await world.do("PUT", "/alert-policies/receivables_line", {"enabled": True, "steps": steps})
    await world.judge()
    assert "receivables_line" not in {a["rule"] for a in await alerts(world)}, "no balance sheet yet"
    await world.learn(assets(2000, DAY))
    await world.judge()
    assert "receivables_line" in {a["rule"] for a in await alerts(world)}


async def test_a_person_acknowledges_and_resolves_with_the_measure_taken(world: World) -> None:
    await owing(world)
    await judged_on(world, DAY)
    name = (await alerts(world))[0]["alert"]
    seen = await world.do("POST", f"/alerts/{name}/acknowledge", {"note": "calling"}, **{"If-Match": '"1"'})
    assert (seen.status_code, seen.json()["version"]) == (200, 2)
    stale = await world.do("POST", f"/alerts/{name}/resolve", {"measure": "paid"}, **{"If-Match": '"1"'})
    assert stale.status_code == 412
    done = await world.do("POST", f"/alerts/{name}/resolve", {"measure": "deliveries stopped"})
    assert done.status_code == 200
    row = await world.get(f"/alerts/{name}")
    assert (row["state"], row["note"], row["measure"], row["ended_by"]) == (
        "resolved", "calling", "deliveries stopped", "person",
    )  # fmt: skip
    await world.judge()
    assert len(await alerts(world)) == 1
    over = await world.do("POST", f"/alerts/{name}/acknowledge", {"note": "again"})
    assert (over.status_code, over.json()["type"]) == (409, "/problems/analytics/alert-is-over")


async def test_what_does_not_exist_or_is_not_allowed_is_said_so(world: World) -> None:
    missing = await world.ask("/alerts/nothing")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/analytics/alert-not-found")
    misspelt = await world.ask("/alerts", state="opened")
    assert (misspelt.status_code, misspelt.json()["errors"][0]["pointer"]) == (422, "/query/state")
    unknown = await world.do("POST", "/alerts/nothing/acknowledge", {"note": "x"})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/analytics/alert-not-found")
    sales = {"Authorization": "Bearer dev-sales"}
    assert (
        await world.do("PUT", "/alert-policies/overdue", {"enabled": False, "steps": []}, **sales)
    ).status_code == 403
    falling = [{"threshold": "2", "level": "notice"}, {"threshold": "1", "level": "notice"}]
    refused = await world.do("PUT", "/alert-policies/overdue", {"enabled": True, "steps": falling})
    assert refused.json()["type"] == "/problems/analytics/steps-not-rising"
    empty = await world.do("PUT", "/alert-policies/overdue", {"enabled": True, "steps": []})
    assert empty.json()["type"] == "/problems/analytics/steps-missing"


async def test_policies_are_versioned_and_take_effect_on_their_day(world: World) -> None:
    await world.open_day(DAY)
    body = {"enabled": True, "steps": [{"threshold": "10", "level": "critical"}], "valid_from": str(LATER)}
    assert (await world.do("PUT", "/alert-policies/overdue", body)).status_code == 200
    now, then = await world.get("/alert-policies/overdue"), await world.get("/alert-policies/overdue", on=str(LATER))
    assert (now["version"], len(now["steps"])) == (0, 4)
    assert (then["version"], then["steps"]) == (1, [{"threshold": "10", "level": "critical"}])


async def test_the_list_of_policies_has_one_of_each_rule_however_often_they_were_set(world: World) -> None:
    """Hence it has no pages."""
    await world.open_day(DAY)
    for days in ("10", "11", "12"):
        steps = [{"threshold": days, "level": "critical"}]
        await world.do("PUT", "/alert-policies/overdue", {"enabled": True, "steps": steps})
    listed = (await world.ask("/alert-policies")).json()
    assert [policy["rule"] for policy in listed] == list(ALERT_RULES)
    assert [policy["version"] for policy in listed if policy["rule"] == "overdue"] == [3]


async def test_alerts_are_streamed_and_resumed(world: World) -> None:
    await owing(world)
    await judged_on(world, DAY)
    stream = asyncio.create_task(_frames(world, 2, after=0))
    await asyncio.sleep(0.1)
    name = (await alerts(world))[0]["alert"]
    await world.do("POST", f"/alerts/{name}/acknowledge", {"note": "calling"})
    raised, acknowledged = await stream
    assert (raised["event"], acknowledged["event"]) == ("AlertRaised", "AlertAcknowledged")
    assert raised["data"]["alert"] == acknowledged["data"]["alert"] == name
    assert "contributions" not in raised["data"]
    [again] = await _frames(world, 1, after=int(raised["id"]))
    assert again == acknowledged


async def _frames(world: World, many: int, after: int) -> list[dict[str, Any]]:
    """So many frames of the stream, over a connection of its own."""
    found: list[dict[str, Any]] = []
    done = asyncio.Event()
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        for chunk in message.get("body", b"").split(b"\n\n"):
            if b"event: " in chunk:
                lines = dict(line.split(b": ", 1) for line in chunk.split(b"\n"))
                found.append(
                    {
                        "id": lines[b"id"].decode(),
                        "event": lines[b"event"].decode(),
                        "data": orjson.loads(lines[b"data"]),
                    }
                )
        if len(found) >= many:
            done.set()

    transport = world.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/analytics/alerts/stream", "raw_path": b"/api/analytics/alerts/stream",
        "query_string": f"after={after}".encode(), "root_path": "", "client": ("test", 1), "server": ("kehu", 80),
        "headers": [(b"authorization", b"Bearer dev-admin")],
    }  # fmt: skip
    await asyncio.wait_for(transport.app(scope, receive, send), 20)
    return found[:many]

"""The figures over HTTP: four answers for two dates and two times, each taken apart into events that add up to it."""

from decimal import Decimal
from itertools import product
from typing import Any

from analytics_history import EARLY, LATE, MARCH, MAY, designed, invoice, order, payment, registered
from analytics_reading import outstanding
from analytics_world import World

from analytics_svc.projections import receivables
from engine.views import group_of

LOG = designed()
POINTS = [{"as_of": str(a), "known_at": k.isoformat()} for a, k in product((MARCH, MAY), (EARLY, LATE))]


async def loaded(world: World) -> World:
    for fact in LOG.facts:
        await world.learn(fact.event, recorded=fact.recorded, effective=fact.effective)
    return world


async def test_without_times_the_open_day_and_all_that_is_known_are_meant(world: World) -> None:
    await loaded(world)
    await world.open_day(MAY)
    body = await world.get("/balance")
    assert body["as_of"] == str(MAY)
    assert body["provisional"] is False
    again = await world.get("/balance", known_at=body["known_at"])
    assert again["outstanding"] == body["outstanding"]
    assert Decimal(body["outstanding"]) == outstanding(LOG.known(MAY, LATE))


async def test_a_figure_asked_for_a_time_beyond_what_is_known_is_provisional(world: World) -> None:
    await world.learn(registered("C1", MARCH), recorded=EARLY)
    body = await world.get("/balance", as_of=str(MAY), known_at="2999-01-01T00:00:00Z")
    assert body["provisional"] is True


async def test_a_figure_names_the_customers_it_lacks_something_of(world: World) -> None:
    await world.learn(registered("C1", MARCH), registered("C2", MARCH))
    assert (await world.get("/balance", as_of=str(MAY)))["parked"] == []
    await world.runtime.database.pool.execute(PARKED, group_of(receivables.VIEW))
    await world.learn(invoice("C1", "I1", MARCH, (MAY, 100)), invoice("C2", "I2", MARCH, (MAY, 7)))
    for path in ("/balance", "/balance/customers", "/ageing", "/dso", "/limits", "/balance/explain"):
        assert (await world.get(path, as_of=str(MAY)))["parked"] == ["C1"], path
    assert (await world.get("/balance", as_of=str(MAY)))["outstanding"] == "7.00"
    for path in ("/complaints", "/products"):
        assert (await world.get(path, as_of=str(MAY)))["parked"] == [], path


async def test_a_document_learned_later_does_not_change_an_answer_given_before(world: World) -> None:
    await world.learn(registered("C1", MARCH), invoice("C1", "I1", MARCH, (MAY, 100)))
    before = await world.get("/balance", as_of=str(MAY))
    await world.learn(payment("C1", "Z1", MARCH, 60))
    after = await world.get("/balance", as_of=str(MAY))
    assert (before["outstanding"], after["outstanding"]) == ("100.00", "40.00")
    again = await world.get("/balance", as_of=str(MAY), known_at=before["known_at"])
    assert again["outstanding"] == "100.00"


PARKED = """
insert into dead_letters (grp, customer, topic, part, pos, event, type, kind, error)
values ($1, 'C1', 'credit', 0, 0, gen_random_uuid(), 'credit.InvoiceIssued', 'poison', 'builtins.ValueError')"""


AMOUNTS = {
    "/tiers": ("total",),
    "/products": ("total",),
    "/balance": ("receivable", "unallocated", "outstanding"),
    "/ageing": ("outstanding",),
    "/totals": ("order_intake", "billed", "credited", "credit_sales", "sales", "gross_profit", "without_cost", "paid"),
}


async def test_an_amount_is_written_with_all_places_of_its_currency_zero_too(world: World) -> None:
    await world.learn(registered("C1", MARCH), invoice("C1", "I1", MARCH, (MAY, 100)))
    for currency, written in (("CNY", ("0.00", "100.00")), ("JPY", ("0",)), ("KWD", ("0.000",))):
        asked = {"as_of": str(MAY), "currency": currency}
        for path, names in AMOUNTS.items():
            body = await world.get(path, **asked)
            assert {body[name] for name in names} <= set(written), (path, currency)
        assert {b["amount"] for b in (await world.get("/ageing", **asked))["buckets"]} == set(written)
        assert (await world.get("/dso", **asked))["ratio"]["denominator"] in written
        parts = (await world.get("/balance/explain", **asked))["parts"]
        assert {p["total"] for p in parts} <= set(written)
    [row] = (await world.get("/balance/customers", as_of=str(MAY)))["customers"]["items"]
    assert (row["receivable"], row["unallocated"]) == ("100.00", "0.00")
    paid = await world.get("/tiers", as_of=str(MAY), measure="paid")
    [ranked], [group] = paid["members"]["items"], paid["groups"]
    assert (ranked["amount"], group["total"], group["tiers"][0]["amount"]) == ("0.00", "0.00", "0.00")


async def test_a_count_is_no_amount(world: World) -> None:
    await world.learn(registered("C1", MARCH), invoice("C1", "I1", MARCH, (MAY, 100)))
    body = await world.get("/totals/explain", as_of=str(MAY), part="invoices")
    assert (body["currency"], body["parts"], body["entries"]["items"][0]["amount"]) == (
        None, [{"part": "invoices", "total": "1"}], "1",
    )  # fmt: skip


async def test_without_sales_dso_is_null_and_says_why(world: World) -> None:
    body = await world.get("/dso", as_of=str(MAY))
    assert (body["dso"], body["reason"]) == (None, "no_sales_in_window")


async def test_amounts_in_two_currencies_are_not_added(world: World) -> None:
    await world.learn(registered("C1", MARCH), registered("C2", MARCH).model_copy(update={"basics": _dollars()}))
    refused = await world.ask("/balance")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/analytics/name-a-currency")
    assert (await world.get("/balance", currency="USD"))["currency"] == "USD"
    assert (await world.get("/balance", customer="C2"))["currency"] == "USD"


def _dollars() -> Any:
    return registered("C2", MARCH).basics.model_copy(update={"currency": "USD"})


NONSENSE: list[tuple[str, dict[str, str], int, str]] = [
    ("/ageing", {"edges": "30,20"}, 409, "/problems/analytics/edges-not-rising"),
    ("/tiers", {"a": "0.9", "b": "0.8"}, 409, "/problems/analytics/cuts-not-rising"),
    ("/balance", {"as_of": "yesterday"}, 422, "/problems/kehu/malformed"),
    ("/balance", {"known_at": "2024-01-01T00:00:00"}, 422, "/problems/kehu/malformed"),
    ("/balance/explain", {"part": "everything"}, 422, "/problems/kehu/malformed"),
    ("/balance", {"currency": "yuan"}, 422, "/problems/kehu/malformed"),
    ("/balance", {"currency": "XYZ"}, 422, "/problems/kehu/malformed"),
    ("/key-figures", {"by": "colour"}, 422, "/problems/kehu/malformed"),
    ("/key-figures", {"measures": "happiness"}, 422, "/problems/kehu/malformed"),
    ("/key-figures", {"from": "2999-01-01"}, 409, "/problems/analytics/window-ends-before-it-begins"),
    ("/dso/family", {"by": "month"}, 422, "/problems/kehu/malformed"),
    ("/dso/trend", {"months": "61"}, 422, "/problems/kehu/malformed"),
    ("/ageing", {"basis": "payment"}, 422, "/problems/kehu/malformed"),
    ("/ageing", {"edges": "30,20", "basis": "document"}, 409, "/problems/analytics/edges-not-rising"),
    ("/ageing/matrix", {"sort": "31-60", "edges": "30,90"}, 422, "/problems/kehu/malformed"),
    ("/tiers", {"top": "0"}, 422, "/problems/kehu/malformed"),
    ("/rfm", {"bins": "1"}, 422, "/problems/kehu/malformed"),
]


async def test_a_question_that_makes_no_sense_is_refused(world: World) -> None:
    for path, params, status, kind in NONSENSE:
        refused = await world.ask(path, **params)
        assert (refused.status_code, refused.json()["type"]) == (status, kind), (path, params)


async def test_products_are_counted_by_our_rule_and_by_the_inclusive_one(world: World) -> None:
    await world.learn(
        registered("C1", MARCH),
        order("C1", "O1", MARCH, ("P1", 1, "79", None), ("P2", 1, "2", None), ("P3", 1, "19", None)),
    )
    body = await world.get("/products", as_of=str(MAY))
    assert (body["tiers"], body["groups"][0]["within_first_cut"]) == ({"A": 2, "C": 1}, 1)

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


async def explained(world: World, path: str, part: str, **params: Any) -> tuple[Decimal, Decimal]:
    """The total of a part, and what the entries on all its pages add up to."""
    cursor: dict[str, str] = {}
    added = Decimal(0)
    while True:
        body = await world.get(f"{path}/explain", part=part, limit=2, **params, **cursor)
        added += sum(Decimal(e["amount"]) for e in body["entries"]["items"])
        total = next(Decimal(p["total"]) for p in body["parts"] if p["part"] == part)
        if body["entries"]["next"] is None:
            return total, added
        cursor = {"cursor": body["entries"]["next"]}


FIGURES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("/balance", {}, ("outstanding", "receivable", "unallocated")),
    ("/balance", {"customer": "C1"}, ("outstanding",)),
    ("/ageing", {}, ("current", "1-30", "31-60", "unallocated")),
    ("/dso", {"days": 60}, ("numerator", "denominator")),
    ("/limits", {"customer": "C2"}, ("numerator", "denominator")),
    ("/limits", {"customer": "C2", "measure": "balance"}, ("numerator",)),
    ("/tiers", {"customer": "C2"}, ("numerator", "denominator")),
    ("/tiers", {"customer": "C2", "measure": "gross_profit"}, ("numerator", "denominator")),
    ("/tiers", {"customer": "C1", "measure": "paid"}, ("numerator", "denominator")),
    ("/products", {"product": "P1"}, ("numerator", "denominator")),
    ("/totals", {}, ("order_intake", "billed", "sales", "gross_profit", "paid", "orders", "invoices", "customers")),
    ("/complaints", {}, ("all", "recorded", "assigned", "open", "step_1", "step_3")),
    ("/key-figures", {}, ("order_intake", "sales", "orders", "outstanding", "overdue")),
    ("/key-figures", {"by": "type", "group": "retailer"}, ("paid", "gross_profit", "credit_sales")),
    ("/rfm", {"customer": "C2", "measure": "order_intake"}, ("recency", "frequency", "monetary")),
]
UNSTATED = {"/key-figures": ("credit_sales",), "/rfm": ("recency",)}
"""Parts that the figure itself shows only as part of a ratio, or as a date."""


async def test_every_figure_is_explained_by_events_that_add_up_to_it(world: World) -> None:
    await loaded(world)
    for path, params, parts in FIGURES:
        for part in parts:
            total, added = await explained(world, path, part, **POINTS[3], **params)
            assert total == added, (path, part)
            if part in UNSTATED.get(path, ()):
                continue
            assert total == _stated(await world.get(path, **POINTS[3], **params), path, part, params), (path, part)


def _stated(body: dict[str, Any], path: str, part: str, params: dict[str, Any]) -> Decimal:
    """What the figure itself says of a part."""
    match path:
        case "/ageing":
            return next(Decimal(b["amount"]) for b in body["buckets"] if b["bucket"] == part)
        case "/dso":
            return Decimal(body["ratio"][part])
        case "/limits":
            [row] = body["customers"]["items"]
            return Decimal(row["used" if part == "numerator" else "limit"])
        case "/tiers" | "/products":
            name = params.get("customer") or params["product"]
            row = next(r for r in body["members"]["items"] if r["subject"] == name)
            return Decimal(row["amount"] if part == "numerator" else body["total"])
        case "/key-figures":
            groups = {g["name"]: g for g in body["groups"]["items"]}
            return Decimal(groups.get(params.get("group", ""), body["total"])["figures"][part])
        case "/rfm":
            [row] = body["customers"]["items"]
            return Decimal(row[part])
        case "/complaints":
            steps = {f"step_{s['step']}": s["open"] for s in body["steps"]}
            known = {"all": sum(body["states"].values()), "open": body["open"]} | steps | body["states"]
            return Decimal(known.get(part, 0))
        case _:
            return Decimal(body[part])


FOUR: list[tuple[str, dict[str, str]]] = [
    *((path, {}) for path in ("/balance", "/balance/customers", "/ageing", "/dso", "/limits", "/tiers", "/products")),
    ("/totals", {}),
    *(("/key-figures", {"by": by}) for by in ("type", "tier", "vip")),
    ("/tiers", {"scheme": "VIP", "within": "type"}),
    ("/key-figures", {"by": "customer", "sort": "outstanding"}),
    ("/rfm", {"measure": "order_intake"}),
]


async def test_every_figure_has_four_answers_for_two_dates_and_two_times(world: World) -> None:
    await loaded(world)
    fixed = ("as_of", "known_at", "window", "through", "provisional")
    for path, params in FOUR:
        answers = [await world.get(path, **point, **params) for point in POINTS]
        figures = {str({k: v for k, v in body.items() if k not in fixed}) for body in answers}
        assert len(figures) == 4, path
        for body, point in zip(answers, POINTS, strict=True):
            assert body["as_of"] == point["as_of"]
            assert body["provisional"] is False
            assert body["currency"] == "CNY"
            assert body["through"]["credit"] == world.position["credit"] or "credit" not in body["through"]
    states = [(await world.get("/complaints", **point))["states"] for point in POINTS]
    assert states == [{"recorded": 1}, {"recorded": 2}, {"established": 1}, {"recorded": 1, "assigned": 1}]


async def test_a_complaint_is_overdue_once_it_has_stood_at_a_step_for_longer_than_the_deadline(world: World) -> None:
    await loaded(world)
    late = POINTS[3]  # K1 was assigned on 1 May, K2 recorded on 10 March; it is 15 May
    for deadline, overdue, at_step_3 in ((7, 2, 1), (13, 2, 1), (14, 1, 0), (66, 0, 0)):
        body = await world.get("/complaints", **late, deadline_days=deadline)
        assert (body["open"], body["overdue"], body["deadline_days"]) == (2, overdue, deadline)
        assert [s["open"] for s in body["steps"]] == [1, 0, 1, 0, 0, 0]
        assert body["steps"][2] == {"step": 3, "open": 1, "overdue": at_step_3}
        total, added = await explained(world, "/complaints", "overdue", **late, deadline_days=deadline)
        assert total == added == overdue


async def test_the_amounts_of_the_tiers_are_written_in_their_currency(world: World) -> None:
    await loaded(world)
    body = await world.get("/tiers", **POINTS[3])
    assert sum(Decimal(t["amount"]) for t in body["amounts"]) == Decimal(body["total"])
    assert {t["tier"] for t in body["amounts"]} == set(body["tiers"])
    assert all("." in t["amount"] for t in body["amounts"])


async def test_balances_are_those_of_the_naive_reading(world: World) -> None:
    await loaded(world)
    for (as_of, known_at), point in zip(product((MARCH, MAY), (EARLY, LATE)), POINTS, strict=True):
        body = await world.get("/balance", **point)
        assert Decimal(body["outstanding"]) == outstanding(LOG.known(as_of, known_at))
        listed = (await world.get("/balance/customers", **point))["customers"]["items"]
        assert sum(Decimal(row["outstanding"]) for row in listed) == Decimal(body["outstanding"])


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
    ("/tiers", {"top": "0"}, 422, "/problems/kehu/malformed"),
    ("/rfm", {"bins": "1"}, 422, "/problems/kehu/malformed"),
]


async def test_a_question_that_makes_no_sense_is_refused(world: World) -> None:
    for path, params, status, kind in NONSENSE:
        refused = await world.ask(path, **params)
        assert (refused.status_code, refused.json()["type"]) == (status, kind), (path, params)


async def test_tiers_name_what_they_used(world: World) -> None:
    await loaded(world)
    body = await world.get("/tiers", **POINTS[3], measure="order_intake", scheme="VIP")
    assert (body["measure"], body["scheme"], body["within"]) == ("order_intake", "VIP", "company")
    assert body["window"] == {"first": "2023-05-16", "last": str(MAY)}
    assert [row["rank"] for row in body["members"]["items"]] == [1, 2, 3]


async def test_products_are_counted_by_our_rule_and_by_the_inclusive_one(world: World) -> None:
    await world.learn(
        registered("C1", MARCH),
        order("C1", "O1", MARCH, ("P1", 1, "79", None), ("P2", 1, "2", None), ("P3", 1, "19", None)),
    )
    body = await world.get("/products", as_of=str(MAY))
    assert (body["tiers"], body["groups"][0]["within_first_cut"]) == ({"A": 2, "C": 1}, 1)


async def test_tiers_within_types_divide_each_type_by_itself(world: World) -> None:
    await loaded(world)
    body = await world.get("/tiers", **POINTS[3], within="type")
    assert [(g["name"], g["members"]) for g in body["groups"]] == [("agent", 1), ("retailer", 2)]
    places = [(m["group"], m["rank"]) for m in body["members"]["items"]]
    assert places == [("agent", 1), ("retailer", 1), ("retailer", 2)]
    why = await world.get("/tiers/explain", **POINTS[3], within="type", customer="C1", part="denominator")
    assert Decimal(why["parts"][1]["total"]) == Decimal(body["groups"][1]["total"])


async def test_the_products_of_a_customer_are_ranked_by_what_it_bought_with_their_margin(world: World) -> None:
    """R-076, R-077: as known late, C1 ordered 3 of P1 at 300, cost 200."""
    await loaded(world)
    body = await world.get("/products", **POINTS[3], customer="C1")
    [row] = [r for r in body["members"]["items"] if r["subject"] == "P1"]
    assert (row["quantity"], row["amount"], row["gross_profit"], row["margin"]) == (
        "3", "900.00", "300.00", "0.333333",
    )  # fmt: skip
    for part, total in (("gross_profit", "300.00"), ("with_cost", "900.00"), ("numerator", "900.00")):
        assert await explained(world, "/products", part, **POINTS[3], customer="C1", product="P1") == (
            Decimal(total),
            Decimal(total),
        )


async def test_key_figures_come_sorted_and_in_pages_and_only_those_asked_for(world: World) -> None:
    await loaded(world)
    asked = {**POINTS[3], "by": "customer", "sort": "outstanding", "measures": ["outstanding", "margin"], "limit": 2}
    body = await world.get("/key-figures", **asked)
    first = body["groups"]["items"]
    [last] = (await world.get("/key-figures", **asked, cursor=body["groups"]["next"]))["groups"]["items"]
    assert [g["name"] for g in [*first, last]] == ["C2", "C1", "C3"]
    assert set(last["figures"]) == {"outstanding", "margin", "reasons"}
    assert last["figures"]["reasons"] == {"margin": "no_order_intake_of_known_cost"}
    assert sum(Decimal(g["figures"]["outstanding"]) for g in [*first, last]) == Decimal(
        body["total"]["figures"]["outstanding"]
    )


async def test_rfm_scores_among_all_also_when_one_is_shown(world: World) -> None:
    await loaded(world)
    everybody = await world.get("/rfm", **POINTS[3])
    [one] = (await world.get("/rfm", **POINTS[3], customer="C1"))["customers"]["items"]
    assert one in everybody["customers"]["items"]
    assert (everybody["scored"], everybody["without_orders"]) == (2, 1)
    assert sum(s["customers"] for s in everybody["segments"]) == 2

"""The figures of the designed history over HTTP: for two dates and two times, taken apart into events that add up."""

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from analytics_history import EARLY, LATE, MARCH, MAY, designed
from analytics_reading import outstanding
from analytics_world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOG = designed()
POINTS = [{"as_of": str(a), "known_at": k.isoformat()} for a, k in product((MARCH, MAY), (EARLY, LATE))]


async def explained(history: World, path: str, part: str, **params: Any) -> tuple[Decimal, Decimal]:
    """The total of a part, and what the entries on all its pages add up to."""
    cursor: dict[str, str] = {}
    added = Decimal(0)
    while True:
        body = await history.get(f"{path}/explain", part=part, limit=2, **params, **cursor)
        added += sum(Decimal(e["amount"]) for e in body["entries"]["items"])
        total = next(Decimal(p["total"]) for p in body["parts"] if p["part"] == part)
        if body["entries"]["next"] is None:
            return total, added
        cursor = {"cursor": body["entries"]["next"]}


FIGURES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("/balance", {}, ("outstanding", "receivable", "unallocated")),
    ("/balance", {"customer": "C1"}, ("outstanding",)),
    ("/ageing", {}, ("current", "1-30", "31-60", "unallocated")),
    ("/ageing", {"basis": "document", "disputed": "excluded", "edges": "20,50"}, ("21-50", ">50", "unallocated")),
    ("/ageing", {"disputed": "only", "customer": "C2"}, ("31-60", "unallocated")),
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
    ("/dso/family", {"figure": "average_days_delinquent"}, ("numerator", "denominator")),
    ("/dso/family", {"figure": "countback", "by": "type", "group": "retailer"}, ("numerator",)),
    ("/dso/family", {"figure": "effectiveness"}, ("opening", "sales", "closing", "closing_current")),
    ("/dso/family", {"figure": "weighted_days_to_pay", "by": "owner", "group": "E1"}, ("numerator", "denominator")),
]
UNSTATED = {"/key-figures": ("credit_sales",), "/rfm": ("recency",)}
"""Parts that the figure itself shows only as part of a ratio, or as a date."""


async def test_every_figure_is_explained_by_events_that_add_up_to_it(history: World) -> None:
    for path, params, parts in FIGURES:
        body = await history.get(path, **POINTS[3], **params)
        for part in parts:
            total, added = await explained(history, path, part, **POINTS[3], **params)
            assert total == added, (path, part)
            if part not in UNSTATED.get(path, ()):
                assert total == _stated(body, path, part, params), (path, params, part)


def _stated(body: dict[str, Any], path: str, part: str, params: dict[str, Any]) -> Decimal:
    """What the figure itself says of a part."""
    if path in ("/tiers", "/products"):
        name = params.get("customer") or params["product"]
        row = next(r for r in body["members"]["items"] if r["subject"] == name)
        return Decimal(row["amount"] if part == "numerator" else body["total"])
    said = SAID.get(path)
    return Decimal(body[part] if said is None else said(body, part, params))


def _group(body: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    groups = {g["name"]: g for g in body["groups"]["items"]}
    found: dict[str, Any] = groups.get(params.get("group", ""), body["total"])
    return found


def _complaints(body: dict[str, Any]) -> dict[str, int]:
    steps = {f"step_{s['step']}": s["open"] for s in body["steps"]}
    return {"all": sum(body["states"].values()), "open": body["open"], **steps, **body["states"]}


SAID: dict[str, Callable[[dict[str, Any], str, dict[str, Any]], Any]] = {
    "/ageing": lambda body, part, _: next(b["amount"] for b in body["buckets"] if b["bucket"] == part),
    "/dso": lambda body, part, _: body["ratio"][part],
    "/limits": lambda body, part, _: body["customers"]["items"][0]["used" if part == "numerator" else "limit"],
    "/key-figures": lambda body, part, params: _group(body, params)["figures"][part],
    "/dso/family": lambda body, part, params: _group(body, params)[params["figure"]][
        "receivables" if params["figure"] == "countback" else part
    ],
    "/rfm": lambda body, part, _: body["customers"]["items"][0][part],
    "/complaints": lambda body, part, _: _complaints(body).get(part, 0),
}


FOUR: list[tuple[str, dict[str, str]]] = [
    *((path, {}) for path in ("/balance", "/balance/customers", "/ageing", "/dso", "/limits", "/tiers", "/products")),
    ("/totals", {}),
    *(("/key-figures", {"by": by}) for by in ("type", "tier", "vip", "month")),
    ("/ageing", {"basis": "document"}),
    ("/ageing/matrix", {"disputed": "excluded", "sort": "outstanding"}),
    *(("/dso/family", {"by": by}) for by in ("company", "type", "tier", "owner", "customer")),
    *(("/dso/trend", {"by": by, "months": "4"}) for by in ("company", "type", "tier")),
    ("/tiers", {"scheme": "VIP", "within": "type"}),
    ("/key-figures", {"by": "customer", "sort": "outstanding"}),
    ("/rfm", {"measure": "order_intake"}),
]


async def test_every_figure_has_four_answers_for_two_dates_and_two_times(history: World) -> None:
    fixed = ("as_of", "known_at", "window", "through", "provisional", "period", "before")
    for path, params in FOUR:
        answers = [await history.get(path, **point, **params) for point in POINTS]
        figures = {str({k: v for k, v in body.items() if k not in fixed}) for body in answers}
        assert len(figures) == 4, path
        for body, point in zip(answers, POINTS, strict=True):
            assert body["as_of"] == point["as_of"]
            assert body["provisional"] is False
            assert body["currency"] == "CNY"
            assert body["through"]["credit"] == history.position["credit"] or "credit" not in body["through"]
    states = [(await history.get("/complaints", **point))["states"] for point in POINTS]
    assert states == [{"recorded": 1}, {"recorded": 2}, {"established": 1}, {"recorded": 1, "assigned": 1}]


async def test_balances_are_those_of_the_naive_reading(history: World) -> None:
    for (as_of, known_at), point in zip(product((MARCH, MAY), (EARLY, LATE)), POINTS, strict=True):
        body = await history.get("/balance", **point)
        assert Decimal(body["outstanding"]) == outstanding(LOG.known(as_of, known_at))
        listed = (await history.get("/balance/customers", **point))["customers"]["items"]
        assert sum(Decimal(row["outstanding"]) for row in listed) == Decimal(body["outstanding"])


async def test_tiers_name_what_they_used(history: World) -> None:
    body = await history.get("/tiers", **POINTS[3], measure="order_intake", scheme="VIP")
    assert (body["measure"], body["scheme"], body["within"]) == ("order_intake", "VIP", "company")
    assert body["window"] == {"first": "2023-05-16", "last": str(MAY)}
    assert [row["rank"] for row in body["members"]["items"]] == [1, 2, 3]


async def test_tiers_within_types_divide_each_type_by_itself(history: World) -> None:
    body = await history.get("/tiers", **POINTS[3], within="type")
    assert [(g["name"], g["members"]) for g in body["groups"]] == [("agent", 1), ("retailer", 2)]
    places = [(m["group"], m["rank"]) for m in body["members"]["items"]]
    assert places == [("agent", 1), ("retailer", 1), ("retailer", 2)]
    why = await history.get("/tiers/explain", **POINTS[3], within="type", customer="C1", part="denominator")
    assert Decimal(why["parts"][1]["total"]) == Decimal(body["groups"][1]["total"])


async def test_the_products_of_a_customer_are_ranked_by_what_it_bought_with_their_margin(history: World) -> None:
    """R-076, R-077: as known late, C1 ordered 3 of P1 at 300, cost 200."""
    body = await history.get("/products", **POINTS[3], customer="C1")
    [row] = [r for r in body["members"]["items"] if r["subject"] == "P1"]
    assert (row["quantity"], row["amount"], row["gross_profit"], row["margin"]) == (
        "3", "900.00", "300.00", "0.333333",
    )  # fmt: skip
    for part, total in (("gross_profit", "300.00"), ("with_cost", "900.00"), ("numerator", "900.00")):
        assert await explained(history, "/products", part, **POINTS[3], customer="C1", product="P1") == (
            Decimal(total),
            Decimal(total),
        )


async def test_key_figures_come_sorted_and_in_pages_and_only_those_asked_for(history: World) -> None:
    asked = {**POINTS[3], "by": "customer", "sort": "outstanding", "measures": ["outstanding", "margin"], "limit": 2}
    body = await history.get("/key-figures", **asked)
    first = body["groups"]["items"]
    [last] = (await history.get("/key-figures", **asked, cursor=body["groups"]["next"]))["groups"]["items"]
    assert [g["name"] for g in [*first, last]] == ["C2", "C1", "C3"]
    assert set(last["figures"]) == {"outstanding", "margin", "reasons"}
    assert last["figures"]["reasons"] == {"margin": "no_order_intake_of_known_cost"}
    assert sum(Decimal(g["figures"]["outstanding"]) for g in [*first, last]) == Decimal(
        body["total"]["figures"]["outstanding"]
    )


async def test_rfm_scores_among_all_also_when_one_is_shown(history: World) -> None:
    everybody = await history.get("/rfm", **POINTS[3])
    [one] = (await history.get("/rfm", **POINTS[3], customer="C1"))["customers"]["items"]
    assert one in everybody["customers"]["items"]
    assert (everybody["scored"], everybody["without_orders"]) == (2, 1)
    assert sum(s["customers"] for s in everybody["segments"]) == 2


async def test_a_trend_ends_with_the_figure_of_today_and_comes_in_pages(history: World) -> None:
    asked = {**POINTS[3], "days": 60, "by": "owner", "months": 3}
    first = await history.get("/dso/trend", **asked, limit=4)
    rest = await history.get("/dso/trend", **asked, cursor=first["points"]["next"])
    points = [*first["points"]["items"], *rest["points"]["items"]]
    names = [(p["name"], p["month"]) for p in points]
    assert names == [(name, f"2024-{month:02}") for name in ("", "E1") for month in (3, 4, 5)]
    families = await history.get("/dso/family", **POINTS[3], days=60, by="owner", sort="outstanding")
    one = families["groups"]["items"][0]
    [last] = [p for p in points if (p["name"], p["month"]) == (one["name"], "2024-05")]
    for figure in ("dso", "best_possible", "delinquent", "countback", "weighted_days_to_pay"):
        assert last[figure] == one[figure], figure
    only = await history.get("/dso/trend", **asked, group="E1")
    assert [p for p in points if p["name"] == "E1"] == only["points"]["items"]


async def test_the_sales_a_countback_counted_are_told(history: World) -> None:
    """As known late, C2 was sold 400 in April and 1240 in March; 140 were credited in May, so May is passed over."""
    body = await history.get("/dso/family", **POINTS[3], customer="C2")
    countback = body["total"]["countback"]
    assert (countback["receivables"], countback["months"], countback["skipped"]) == (
        "1410.00", ["2024-04", "2024-03"], ["2024-05"],
    )  # fmt: skip
    why = {**POINTS[3], "figure": "countback", "customer": "C2"}
    assert await explained(history, "/dso/family", "denominator", **why) == (Decimal(1500), Decimal(1500))


async def test_a_complaint_is_overdue_once_it_has_stood_at_a_step_for_longer_than_the_deadline(history: World) -> None:
    late = POINTS[3]  # K1 was assigned on 1 May, K2 recorded on 10 March; it is 15 May
    for deadline, overdue, at_step_3 in ((7, 2, 1), (13, 2, 1), (14, 1, 0), (66, 0, 0)):
        body = await history.get("/complaints", **late, deadline_days=deadline)
        assert (body["open"], body["overdue"], body["deadline_days"]) == (2, overdue, deadline)
        assert [s["open"] for s in body["steps"]] == [1, 0, 1, 0, 0, 0]
        assert body["steps"][2] == {"step": 3, "open": 1, "overdue": at_step_3}
        total, added = await explained(history, "/complaints", "overdue", **late, deadline_days=deadline)
        assert total == added == overdue


async def test_the_amounts_of_the_tiers_are_written_in_their_currency(history: World) -> None:
    body = await history.get("/tiers", **POINTS[3])
    assert sum(Decimal(t["amount"]) for t in body["amounts"]) == Decimal(body["total"])
    assert {t["tier"] for t in body["amounts"]} == set(body["tiers"])
    assert all("." in t["amount"] for t in body["amounts"])


async def test_the_matrix_is_sorted_by_any_bucket_and_adds_up_over_its_pages(history: World) -> None:
    asked = {**POINTS[3], "edges": "30,60", "sort": "31-60", "limit": 1}
    first = await history.get("/ageing/matrix", **asked)
    rest = await history.get("/ageing/matrix", **{**asked, "limit": 50}, cursor=first["rows"]["next"])
    rows = [*first["rows"]["items"], *rest["rows"]["items"]]
    assert [r["name"] for r in rows] == ["C2", "C1"]
    total = {b["bucket"]: Decimal(b["amount"]) for b in first["total"]["buckets"]}
    for n, bucket in enumerate(("current", "1-30", "31-60", ">60", "unallocated")):
        assert sum(Decimal(r["buckets"][n]["amount"]) for r in rows) == total[bucket]
    assert sum(Decimal(r["outstanding"]) for r in rows) == Decimal(first["total"]["outstanding"]) == sum(total.values())
    owed = (await history.get("/balance", **POINTS[3]))["outstanding"]
    assert owed == first["total"]["outstanding"]


async def test_what_is_in_dispute_is_what_the_ageing_without_it_lacks(history: World) -> None:
    whole, without, only = [
        Decimal((await history.get("/ageing", **POINTS[3], disputed=d))["outstanding"])
        for d in ("included", "excluded", "only")
    ]
    assert (whole - without, only) == (Decimal(800), Decimal(800)), "500 of I3, and the 300 that are open of I1"
    why = await history.get("/ageing/explain", **POINTS[3], disputed="only", part="31-60", by="customer", group="C2")
    assert [(e["kind"], e["document"], e["amount"]) for e in why["entries"]["items"]] == [("disputed", "K2", "500.00")]


async def test_a_product_is_compared_with_the_period_before_and_with_what_others_buy(history: World) -> None:
    """R-082, R-083: since April 5 of P2 were ordered and 1 taken back, 1 more of P1; in the 45 days before 1 and 6."""
    asked = {**POINTS[3], "from": "2024-04-01"}
    rows = {r["subject"]: r for r in (await history.get("/products", **asked))["members"]["items"]}
    assert (rows["P2"]["quantity"], rows["P2"]["quantity_before"]) == ("4", "1")
    assert (rows["P1"]["quantity"], rows["P1"]["change"]) == ("1", "-0.833333")
    lacking = await history.get("/products/potential", **POINTS[3], customer="C1", measure="order_intake", below="1")
    assert [(p["product"], p["own_share"]) for p in lacking["products"]["items"]] == [("P2", "0.000000")]


FIGURES_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "figures.md"


async def test_the_examples_of_the_page_of_figures_are_answered(history: World) -> None:
    examples = re.findall(r"`GET (/api/analytics\S*)`", FIGURES_PAGE.read_text())
    assert len(examples) > 30
    for example in examples:
        answer = await history.http.get(example.replace("C-103", "C1"))
        assert answer.status_code == 200, (example, answer.text)

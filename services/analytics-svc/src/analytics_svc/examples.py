"""The part of analytics-svc in the story its API document tells: an alert, the policies behind it, the figures."""

from collections.abc import Iterator
from typing import Any

from analytics_svc.domain.alert import Subject, alert_id
from chassis.examples import Example, Story

C = {"customer": "C-9001"}
ALERT = {"alert": alert_id(Subject(rule="overdue", customer="C-9001"), 1)}
RULE = {"rule": "overdue"}
POLICY = {
    "enabled": True,
    "steps": [{"threshold": "15", "level": "warning"}, {"threshold": "45", "level": "critical"}],
    "valid_from": "2030-04-01",
}
PERIOD = {"from": "2030-01-01"}

FIGURES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("/balance", "What does this customer owe?", C),
    ("/balance/customers", "What does everybody owe?", {"limit": 20}),
    ("/balance/explain", "By which documents?", {**C, "part": "receivable"}),
    ("/ageing", "How old is it?", {**C, "edges": "30,60,90,120"}),
    ("/ageing/explain", "What is 1 to 30 days late?", {**C, "edges": "30,60,90,120", "part": "1-30"}),
    ("/ageing/matrix", "How old is it by customer?", {"by": "customer", "edges": "30,60,90,120"}),
    ("/dso", "How many days of sales are outstanding?", {**C, "days": 90}),
    ("/dso/explain", "Which receivables are counted?", {**C, "part": "numerator"}),
    ("/dso/family", "The whole family by type of customer", {"by": "type"}),
    ("/dso/family/explain", "The receivables behind it", {"by": "type", "group": "dealer", "part": "numerator"}),
    ("/dso/trend", "The last three months", {"months": 3}),
    ("/payment-behaviour", "How late does it pay?", C),
    ("/payment-behaviour/customers", "Who pays how late?", {"limit": 20}),
    ("/payment-behaviour/explain", "Which payments say so?", {**C, "part": "days_late"}),
    ("/limits", "Who uses how much of the limit?", {"limit": 20}),
    ("/limits/explain", "What fills it up?", {**C, "part": "numerator"}),
    ("/complaints", "Where do complaints stand?", C),
    ("/complaints/explain", "Which are counted?", {**C, "part": "all"}),
    ("/totals", "What was ordered, billed and paid this year?", {**C, **PERIOD}),
    ("/totals/explain", "By which orders?", {**C, **PERIOD, "part": "order_intake"}),
    ("/products", "The products it buys, by class", {**C, **PERIOD}),
    ("/products/explain", "The orders of one product", {"product": "PUMP-40", **C, **PERIOD}),
    ("/products/potential", "What might it buy more of?", {**C, **PERIOD}),
    ("/key-figures", "By type of customer, the most sales first", {"by": "type", "sort": "sales"}),
    ("/key-figures/explain", "The sales to dealers", {"by": "type", "group": "dealer", "part": "sales"}),
    ("/tiers", "A, B and C by sales", {"scheme": "ABC", "measure": "sales"}),
    ("/tiers/explain", "What makes it an A?", {**C, "part": "numerator"}),
    ("/rfm", "Recency, frequency and money", {"limit": 20}),
    ("/rfm/explain", "The money behind the score", {**C, "part": "monetary"}),
)
SHOWN = {"/balance", "/ageing", "/dso", "/tiers", "/key-figures"}


def figures() -> Iterator[Example]:
    for n, (path, title, query) in enumerate(FIGURES):
        yield Example(120 + n, "sales", f"GET {path}", title, query=query, shown=path in SHOWN)


STORY = Story(
    "analytics_svc",
    (
        Example(
            100,
            "sales",
            "GET /alerts",
            "Who is late?",
            query={"state": "open", "rule": "overdue", **C},
            becomes={"/items/0/alert": ALERT["alert"]},
            shown=True,
        ),
        Example(101, "sales", "GET /alerts/{alert}", "One alert", path=ALERT),
        Example(102, "sales", "GET /alerts/{alert}/explain", "Which documents say so?", path=ALERT),
        Example(
            103,
            "credit_manager",
            "POST /alerts/{alert}/acknowledge",
            "I have seen it",
            {"note": "I called them; they pay on Friday."},
            path=ALERT,
        ),
        Example(
            104,
            "credit_manager",
            "POST /alerts/{alert}/resolve",
            "It is dealt with",
            {"measure": "Deliveries stopped until the payment arrives."},
            path=ALERT,
        ),
        Example(105, "sales", "GET /alerts/stream", "All alerts from the first one on", query={"after": 0}),
        Example(110, "sales", "GET /alert-policies", "When do we warn?"),
        Example(111, "sales", "GET /alert-policies/{rule}", "When is late too late?", path=RULE),
        Example(112, "credit_manager", "PUT /alert-policies/{rule}", "Earlier from April on", POLICY, path=RULE),
        *figures(),
    ),
)

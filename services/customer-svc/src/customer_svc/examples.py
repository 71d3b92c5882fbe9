"""The part of customer-svc in the story its API documents tell: a customer, its people and record, its orders."""

from typing import Any

from chassis.examples import Example, Story

C = {"customer": "C-9001"}
BASICS = {
    "name": "沪东机械有限公司",
    "type": "dealer",
    "currency": "CNY",
    "tax_id": "91310115MA1K90010X",
    "group": "G-90",
    "owner": "zhao",
    "address": {"country": "CN", "city": "上海", "street": "浦东大道 2000 号", "postal_code": "200135"},
}
WANG = {
    "person": "P-9001",
    "name": "王芳",
    "phone": "021-5551 0001",
    "email": "wang.fang@hudong.example",
    "role": "purchasing",
}
VISIT = {"on": "2030-01-07", "how": "visit", "by": "zhao"}
LEAVING = {**C, "person": "P-9001"}


def lines(quantity: str) -> list[dict[str, Any]]:
    return [{"product": "PUMP-40", "category": "pumps", "quantity": quantity, "price": "6000.00", "cost": "4000.00"}]


BLOCKS = {
    "characteristics": {"market_area": "华东", "sales_capability": "six salespeople, two of them engineers"},
    "trading_status": {"credit_status": "pays within terms", "outlook": "a second warehouse next year"},
}
DELIVERY = {"order": "O-9001", "delivery": "D-9001", "delivered_on": "2030-01-08"}
ERP_CUSTOMER = {
    "specversion": "1.0",
    "source": "erp",
    "id": "CUST-9002-1",
    "type": "erp.Customer.v1",
    "data": {
        "customer": "C-9002",
        "basics": {"name": "Harbour Depot", "type": "retailer", "currency": "CNY", "group": "G-90"},
        "since": "2029-06-01",
    },
}

STORY = Story(
    "customer_svc",
    (
        Example(1, "operations", "POST /days/open", "The first day of a new company", {"day": "2030-01-07"}),
        Example(2, "operations", "POST /days/live", "No history to load: live from now on", {"loaded_documents": 0}),
        Example(3, "sales", "GET /days", "Which day is it?"),
        Example(10, "sales", "POST /", "A new dealer", {**C, "since": "2030-01-07", "basics": BASICS}, shown=True),
        Example(
            11,
            "sales",
            "PUT /basics",
            "It has moved",
            {**C, "basics": {**BASICS, "phone": "021-5551 0000"}},
        ),
        Example(12, "sales", "PUT /contacts", "Who buys there", {**C, "contact": WANG}),
        Example(
            13,
            "sales",
            "PUT /contacts/profile",
            "What the visit told of her",
            {
                **C,
                "collected": VISIT,
                "profile": {"person": "P-9001", "interests": "badminton"},
            },
        ),
        Example(
            14, "sales", "GET /contacts", "Who speaks for the customer?", query=C, becomes={"/items/0/person": "P-9001"}
        ),
        Example(15, "sales", "GET /contacts/profile", "What do we know of her?", query=LEAVING),
        Example(
            16,
            "sales",
            "PUT /record",
            "What the visit told of the company",
            {**C, "collected": VISIT, "blocks": BLOCKS},
        ),
        Example(17, "sales", "POST /record/verify", "Looked through", {**C, "collected": {**VISIT, "how": "phone"}}),
        Example(
            18,
            "sales",
            "GET /record/history",
            "How its outlook was seen over time",
            query={**C, "block": "trading_status"},
            becomes={"/0/collected_by": "zhao"},
        ),
        Example(19, "sales", "PUT /owner", "Chen takes over from Zhao", {**C, "owner": "chen", "previous": "zhao"}),
        Example(20, "sales", "GET /owners", "Who looks after how many?", becomes={"/items/0/owner": "chen"}),
        Example(
            21,
            "operations",
            "POST /owners/hand-over",
            "Chen leaves, Zhao takes all",
            {"previous": "chen", "owner": "zhao"},
        ),
        Example(22, "sales", "GET /owners/history", "Who looked after it, and when?", query=C),
        Example(
            23,
            "sales",
            "GET /",
            "Found by pinyin",
            query={"q": "hudong"},
            becomes={"/items/0/owner": "zhao"},
            shown=True,
        ),
        Example(24, "sales", "GET /groups", "All groups", query={"limit": 20}, becomes={"/items/0/group": "G-90"}),
        Example(25, "sales", "GET /{customer}", "The whole record", path=C, shown=True),
        Example(
            26,
            "integration",
            "POST /intake",
            "The ERP registers a customer",
            ERP_CUSTOMER,
            media="application/cloudevents+json",
        ),
        Example(
            40,
            "sales",
            "POST /orders",
            "An order within the limit",
            {**C, "order": "O-9001", "currency": "CNY", "lines": lines("10")},
            shown=True,
        ),
        Example(
            41,
            "sales",
            "GET /orders/{order}",
            "Credit has granted it",
            path={"order": "O-9001"},
            becomes={"/state": "confirmed"},
            shown=True,
        ),
        Example(42, "sales", "POST /orders/change", "Two pumps more", {"order": "O-9001", "lines": lines("12")}),
        Example(
            43,
            "sales",
            "GET /orders",
            "The orders of a customer",
            query={**C, "state": "confirmed"},
            becomes={"/items/0/order": "O-9001", "/items/0/version": 4},
        ),
        Example(
            44,
            "sales",
            "POST /orders",
            "An order above the limit",
            {**C, "order": "O-9002", "currency": "CNY", "lines": lines("6")},
        ),
        Example(
            55,
            "sales",
            "POST /orders",
            "An order nobody wants any more",
            {**C, "order": "O-9003", "currency": "CNY", "lines": lines("1")},
        ),
        Example(
            56, "sales", "POST /orders/cancel", "It is cancelled", {"order": "O-9003", "reason": "ordered by mistake"}
        ),
        Example(57, "sales", "POST /orders/deliver", "All of it leaves", DELIVERY),
        Example(
            80,
            "sales",
            "GET /timeline",
            "All that happened to it, the newest first",
            query={**C, "newest_first": True, "limit": 5},
            shown=True,
        ),
        Example(
            81,
            "operations",
            "POST /days/advance",
            "Sixty days later",
            {"since": "2030-01-07", "days": 60},
        ),
        Example(950, "sales", "POST /contacts/remove", "She has left the company", LEAVING),
        Example(951, "admin", "POST /contacts/erase", "She asks to be forgotten", {**LEAVING, "reason": "asked"}),
    ),
)

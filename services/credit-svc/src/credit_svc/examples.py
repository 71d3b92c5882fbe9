"""The part of credit-svc in the story its API documents tell: limit, hold, invoice, payment, allocation."""

from chassis.examples import Example, From, Story

C = {"customer": "C-9001"}
HELD = {**C, "order": "O-9002"}


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


INVOICE = {
    **C,
    "invoice": "I-9001",
    "order": "O-9001",
    "invoice_date": "2030-01-08",
    "amount": cny("81360.00"),
    "instalments": [
        {"number": 1, "due": "2030-02-06", "amount": cny("50000.00")},
        {"number": 2, "due": "2030-04-07", "amount": cny("31360.00")},
    ],
    "lines": [
        {
            "product": "PUMP-40",
            "category": "pumps",
            "quantity": "12",
            "net": cny("72000.00"),
            "tax": cny("9360.00"),
            "cost": cny("48000.00"),
        }
    ],
}
SERVICE_INVOICE = {
    **C,
    "invoice": "I-9002",
    "invoice_date": "2030-01-09",
    "due": "2030-01-23",
    "amount": cny("1000.00"),
}
PAYMENT = {**C, "payment": "PAY-9001", "amount": cny("1500.00"), "value_date": "2030-01-10", "names": ["I-9002"]}
CREDIT_NOTE = {
    **C,
    "credit_note": "CN-9001",
    "invoice": "I-9001",
    "amount": cny("1130.00"),
    "net": cny("1000.00"),
    "issued_on": "2030-01-10",
    "reason": "a scratched housing",
}
SHARES = [{"invoice": "I-9001", "amount": cny("500.00")}]
ERP_PAYMENT = {
    "specversion": "1.0",
    "source": "erp",
    "id": "PAY-9002-1",
    "type": "erp.Payment.v1",
    "data": {**C, "payment": "PAY-9002", "amount": cny("8370.00"), "value_date": "2030-01-10", "names": ["I-9001"]},
}
STATED = {
    "source": "erp",
    "as_of": "2030-01-07",
    "balances": [
        {
            **C,
            "currency": "CNY",
            "balance": "72360.00",
            "items": [
                {"document": "I-9001", "kind": "invoice", "open": "71360.00", "due": "2030-02-06"},
                {"document": "I-9003", "kind": "invoice", "open": "1000.00", "due": "2030-02-08"},
            ],
        }
    ],
}
MADE = {"reconciliation": From("POST /reconciliations", "/id", "RC-4K2V7Q3HZA")}

STORY = Story(
    "credit_svc",
    (
        Example(30, "sales", "GET /accounts/{customer}", "Its account is open", path=C, shown=True),
        Example(
            31,
            "credit_manager",
            "POST /limits",
            "A first limit",
            {**C, "limit": cny("100000.00"), "reason": "three good years with its parent"},
        ),
        Example(
            32,
            "credit_manager",
            "POST /risk-classes",
            "It pays well",
            {**C, "risk_class": "CA2", "reason": "no payment late in two years"},
        ),
        Example(33, "sales", "POST /checks", "Would 60,000 go?", {**C, "amount": cny("60000.00")}, shown=True),
        Example(34, "sales", "GET /accounts", "All accounts", query={"limit": 20}),
        Example(35, "sales", "GET /accounts/{customer}/limits", "Its limits so far", path=C),
        Example(
            45,
            "sales",
            "GET /holds",
            "What is held, and why",
            query=C,
            becomes={"/items/0/order": "O-9002"},
            shown=True,
        ),
        Example(46, "credit_manager", "POST /holds/manual", "Not before I spoke to them", {**HELD, "reason": "call"}),
        Example(
            47,
            "credit_manager",
            "POST /holds/manual/lifted",
            "I spoke to them",
            {**HELD, "reason": "called, all is well"},
        ),
        Example(
            48, "credit_manager", "POST /holds/releases", "It may go", {**HELD, "reason": "they pay half in advance"}
        ),
        Example(60, "finance", "POST /invoices", "In two instalments", INVOICE, shown=True),
        Example(61, "finance", "POST /invoices", "Due as a whole", SERVICE_INVOICE),
        Example(62, "sales", "GET /invoices", "What of it is open", query={**C, "only_open": True}),
        Example(63, "sales", "GET /invoices/{invoice}", "With its instalments", path={"invoice": "I-9001"}, shown=True),
        Example(64, "finance", "POST /payments", "500.00 too much for one invoice", PAYMENT),
        Example(
            65,
            "sales",
            "GET /payments",
            "What waits to be allocated",
            query={**C, "unallocated": True},
            becomes={"/items/0/document": "PAY-9001"},
        ),
        Example(66, "sales", "GET /payments/{payment}", "What it was set against", path={"payment": "PAY-9001"}),
        Example(
            67,
            "finance",
            "POST /allocations",
            "The rest goes to another invoice",
            {**C, "kind": "payment", "document": "PAY-9001", "shares": SHARES},
        ),
        Example(68, "finance", "POST /credit-notes", "Something is given back", CREDIT_NOTE),
        Example(69, "sales", "GET /credit-notes", "All credit notes of a customer", query=C),
        Example(
            70, "sales", "GET /credit-notes/{credit_note}", "What it was set against", path={"credit_note": "CN-9001"}
        ),
        Example(
            71,
            "finance",
            "POST /balance-sheets",
            "At the end of the year",
            {"on": "2029-12-31", "total_assets": cny("12000000.00")},
        ),
        Example(
            72,
            "integration",
            "POST /intake",
            "The ERP has received a payment",
            ERP_PAYMENT,
            media="application/cloudevents+json",
            shown=True,
        ),
        Example(
            73, "finance", "POST /reconciliations/preview", "How would the ERP's balance compare?", STATED, shown=True
        ),
        Example(74, "finance", "POST /reconciliations", "The ERP's balance is compared, and that is kept", STATED),
        Example(75, "finance", "GET /reconciliations", "Which were made", becomes={"/items/0/as_of": "2030-01-07"}),
        Example(76, "finance", "GET /reconciliations/{reconciliation}", "Who made it, and what came of it", path=MADE),
        Example(
            77,
            "finance",
            "GET /reconciliations/{reconciliation}/differences",
            "What differs, and why",
            path=MADE,
            becomes={"/items/0/customer": "C-9001"},
            shown=True,
        ),
    ),
)

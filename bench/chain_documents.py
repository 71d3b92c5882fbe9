"""What an ERP sends along the chain: customers, and invoices of today."""

from datetime import timedelta
from random import Random
from typing import Any

import orjson

from engine import clock

CUSTOMERS = 5_000
TOPIC, CUSTOMER = "erp.invoices.v1", "erp.customers.v1"
NAMESPACE = "bench."

Record = tuple[str, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


def invoices(first: int, count: int) -> list[Record]:
    """Keys, values and headers of invoices numbered from `first`: binary CloudEvents of an ERP, issued today."""
    chance, today = Random(first), clock.now().date()
    found = []
    for n in range(first, first + count):
        customer = f"C-{chance.randrange(CUSTOMERS)}"
        data = {
            "customer": customer, "invoice": f"I-{n}", "invoice_date": today.isoformat(),
            "due": (today + timedelta(days=30)).isoformat(),
            "amount": {"amount": f"{chance.randrange(100, 90_000)}.45", "currency": "CNY"},
        }  # fmt: skip
        found.append(record(customer, "erp.Invoice.v1", f"INV-{n}", data))
    return found


def customer(n: int) -> Record:
    """A dealer who pays in CNY."""
    basics = {"name": f"Customer {n}", "type": "dealer", "currency": "CNY"}
    data = {"customer": f"C-{n}", "basics": basics, "since": "2023-01-02"}
    return record(f"C-{n}", "erp.Customer.v1", f"CUS-{n}", data)


def record(key: str, kind: str, name: str, data: dict[str, Any]) -> Record:
    """A binary CloudEvent of an ERP."""
    said = {
        "content-type": "application/json", "ce_specversion": "1.0", "ce_source": "bench",
        "ce_id": name, "ce_type": kind,
    }  # fmt: skip
    return key, orjson.dumps(data), [(header, value.encode()) for header, value in said.items()]

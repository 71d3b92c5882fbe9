"""The documents that are imported: customers, and their invoices over three years in the order of their dates."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from random import Random
from typing import Any

BATCH = 1_000
FIRST, DAYS = date(2023, 1, 2), 1_090


def customers(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """`count` dealers who pay in CNY."""
    for n in range(count):
        basics = {"name": f"Customer {n}", "type": "dealer", "currency": "CNY"}
        data = {"customer": f"C-{n}", "basics": basics, "since": FIRST.isoformat()}
        yield _document("erp.Customer.v1", f"CUS-{n}", FIRST, data)


def invoices(first: int, count: int, customers: int, of: int, seed: int) -> Iterator[dict[str, Any]]:
    """Those numbered from `first` on, `of` in all; each of one of the customers, due as a whole."""
    chance = Random(seed + first)
    for n in range(first, first + count):
        day = FIRST + timedelta(days=n * DAYS // of)
        yuan, fen = chance.randrange(100, 90_000), chance.randrange(100)
        data = {
            "customer": f"C-{chance.randrange(customers)}",
            "invoice": f"I-{n}",
            "invoice_date": day.isoformat(),
            "due": (day + timedelta(days=chance.choice((30, 45, 60)))).isoformat(),
            "amount": {"amount": f"{yuan}.{fen:02}", "currency": "CNY"},
        }
        yield _document("erp.Invoice.v1", f"INV-{n}", day, data)


def batches(documents: Iterator[object]) -> Iterator[Sequence[object]]:
    """BATCH of them at a time."""
    while batch := list(islice(documents, BATCH)):
        yield batch


def _document(kind: str, name: str, day: date, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": name,
        "source": "erp",
        "type": kind,
        "time": f"{day}T00:00:00+08:00",
        "recordedtime": f"{day}T00:00:00+08:00",
        "data": data,
    }

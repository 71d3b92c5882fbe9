"""Documents as an ERP publishes and posts them."""

from typing import Any

import httpx
import orjson

from engine.topics import Message

FINANCE, CUSTOMERS = "erp.finance.v1", "erp.customers.v1"
TERMS, CUSTOMER = "erp.CreditTerms.v1", "erp.Customer.v1"


def terms(customer: str = "C1", amount: str = "100.00", **more: Any) -> dict[str, Any]:
    limit = {"amount": amount, "currency": "CNY"}
    return {"customer": customer, "limit": limit, "valid_from": "2026-01-01", **more}


def company(customer: str = "C1") -> dict[str, Any]:
    basics = {"name": "Acme", "type": "dealer", "currency": "CNY"}
    return {"customer": customer, "basics": basics, "contacts": [{"person": "P1", "name": "Ms Zhang", "phone": "139"}]}


def event(name: str, data: Any, kind: str = TERMS) -> dict[str, Any]:
    return {"specversion": "1.0", "source": "erp", "id": name, "type": kind, "data": data}


async def send(http: httpx.AsyncClient, message: dict[str, Any]) -> str:
    """The verdict over HTTP."""
    headers = {"Content-Type": "application/cloudevents+json"}
    return str((await http.post("/api/credit/intake", json=message, headers=headers)).json()["verdict"])


def binary(name: str, data: Any, kind: str = TERMS, key: str = "C1", **more: str) -> Message:
    """A document as an ERP publishes it: attributes in headers, the body as it is."""
    attributes = {"specversion": "1.0", "source": "erp", "id": name, "type": kind, **more}
    headers = (("content-type", b"application/json"), *((f"ce_{n}", v.encode()) for n, v in attributes.items()))
    return Message(key.encode(), orjson.dumps(data), headers)


def structured(name: str, data: Any, kind: str = TERMS, key: str = "C1") -> Message:
    """The same in one piece."""
    return Message(
        key.encode(), orjson.dumps(event(name, data, kind)), (("content-type", b"application/cloudevents+json"),)
    )

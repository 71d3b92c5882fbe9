"""A typed client of Kehu in one file: httpx for requests, httpx-sse for live warnings, pydantic for answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self

import httpx
from httpx_sse import connect_sse
from pydantic import BaseModel


class Customer(BaseModel):
    customer: str
    name: str
    owner: str | None
    version: int


class Line(BaseModel):
    product: str
    quantity: Decimal
    price: Decimal


class Order(BaseModel):
    order: str
    state: str
    credit: str
    total: Decimal
    currency: str


class Warning(BaseModel):
    customer: str | None
    rule: str
    on: date
    value: str | None
    unit: str


@dataclass
class Refused(Exception):
    """A refusal as RFC 9457 tells it: `type` names the rule, `title` is a sentence for people."""

    status: int
    type: str
    title: str

    def __str__(self) -> str:
        return self.title


class Kehu:
    """`with Kehu("http://127.0.0.1:8000", token) as kehu: ...`"""

    def __init__(self, url: str, token: str, language: str = "en") -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def find(self, q: str) -> Iterator[Customer]:
        """Every customer found, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._get("/api/customers/", {"q": q, "limit": 100, **({"cursor": cursor} if cursor else {})})
            yield from map(Customer.model_validate, page["items"])
            cursor = page["next"]

    def order(self, customer: str, lines: list[Line], *, key: str, order: str = "", currency: str = "CNY") -> str:
        """The position of the new order in the log. The same `key` never orders twice, however often it is sent."""
        body = {"order": order, "customer": customer, "currency": currency,
                "lines": [line.model_dump(mode="json") for line in lines]}  # fmt: skip
        answer = self._http.post("/api/customers/orders", json=body, headers={"Idempotency-Key": key})
        return _good(answer).headers["X-Kehu-Position"]

    def seen(self, order: str, position: str) -> Order:
        """The order as it is once `position` is known."""
        return Order.model_validate(self._get(f"/api/customers/orders/{order}", {"at_least": position}))

    def hand_to(self, customer: Customer, owner: str, *, key: str) -> None:
        """Another owner, unless somebody has changed the customer since it was read: that is refused with 412."""
        headers = {"Idempotency-Key": key, "If-Match": f'"{customer.version}"'}
        body = {"customer": customer.customer, "owner": owner}
        _good(self._http.put("/api/customers/owner", json=body, headers=headers))

    def warnings(self, after: int | None = None) -> Iterator[tuple[int, str, Warning]]:
        """Position, kind and warning, as they are raised; give the last position to miss none after a break."""
        asked = {} if after is None else {"Last-Event-ID": str(after)}
        with connect_sse(self._http, "GET", "/api/analytics/alerts/stream", headers=asked, timeout=None) as stream:
            _good(stream.response)
            for told in stream.iter_sse():
                yield int(told.id), told.event, Warning.model_validate(told.json())

    def _get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        return _good(self._http.get(path, params=parameters)).json()


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    answer.read()
    problem = answer.json()
    raise Refused(answer.status_code, problem["type"], problem["title"])

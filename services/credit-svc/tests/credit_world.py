"""credit-svc as it runs: the real app, its workers, a real database, and customer-svc's log beside it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.app import create_app
from chassis.run import opened, working
from chassis.runtime import Runtime
from chassis.settings import Auth, Http, Intake, Settings
from chassis.testing import prepared
from credit_svc.service import SERVICE
from engine.database import Database
from engine.ports import Append, Meta, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing import running as at_work
from engine.testing.plugin import MakeDatabase, TestServer
from events.base import Event
from events.company import DayOpened

TODAY = date(2026, 3, 1)


@dataclass
class Running:
    """The service at work and a client; each request that changes something has a key of its own."""

    runtime: Runtime
    http: httpx.AsyncClient
    customers: PostgresStore
    _keys: "count[int]" = field(default_factory=count)
    position: str = ""

    async def post(self, path: str, body: object, *, token: str = "dev-admin", **headers: str) -> httpx.Response:
        headers = {"Idempotency-Key": f"key-{next(self._keys)}", "Authorization": f"Bearer {token}", **headers}
        answer = await self.http.post(f"/api/credit{path}", json=body, headers=headers)
        self.position = answer.headers.get("X-Kehu-Position", self.position)
        return answer

    async def get(self, path: str, **params: str) -> Any:
        """What stands there once the last write is folded."""
        headers = {"X-Kehu-Position": self.position} if self.position else {}
        answer = await self.http.get(f"/api/credit{path}", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def erp(self, type_: str, id_: str, data: object) -> dict[str, Any]:
        """The receipt of a document."""
        event = {"specversion": "1.0", "source": "erp", "id": id_, "type": type_, "data": data}
        headers = {"Content-Type": "application/cloudevents+json"}
        answer = await self.http.post("/api/credit/intake", json=event, headers=headers)
        receipt: dict[str, Any] = answer.json()
        if receipt.get("position"):
            self.position = f"credit:{receipt['position']}"
        return receipt

    async def hear(self, *events: Event, stream: str = "") -> int:
        """customer-svc states these facts; `stream` by default that of the customer. Their last position."""
        meta = Meta("sales-1", UUID(int=1))
        made = [NewEvent(stream or f"customer-{e.about}", e, e.effective_on() or TODAY) for e in events]
        return (await self.customers.append(Append({}, made, meta))).last


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]:
    return at_work.eventually


@pytest.fixture
async def urls(make_database: MakeDatabase, postgres_server: TestServer) -> dict[str, str]:
    """Migrated databases of credit-svc and customer-svc."""
    made = partial(prepared, make_database, postgres_server)
    return {"customer": await made(), "credit": await made(SERVICE)}


@pytest.fixture
async def kehu(urls: dict[str, str]) -> AsyncIterator[Running]:
    """Open is TODAY, whatever the clock says."""
    settings = Settings(auth=Auth(development=True), http=Http(patience=30), intake=Intake(retry=0.05))
    async with AsyncExitStack() as stack:
        (runtime,) = await stack.enter_async_context(opened([SERVICE], settings, urls))
        await stack.enter_async_context(working([runtime]))
        app = create_app([runtime])
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://kehu",
            headers={"Authorization": "Bearer dev-admin"},
            timeout=20,
        )
        customer = await Database.open(urls["customer"], 2)
        stack.push_async_callback(customer.close)
        store = PostgresStore(customer, Serde(None), settings.company.id, runtime.wakeups)
        stack.push_async_callback(store.close)
        running = Running(runtime, await stack.enter_async_context(client), store)
        position = await running.hear(DayOpened(day=TODAY, previous=None), stream="calendar-main")
        await runtime.reached({"customer": position})
        yield running

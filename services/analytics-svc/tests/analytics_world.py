"""analytics-svc as it runs: the real app, its workers, real databases, and the logs of the services it listens to."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio
from analytics_history import designed

from analytics_svc.evaluation import Evaluation
from analytics_svc.service import SERVICE
from chassis.app import create_app
from chassis.run import opened, working
from chassis.runtime import Runtime
from chassis.settings import Auth, Http, Settings
from chassis.testing import prepared
from engine import ids
from engine.database import Database
from engine.evaluator import Evaluator
from engine.keys import PersonalKeys
from engine.ports import Append, Meta, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.plugin import MakeDatabase, Prepare, TestServer
from events.base import Event
from events.company import DayOpened

SOURCES = ("customer", "credit", "complaint")
OWNER = {"company": "customer"}


@dataclass
class World:
    """The service at work, the logs it listens to, and a client with all rights."""

    runtime: Runtime
    http: httpx.AsyncClient
    stores: dict[str, PostgresStore]
    evaluator: Evaluator
    position: dict[str, int] = field(default_factory=dict)
    _keys: "count[int]" = field(default_factory=count)

    async def learn(self, *events: Event, recorded: datetime | None = None, effective: date | None = None) -> None:
        """Events of the other services, each in a stream of its subject."""
        for event in events:
            topic = event.context()
            subject = getattr(event, "complaint", None) or event.about or "company"
            new = NewEvent(f"{topic}-{subject}", event, event.effective_on() or effective or date(2024, 1, 1))
            origin: Any = "initial_load" if recorded else "live"
            meta = Meta("test", ids.new(), origin=origin, asserted_recorded=recorded)
            appended = await self.stores[OWNER.get(topic, topic)].append(Append({}, [new], meta))
            self.position[OWNER.get(topic, topic)] = appended.last

    async def open_day(self, day: date) -> None:
        """The business day, and everybody judged on it."""
        await self.learn(DayOpened(day=day, previous=None))
        await self.runtime.reached(self.position)
        self.runtime._day = None

    async def judge(self) -> None:
        """Let the evaluator judge until there is nothing to do, its own findings included."""
        for _ in range(10):
            await self.runtime.reached({**self.position, "analytics": await self.runtime.store.head()})
            if not await self.evaluator.step():
                return

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        """The answer to a GET that waits for all that was learned."""
        answer = await self.ask(path, **params)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def ask(self, path: str, **params: Any) -> httpx.Response:
        own = {"analytics": await self.runtime.store.head()}
        at = ",".join(f"{name}:{n}" for name, n in {**self.position, **own}.items() if n)
        return await self.http.get(f"/api/analytics{path}", params=params, headers={"X-Kehu-Position": at})

    async def do(self, method: str, path: str, body: object, **headers: str) -> httpx.Response:
        headers = {"Idempotency-Key": f"key-{next(self._keys)}", **headers}
        return await self.http.request(method, f"/api/analytics{path}", json=body, headers=headers)


@pytest.fixture
async def world(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[World]:
    async with _working(make_database, postgres_server) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def history(postgres_server: TestServer) -> AsyncIterator[World]:
    """A world that has learned the designed history: one for all tests of a file, which only ask."""
    made: list[str] = []

    async def make(prepare: Prepare | None = None, key: str = "default") -> str:
        assert prepare is not None
        made.append(await postgres_server.create(await postgres_server.template(prepare, key)))
        return postgres_server.postgres.url(made[-1])

    async with _working(make, postgres_server) as found:
        for fact in designed().facts:
            await found.learn(fact.event, recorded=fact.recorded, effective=fact.effective)
        yield found
    for name in made:
        await postgres_server.drop(name)


@asynccontextmanager
async def _working(make_database: MakeDatabase, postgres_server: TestServer) -> AsyncIterator[World]:
    urls = {name: await prepared(make_database, postgres_server) for name in SOURCES}
    urls["analytics"] = await prepared(make_database, postgres_server, SERVICE)
    async with AsyncExitStack() as stack:
        settings = Settings(auth=Auth(development=True), http=Http(patience=30))
        (runtime,) = await stack.enter_async_context(opened([SERVICE], settings, urls))
        stores = {name: await _store(name, runtime, stack) for name in SOURCES}
        await stack.enter_async_context(working([runtime], ["projector"]))
        transport = httpx.ASGITransport(app=create_app([runtime]))
        token = {"Authorization": "Bearer dev-admin"}
        client = httpx.AsyncClient(transport=transport, base_url="http://kehu", headers=token, timeout=30)
        evaluator = Evaluator(
            runtime.database, Evaluation(runtime.database), runtime.handler, runtime.business_day, runtime.went_live
        )
        yield World(runtime, await stack.enter_async_context(client), stores, evaluator)


async def _store(name: str, runtime: Runtime, stack: AsyncExitStack) -> PostgresStore:
    """The log of a service that is not ours: written as that service does."""
    database = await Database.open(runtime.owners[name].url, 2)
    stack.push_async_callback(database.close)
    serde = Serde(PersonalKeys(database.pool, bytes(32)))
    store = PostgresStore(database, serde, runtime.settings.company.id, runtime.wakeups)
    stack.push_async_callback(store.close)
    return store

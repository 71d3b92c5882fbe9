"""For tests: one service as it runs, and a client that has all rights. The real app, its workers, real databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID
from zlib import crc32

import httpx
import orjson
import pytest

from chassis.app import create_app
from chassis.run import opened, working
from chassis.runtime import SHARED, Runtime
from chassis.service import Service
from chassis.settings import Auth, Bus, Company, Http, Kafka, Settings
from engine.database import Database, migrate
from engine.ports import Append, Meta, NewEvent
from engine.roles import WRITER
from engine.serde import Serde
from engine.shape import Shape
from engine.store import PostgresStore
from engine.testing.plugin import MakeDatabase, TestServer
from engine.topics import Message
from engine.views import ViewRegistry
from events.base import Event
from events.topics import RECEIPTS


@dataclass
class Served:
    """The service at work and a client; each request that changes something has a key of its own."""

    runtime: Runtime
    http: httpx.AsyncClient
    urls: Mapping[str, str]
    position: str = ""
    _keys: "count[int]" = field(default_factory=count)

    async def do(self, method: str, path: str, body: object, **headers: str) -> httpx.Response:
        """A change, under a new key unless one is given."""
        headers = {"Idempotency-Key": f"key-{next(self._keys)}", **headers}
        answer = await self.http.request(method, self._at(path), json=body, headers=headers)
        self.position = answer.headers.get("X-Kehu-Position", self.position)
        return answer

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.do("POST", path, body, **headers)

    async def put(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.do("PUT", path, body, **headers)

    async def get(self, path: str, **params: str) -> httpx.Response:
        """Reads what was written last."""
        headers = {"X-Kehu-Position": self.position} if self.position else {}
        return await self.http.get(self._at(path), params=params, headers=headers)

    async def erp(self, type_: str, id_: str, data: object, **params: str) -> dict[str, Any]:
        """The receipt of a document."""
        event = {"specversion": "1.0", "source": "erp", "id": id_, "type": type_, "data": data}
        headers = {"Content-Type": "application/cloudevents+json"}
        answer = await self.http.post(self._at("/intake"), json=event, params=params, headers=headers)
        receipt: dict[str, Any] = answer.json()
        if receipt.get("position"):
            self.position = f"{self.runtime.service.name}:{receipt['position']}"
        return receipt

    async def produces(self, topic: str, type_: str, id_: str, data: Any) -> None:
        """The ERP puts a document into a topic."""
        event = {"specversion": "1.0", "source": "erp", "id": id_, "type": type_, "data": data}
        kind = (("content-type", b"application/cloudevents+json"),)
        await self.runtime.topics.publish(topic, [Message(data["customer"].encode(), orjson.dumps(event), kind)])

    @asynccontextmanager
    async def receipts(self) -> AsyncIterator[Callable[[str], Awaitable[dict[str, Any]]]]:
        """What the ERP reads: the next receipt of a message, by its id."""
        reading, seen = await self.runtime.topics.read("erp", [RECEIPTS], "erp"), list[dict[str, Any]]()

        async def of(id_: str) -> dict[str, Any]:
            async with asyncio.timeout(60):
                while not (mine := [receipt for receipt in seen if receipt["id"] == id_]):
                    seen.extend(orjson.loads(record.value) for record in await reading.fetch(10, 0.2))
            seen.remove(mine[0])
            if mine[0].get("position"):
                self.position = f"{self.runtime.service.name}:{mine[0]['position']}"
            return mine[0]

        yield of
        await reading.close()

    async def hears(self, service: str, stream: str, event: Event, on: date) -> None:
        """`service`, one of those beside, states `event` in a new stream of its log."""
        database = await Database.open(self.urls[service], 2)
        try:
            store = PostgresStore(database, Serde(None), self.runtime.settings.company.id, self.runtime.wakeups)
            await store.append(Append({stream: 0}, [NewEvent(stream, event, on)], Meta(service, UUID(int=1))))
            await store.close()
        finally:
            await database.close()

    async def leaks(self, *words: str) -> list[tuple[str, str]]:
        """Tables of the service that hold one of `words` in plain text."""
        pool = self.runtime.database.pool
        found = []
        for (table,) in await pool.fetch("select tablename from pg_tables where schemaname = 'public'"):
            for (text,) in await pool.fetch(f'select t::text from "{table}" t'):  # noqa: S608 - its own tables
                found += [(table, word) for word in words if word in text]
        return found

    def _at(self, path: str) -> str:
        return f"{self.runtime.service.prefix}{path}"


async def prepared(make: MakeDatabase, server: TestServer, service: Service | None = None) -> str:
    """The URL of a database that is migrated; with the empty tables of `service`, as after its first start.

    They are made once and copied: sixty statements less each time.
    """

    async def prepare(connection: Any) -> None:
        url = server.postgres.url(await connection.fetchval("select current_database()"))
        await migrate(url)
        if service is not None:
            database = await Database.open(url, 2, WRITER)
            await ViewRegistry(database.pool).ensure([*service.views, *SHARED])
            await database.close()

    return await make(prepare, "migrated" if service is None else f"first start of {service.name} {_told(service):x}")


def _told(service: Service) -> int:
    """Differs where the tables do: samples have the names of real services."""
    return crc32("".join(Shape(view.table).create(view.name, view.version) for view in service.views).encode())


on_both_buses = pytest.mark.parametrize("kehu", ["table", pytest.param("kafka", marks=pytest.mark.slow)], indirect=True)
"""For tests of a fixture `kehu` that serves on the bus `met_on` says."""


def met_on(request: pytest.FixtureRequest) -> Kafka | None:
    """The cluster to meet on, under names of its own; None for the table bus."""
    if request.param != "kafka":
        return None
    at = request.getfixturevalue("kafka")
    return Kafka(bootstrap=at.bootstrap, namespace=at.namespace, session=at.session)


@asynccontextmanager
async def serving(
    service: Service,
    make_database: MakeDatabase,
    server: TestServer,
    beside: tuple[str, ...],
    kafka: Kafka | None = None,
) -> AsyncIterator[Served]:
    """`service` on a database of its own; `beside` names the services it listens to: their logs are there, empty.

    They meet on `kafka` if one is given. No day is opened by the clock, and reads wait for their position as long as a
    slow machine needs.
    """
    urls = {name: await prepared(make_database, server) for name in beside}
    urls[service.name] = await prepared(make_database, server, service)
    settings = Settings(
        auth=Auth(development=True),
        company=Company(opens_days=False),
        http=Http(patience=30),
        bus=Bus(kind="kafka" if kafka else "table"),
        kafka=kafka or Kafka(),
    )
    async with AsyncExitStack() as stack:
        (runtime,) = await stack.enter_async_context(opened([service], settings, urls))
        await stack.enter_async_context(working([runtime]))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=create_app([runtime])),
            base_url="http://kehu",
            headers={"Authorization": "Bearer dev-admin"},
            timeout=60,
        )
        yield Served(runtime, await stack.enter_async_context(client), urls)

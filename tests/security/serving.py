"""All four services in this process, on a port, with data of two salespeople."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import httpx

from all_in_one.services import SERVICES
from chassis.app import create_app
from chassis.run import Server, opened, server, working
from chassis.runtime import Runtime
from chassis.settings import Settings
from engine.database import migrate
from engine.testing.plugin import TestServer

PATIENCE = 60.0


@dataclass
class Kehu:
    """The running services; `client` speaks to them as admin."""

    url: str
    runtimes: list[Runtime]
    client: httpx.Client
    _keys: "count[int]" = field(default_factory=count)
    _positions: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: object, method: str = "POST") -> Any:
        """A change by admin, which has to succeed."""
        key = {"Idempotency-Key": f"seed-{next(self._keys)}"}
        answer = self.client.request(method, path, json=body, headers=key)
        assert answer.is_success, (path, answer.text)
        service, _, position = answer.headers["X-Kehu-Position"].partition(":")
        self._positions[service] = position
        return answer.json()

    def get(self, path: str, **params: str) -> Any:
        """What is shown once all changes are folded there, which has to succeed."""
        answer = self.client.get(path, params=params, headers={"X-Kehu-Position": self.position})
        assert answer.is_success, (path, answer.text)
        return answer.json()

    @property
    def position(self) -> str:
        """Of all changes made through `post`."""
        return ",".join(f"{service}:{position}" for service, position in self._positions.items())


@contextmanager
def kehu(databases: TestServer, settings: Settings) -> Iterator[Kehu]:
    """The services on databases of their own, in a thread of their own."""
    ready, asked = threading.Event(), dict[str, Any]()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(databases, settings, ready, asked)), name="kehu")
    thread.start()
    try:
        assert ready.wait(PATIENCE), "no server within a minute"
        assert "failed" not in asked, asked
        url = f"http://127.0.0.1:{asked['port']}"
        headers = {"Authorization": "Bearer dev-admin"}
        with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
            yield Kehu(url, asked["runtimes"], client)
    finally:
        if "server" in asked:
            asked["server"].should_exit = True
        thread.join()


async def _serve(databases: TestServer, settings: Settings, ready: threading.Event, asked: dict[str, Any]) -> None:
    async def prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await migrate(databases.postgres.url(await connection.fetchval("select current_database()")))

    try:
        template = await databases.template(prepare, "migrated")
        names = {service.name: await databases.create(template) for service in SERVICES}
        urls = {service: databases.postgres.url(name) for service, name in names.items()}
        async with AsyncExitStack() as stack:
            runtimes = await stack.enter_async_context(opened(SERVICES, settings, urls))
            await stack.enter_async_context(working(runtimes))
            it = server(create_app(runtimes), settings, runtimes)
            serving = asyncio.create_task(it.serve())
            asked |= {"runtimes": runtimes, "server": it, "port": await _port(it)}
            ready.set()
            await serving
        for name in names.values():
            await databases.drop(name)
    except BaseException as error:
        asked["failed"] = error
        ready.set()
        raise


async def _port(it: Server) -> int:
    while not it.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port: int = it.servers[0].sockets[0].getsockname()[1]
    return port

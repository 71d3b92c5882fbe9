"""Server-sent events through a real server: resumed without a gap, and no obstacle to a clean stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from chassis.run import Server, server
from chassis.settings import Settings


@dataclass
class Served:
    """A server on a port of its own."""

    server: Server
    stopped: "asyncio.Task[None]"
    http: httpx.AsyncClient

    async def stop(self) -> None:
        self.server.should_exit = True
        await asyncio.wait_for(self.stopped, 10)


@pytest.fixture
async def served(running: Any, settings: Settings) -> AsyncIterator[Served]:
    settings.http.port, settings.work.grace = 0, 20.0  # streams that are cut off would outlast `stop`
    it = server(running.app, settings, [running.runtime])
    task = asyncio.create_task(it.serve())
    while not it.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = it.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=running.http.headers, timeout=60
    ) as client:
        yield Served(it, task, client)
        it.should_exit = True
        await asyncio.wait_for(task, 30)


@asynccontextmanager
async def stream(served: Served, **headers: str) -> AsyncIterator[AsyncIterator[str]]:
    async with served.http.stream("GET", "/api/credit/accounts/live", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.aiter_lines()


async def ids(lines: AsyncIterator[str], count: int) -> list[int]:
    found: list[int] = []
    async for line in lines:
        if line.startswith("id: "):
            found.append(int(line[4:]))
        if len(found) == count:
            break
    return found


async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(running: Any, served: Served) -> None:
    seen: list[int] = []

    async def write() -> None:
        for n in range(100):
            await running.open(f"C{n}")

    writing = asyncio.create_task(write())
    last = "0"
    while len(seen) < 100:
        async with stream(served, **{"Last-Event-ID": last}) as lines:
            seen += await ids(lines, min(7, 100 - len(seen)))
        last = str(seen[-1])
    await writing
    assert seen == list(range(1, 101))


async def test_a_stream_without_last_event_id_begins_now(running: Any, served: Served) -> None:
    await running.open("C1")
    async with stream(served) as lines:
        assert await anext(lines) == "retry: 1000"
        await asyncio.sleep(0.1)
        await running.open("C2")
        assert await ids(lines, 1) == [2]


async def test_who_has_seen_more_than_there_is_after_a_restore_hears_what_comes_now(
    running: Any, served: Served
) -> None:
    await running.open("C1")
    async with stream(served, **{"Last-Event-ID": "40"}) as lines:
        assert await anext(lines) == "retry: 1000"
        await running.open("C2")
        assert await ids(lines, 1) == [2]


async def test_an_idle_stream_is_kept_alive_by_heartbeats(served: Served) -> None:
    async with stream(served) as lines:
        async for line in lines:
            if line == ": still here":
                break


async def test_a_last_event_id_we_never_gave_out_is_malformed(served: Served) -> None:
    response = await served.http.get("/api/credit/accounts/live", headers={"Last-Event-ID": "x"})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/kehu/malformed")


async def test_the_server_stops_cleanly_while_streams_are_open(running: Any, served: Served) -> None:
    async with stream(served) as lines:
        await anext(lines)
        await served.stop()
        rest = [line async for line in lines]
    assert not any(line.startswith("id:") for line in rest)
    assert running.runtime.stopping.is_set()

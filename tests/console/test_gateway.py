"""One origin before processes of their own: what is theirs passes as it comes, what is down is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from all_in_one.services import SERVICES
from chassis.run import Server, bound, server
from chassis.settings import Gateway as Given
from chassis.settings import Http, Settings
from console import pages
from console.__main__ import CannotBegin, addresses
from console.gateway import Gateway, gateway
from console.passing import Passage, Upstream
from console.places import PLACES
from engine.embedded import until


@dataclass
class Behind:
    """What stands for the api of a service: tells what it was asked."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    listening: set[str] = field(default_factory=set)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.api_route("/api/credit/echo/{rest:path}", methods=["GET", "POST", "PUT"])
        async def echo(request: Request) -> Response:
            body = await request.body()
            told = {
                "method": request.method, "path": request.scope["raw_path"].decode(), "body": len(body),
                "query": request.scope["query_string"].decode(), "headers": dict(request.headers),
                "client": request.client.host if request.client else None,
            }  # fmt: skip
            return JSONResponse(told, 201, headers={"ETag": '"3"', "Connection": "keep-alive", "X-Kehu-Position": "7"})

        @app.get("/api/credit/stream")
        async def stream() -> StreamingResponse:
            async def told() -> AsyncIterator[bytes]:
                self.listening.add("there")
                try:
                    yield b"data: one\n\n"
                    await self.stopping.wait()
                finally:
                    self.listening.discard("there")

            return StreamingResponse(told(), media_type="text/event-stream")

        @app.get("/health/ready")
        async def ready() -> Any:
            service = {"store": "up", "position": 4, "halted": []}
            return {"ready": True, "services": {"credit": service}}

        @app.get("/problems/{service}/{code}")
        async def rule(service: str, code: str) -> dict[str, str]:
            return {"service": service, "code": code}

        return app


@asynccontextmanager
async def serving(app: Any, streams: Any, settings: Settings) -> AsyncIterator[str]:
    with bound("127.0.0.1", 0, "") as door:
        running: Server = server(app, settings, [streams])
        task = asyncio.create_task(running.serve(sockets=[door]))
        try:
            assert await until(lambda: running.started, 20)
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            running.should_exit = True
            await task


@dataclass
class Front:
    behind: Behind
    client: httpx.AsyncClient
    gateway: Any


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    """The gateway before the api of credit; that of customers is down."""
    settings, behind = Settings(http=Http(hosts=("127.0.0.1",), largest_body=1_000_000)), Behind()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(behind.app(), behind, settings))
        apis = {"credit": url, "customer": "http://127.0.0.1:9"}
        app = await stack.enter_async_context(gateway(settings, apis, {"credit": url}))
        pages.mount(app, PLACES, "dev-admin")
        at = await stack.enter_async_context(serving(app, app.state.gateway, settings))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=at, timeout=20))
        yield Front(behind, client, app.state.gateway)


async def test_a_request_passes_with_its_body_and_says_where_it_came_from(front: Front) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 100_000

    headers = {"Idempotency-Key": "k", "X-Forwarded-Host": "forged", "Connection": "keep-alive, X-Mine", "X-Mine": "1"}
    answer = await front.client.post("/api/credit/echo/a%2Fb?q=%E5%AE%A2", content=body(), headers=headers)
    told = answer.json()
    assert (answer.status_code, answer.headers["etag"], answer.headers["x-kehu-position"]) == (201, '"3"', "7")
    assert (told["path"], told["query"], told["body"]) == ("/api/credit/echo/a%2Fb", "q=%E5%AE%A2", 500_000)
    assert told["headers"]["idempotency-key"] == "k"
    assert told["headers"]["x-forwarded-host"] == front.client.base_url.netloc.decode()
    assert told["client"] == "127.0.0.1"
    assert "x-mine" not in told["headers"]
    assert len(answer.headers.get_list("date")) == 1
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_body_that_is_too_large_is_refused_before_it_is_handed_on(front: Front) -> None:
    answer = await front.client.post("/api/credit/echo/", content=b"x" * 1_000_001)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/kehu/too-large")


async def test_a_stream_passes_as_it_comes_and_ends_behind_when_whoever_listened_leaves(front: Front) -> None:
    async with front.client.stream("GET", "/api/credit/stream") as answer:
        assert await anext(answer.aiter_bytes()) == b"data: one\n\n"
        assert front.behind.listening
    assert await until(lambda: not front.behind.listening, 10)


@pytest.mark.parametrize("who", ["service", "gateway"])
async def test_a_stream_ends_with_the_service_and_with_the_gateway(front: Front, who: str) -> None:
    async with asyncio.timeout(10), front.client.stream("GET", "/api/credit/stream") as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"data: one\n\n"
        (front.behind if who == "service" else front.gateway).stopping.set()
        assert [chunk async for chunk in chunks] == []


@pytest.mark.parametrize(("language", "says"), [("en", "service customer does not answer"), ("zh-CN", "暂时无应答")])
async def test_a_service_that_is_down_is_told_in_the_readers_language(front: Front, language: str, says: str) -> None:
    """ServiceAway"""
    answer = await front.client.get("/api/customers/C-1", headers={"Accept-Language": language})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["title"]


async def test_a_service_that_dies_before_it_answers_is_told_as_502(front: Front) -> None:
    """BrokenOff"""

    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(slam, "127.0.0.1", 0) as slamming:
        port = slamming.sockets[0].getsockname()[1]
        async with gateway(Settings(), {"credit": f"http://127.0.0.1:{port}"}, {}) as app:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://kehu") as client:
                answer = await client.get("/api/credit/echo/")
    assert (answer.status_code, answer.json()["type"]) == (502, "/problems/kehu/broken-off")


async def test_health_is_that_of_all_and_names_who_is_down(front: Front) -> None:
    answer = await front.client.get("/health/ready")
    told = answer.json()
    assert (answer.status_code, told["ready"]) == (503, False)
    assert {name: s["store"] for name, s in told["services"].items()} == {"customer": "down", "credit": "up"}
    assert {name: s["silent"] for name, s in told["services"].items()} == {"customer": ["api"], "credit": []}
    assert (await front.client.get("/health/live")).json() == {"live": True}


async def test_a_worker_process_that_does_not_answer_is_named(front: Front) -> None:
    """Its service answers, so everything looked well until its views were a minute behind."""
    up, nobody = str(front.gateway.apis["credit"].url), "http://127.0.0.1:9"
    async with gateway(Settings(), {"credit": up}, {"credit": nobody}) as app:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://kehu") as client:
            told = (await client.get("/health/ready")).json()
    assert (told["ready"], told["services"]["credit"]["silent"]) == (True, ["worker"])


async def test_what_every_service_answers_alike_is_asked_of_one_that_is_there(front: Front) -> None:
    for service, code in (("credit", "over-allocation"), ("kehu", "unknown-path")):
        answer = await front.client.get(f"/problems/{service}/{code}")
        assert answer.json() == {"service": service, "code": code}


async def test_the_console_is_served_and_another_host_is_not_answered_for(front: Front) -> None:
    assert "<html" in (await front.client.get("/")).text
    start = (await front.client.get("/console/start")).json()
    assert [d["href"] for d in start["docs"]] == [f"{place.prefix}/docs" for place in PLACES]
    assert (await front.client.get("/nothing", headers={"Accept": "*/*"})).json()[
        "type"
    ] == "/problems/kehu/unknown-path"
    assert (await front.client.get("/api/credit/echo/", headers={"Host": "evil.example"})).status_code == 421


def test_what_is_described_at_the_root_of_every_service_is_handed_on() -> None:
    """The file of the topics was asked of the gateway itself, which has none."""
    credit = Upstream("credit", httpx.URL("http://127.0.0.1:9"))
    behind = Gateway(cast(Passage, None), {"credit": credit}, {})
    paths = ("/docs", "/asyncapi", "/asyncapi.json", "/asyncapi/files/start.js", "/schemas", "/schemas/erp.Payment.v1")
    assert all(behind.candidates(path) == (credit,) for path in paths)
    assert not behind.candidates("/other")


def test_the_places_are_those_of_the_manifests() -> None:
    assert [(p.name, p.title, p.prefix) for p in PLACES] == [(s.name, s.title, s.prefix) for s in SERVICES]


def test_addresses_that_are_missing_are_named_with_an_example() -> None:
    with pytest.raises(
        CannotBegin, match=r"the api of credit, complaint, analytics is: set KEHU_GATEWAY__APIS='\{"
    ) as no:
        addresses(Settings(gateway=Given(apis={"customer": "http://c"})))
    assert json.loads(str(no.value).partition("='")[2][:-1])["credit"] == "http://credit-api:8000"
    with pytest.raises(CannotBegin, match="no service is called credits"):
        addresses(Settings(gateway=Given(apis={**{p.name: "http://x" for p in PLACES}, "credits": "http://c"})))

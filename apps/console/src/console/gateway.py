"""One origin for services that run as processes of their own: hands on what is theirs, and serves the console."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from fastapi import FastAPI, Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.app import answer_problems, protect
from chassis.front import ServiceAway
from chassis.health import Health, ServiceHealth
from chassis.problems import OWNER, Problem, answer
from chassis.settings import Settings
from chassis.version import VERSION
from console.passing import AGAIN, LIMITS, TIMEOUT, Passage, Upstream
from console.places import PLACES, PREFIXES

ANYBODYS = ("/docs", "/openapi.json", "/problems", "/asyncapi", "/asyncapi.json", "/schemas")
"""Paths at the root that every service answers alike."""
LOOK = httpx.Timeout(10.0, connect=1.0)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the processes are, by service: those that answer its routes, and its workers as far as they are known."""

    passage: Passage
    apis: Mapping[str, Upstream]
    workers: Mapping[str, Upstream]

    @property
    def stopping(self) -> asyncio.Event:
        """Set when open streams are to end."""
        return self.passage.stopping

    def candidates(self, path: str) -> Sequence[Upstream]:
        """Who answers for `path`, in the order in which they are asked; nobody: it is ours."""
        for name, prefix in PREFIXES.items():
            if name in self.apis and (path == prefix or path.startswith(prefix + "/")):
                return (self.apis[name],)
        first = path.partition("/")[2].partition("/")[0]
        if f"/{first}" not in ANYBODYS:
            return ()
        owner = path.split("/")[2] if path.startswith("/problems/") else ""
        return (self.apis[owner],) if owner in self.apis else tuple(self.apis.values())

    async def health(self) -> Health:
        """Of all services as one: ready when every one of them is."""
        found = await asyncio.gather(*(self._health(name) for name in self.apis))
        services = dict(zip(self.apis, (health for _, health in found), strict=True))
        return Health(ready=all(ready for ready, _ in found) and not self.stopping.is_set(), services=services)

    async def _health(self, name: str) -> tuple[bool, ServiceHealth]:
        told, working = await asyncio.gather(self._told(self.apis[name]), self._told(self.workers.get(name)))
        silent = [role for role, said in (("api", told), ("worker", working)) if said is None]
        if name not in self.workers:
            silent = [role for role in silent if role != "worker"]
        if told is None:
            return False, ServiceHealth(store="down", silent=silent)
        health = ServiceHealth.model_validate(told["services"][name])
        if working is not None:
            health.halted = [*health.halted, *working["services"][name]["halted"]]
        health.silent = silent
        return told["ready"], health

    async def _told(self, process: Upstream | None) -> Any | None:
        """What a process says of its health; None where it says nothing."""
        if process is None:
            return None
        try:
            return (await self.passage.client.get(process.url.copy_with(path="/health/ready"), timeout=LOOK)).json()
        except (httpx.HTTPError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Handing:
    """ASGI middleware: what is a service's goes to it, all else to `app`."""

    app: ASGIApp
    gateway: Gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.gateway.candidates(scope["path"]) if scope["type"] == "http" else ()
        if not found:
            return await self.app(scope, receive, send)
        try:
            return await self._handed(found, scope, receive, send)
        except Problem as problem:
            language = Headers(scope=scope).get("accept-language")
            return await answer(problem, OWNER, language)(scope, receive, send)

    async def _handed(self, to: Sequence[Upstream], scope: Scope, receive: Receive, send: Send) -> None:
        """To the first of them that is there."""
        for upstream in to:
            try:
                return await self.gateway.passage(upstream, scope, receive, send)
            except Problem as problem:
                if upstream is to[-1] or not isinstance(problem.rule, ServiceAway):
                    raise
        raise Problem(ServiceAway(service=OWNER), headers=AGAIN)


@asynccontextmanager
async def gateway(settings: Settings, apis: Mapping[str, str], workers: Mapping[str, str]) -> AsyncIterator[FastAPI]:
    """The application in front of the processes at these URLs, by service; `state.gateway` is its inside."""
    transport = httpx.AsyncHTTPTransport(limits=LIMITS)
    async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT, trust_env=False) as client:
        passage = Passage(client, asyncio.Event(), settings.http.largest_body)
        inside = Gateway(passage, _upstreams(apis), _upstreams(workers))
        app = FastAPI(title="Kehu", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
        app.state.gateway = inside
        answer_problems(app, OWNER)
        app.add_api_route("/health/live", live, methods=["GET"])
        app.add_api_route("/health/ready", ready, methods=["GET"])
        app.add_middleware(cast(Any, Handing), gateway=inside)
        protect(app, settings.http)
        yield app


async def live() -> dict[str, bool]:
    """Nothing is looked at."""
    return {"live": True}


async def ready(request: Request, response: Response) -> Health:
    """503 while a service is not."""
    health = await cast(Gateway, request.app.state.gateway).health()
    if not health.ready:
        response.status_code, response.headers["Retry-After"] = 503, "2"
    return health


def _upstreams(urls: Mapping[str, str]) -> dict[str, Upstream]:
    """In the order of the services."""
    return {p.name: Upstream(p.name, httpx.URL(urls[p.name])) for p in PLACES if p.name in urls}

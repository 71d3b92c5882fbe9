"""Hands a request on to the process it is for, and its answer back, both as they come."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from chassis.front import BrokenOff, ServiceAway
from chassis.problems import Problem, TooLarge

AGAIN = {"Retry-After": "1"}
HOP_BY_HOP = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
"""Headers about one connection (RFC 9110, 7.6.1): each end has its own."""
OURS = frozenset({b"host", b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"})
"""What we say ourselves of where a request came from: nobody else's word is taken for it."""
STREAM = "text/event-stream"
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=2.0)
"""A connection is given up before the other side does that: a request on one that is closing would be lost."""
TIMEOUT = httpx.Timeout(None, connect=2.0, write=60.0)
"""Seconds. Answers take as long as they take: the service has limits of its own."""


class Gone(Exception):
    """Whoever asked has gone; nobody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The process that answers for a service."""

    name: str
    url: httpx.URL


@dataclass(frozen=True, slots=True)
class Passage:
    """The way there and back. `stopping` ends the streams that are open; `largest_body` in bytes."""

    client: httpx.AsyncClient
    stopping: asyncio.Event
    largest_body: int

    async def __call__(self, to: Upstream, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request of `scope` with what `to` answers. Raises the problems 413, 502 and 503."""
        try:
            answer = await self._asked(to, self._request(to, scope, receive))
        except Gone:
            return
        try:
            await send(_head(answer))
            if answer.headers.get("content-type", "").startswith(STREAM):
                await self._streamed(answer, receive, send)
            else:
                await _body(answer, send)
        except httpx.TransportError:
            return  # the answer stays without its end, which tells the one who asked
        finally:
            await answer.aclose()

    def _request(self, to: Upstream, scope: Scope, receive: Receive) -> httpx.Request:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.largest_body:
            raise Problem(TooLarge(limit=self.largest_body))
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        has_body = length != "0" or "transfer-encoding" in headers
        return httpx.Request(
            scope["method"],
            to.url.copy_with(raw_path=target),
            headers=onward(scope, headers),
            content=_sent(receive) if has_body else None,
        )

    async def _asked(self, to: Upstream, request: httpx.Request) -> httpx.Response:
        try:
            return await self.client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Problem(ServiceAway(service=to.name), headers=AGAIN) from None
        except httpx.TransportError:
            raise Problem(BrokenOff(service=to.name), headers=AGAIN) from None

    async def _streamed(self, answer: httpx.Response, receive: Receive, send: Send) -> None:
        """An event stream, until either side ends it, or we stop."""
        ends = [
            asyncio.create_task(_body(answer, send)),
            asyncio.create_task(_left(receive)),
            asyncio.create_task(self.stopping.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = ends[0].done() and not ends[0].cancelled() and ends[0].exception() is None
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if not ended:
            await send({"type": "http.response.body", "body": b""})


def onward(scope: Scope, headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of a request as they are handed on, with where it came from."""
    named = {name.strip().lower().encode("latin-1") for name in headers.get("connection", "").split(",")}
    kept = [(n, v) for n, v in scope["headers"] if n not in HOP_BY_HOP and n not in OURS and n not in named]
    client = scope["client"][0] if scope.get("client") else ""
    told = {"X-Forwarded-For": client, "X-Forwarded-Proto": scope["scheme"], "X-Forwarded-Host": headers.get("host")}
    return kept + [(name.encode(), value.encode("latin-1")) for name, value in told.items() if value]


def _head(answer: httpx.Response) -> Message:
    ours = HOP_BY_HOP | {b"date"}
    headers = [(n.lower(), v) for n, v in answer.headers.raw if n.lower() not in ours]
    return {"type": "http.response.start", "status": answer.status_code, "headers": headers}


async def _body(answer: httpx.Response, send: Send) -> None:
    async for chunk in answer.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _sent(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""The gate in front of a service: who comes in, with how much, and a clear answer whatever happens behind it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import docs
from chassis.admission import Admission
from chassis.auth import ROLES, Principal
from chassis.measured import Measured, known, route_of
from chassis.pace import Pace
from chassis.problems import (
    Defect,
    Malformed,
    MissingRole,
    Problem,
    StorageFull,
    TooLarge,
    TooManyRequests,
    Unavailable,
    Unexpected,
    UnsupportedMediaType,
    answer,
    pointer,
)
from chassis.telemetry import LOG, correlation, place, trace_id, traceparent
from engine.ports import Conflict, StoreFailed, StoreFull
from engine.tracing import TRACES, Span

OPEN = (docs.PAGE, "/openapi.json")
"""Readable without a token, like the files of the page: what the API is."""
WITH_BODY = ("POST", "PUT", "PATCH")
QUIET = "quiet"
"""In the state of a request that this process sends to itself: logged as a detail."""
STREAM = "stream"
"""In the state of a request that is answered for as long as the client listens: not timed."""
NO_NUL = "NUL stands in no key and no text"
RETRY_AFTER = {"Retry-After": "2"}


@dataclass(slots=True)
class Gate:
    """ASGI middleware of one service; `open` counts the requests being answered."""

    app: ASGIApp
    service: str
    admission: Admission
    largest_body: int
    at_once: int
    pace: Pace
    measured: Measured = field(default_factory=Measured)
    open: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        trace = traceparent(headers)
        span = TRACES.begin("request", trace, {"kehu.service": self.service}, "server")
        trace = span.traceparent if span else trace
        state.update(correlation=correlation(headers, trace), traceparent=trace)
        with structlog.contextvars.bound_contextvars(**self._known(state["correlation"], trace)):
            await self._pass(scope, receive, send, headers, span)

    def _known(self, correlation: UUID, trace: str | None) -> dict[str, str]:
        """What each record of the log about a request says."""
        traced = {"trace_id": trace_id(trace)} if trace else {}
        return {"correlation": str(correlation), "service": self.service, **traced}

    async def _pass(self, scope: Scope, receive: Receive, send: Send, headers: Headers, span: Span | None) -> None:
        state = scope["state"]
        reply = _Reply(send, state["correlation"])
        start = perf_counter()
        self.open += 1
        try:
            state["principal"] = await self._admitted(scope, headers)
            await self.app(scope, _limited(receive, self.largest_body), reply)
        except Exception as error:
            if reply.status:
                raise
            problem = problem_of(error)
            response = answer(problem, self.service, headers.get("accept-language"), str(state["correlation"]))
            await response(scope, receive, reply)
        finally:
            self.open -= 1
            took = perf_counter() - start
            say = LOG.debug if state.get(QUIET) else LOG.info
            say("request", method=scope["method"], path=scope["path"], status=reply.status, ms=round(took * 1000, 1))
            if STREAM not in state:
                self.measured.answered(self.service, scope, reply.status, took)
            if span is not None:
                route, method = route_of(scope), known(scope["method"])
                about = {"http.request.method": method, "http.route": route}
                span.end({**about, "http.response.status_code": reply.status}, f"{method} {route}")

    async def _admitted(self, scope: Scope, headers: Headers) -> Principal | None:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN or path.startswith(f"{docs.FILES}/"):
            return None
        if self.open > self.at_once:
            raise Problem(TooManyRequests(), headers=RETRY_AFTER)
        principal = await self._principal(scope, headers)
        if places := list(_holding_nul(scope)):
            raise Problem(Malformed(), errors=[Defect(pointer=at, message=NO_NUL) for at in places])
        if int(headers.get("content-length") or 0) > self.largest_body:
            raise Problem(TooLarge(limit=self.largest_body))
        if scope["method"] in WITH_BODY and _has_body(headers) and not _is_json(headers.get("content-type", "")):
            raise Problem(UnsupportedMediaType(expected="application/json"))
        return principal

    async def _principal(self, scope: Scope, headers: Headers) -> Principal:
        address = scope["client"][0] if scope.get("client") else ""
        self.pace.trying(address)
        try:
            principal = await self.admission.principal(headers.get("authorization"))
        except Problem:
            self.pace.failed(address)
            raise
        self.pace.asked(principal.id)
        if not principal.roles:
            raise Problem(MissingRole(roles=", ".join(ROLES)))
        return principal


@dataclass(slots=True)
class _Reply:
    """The way back: notes the status, adds the correlation."""

    send: Send
    correlation: UUID
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Correlation-Id"] = str(self.correlation)
        await self.send(message)


def _holding_nul(scope: Scope) -> Iterator[str]:
    """Where NUL stands in the address of a request, as pointers."""
    if "\0" in scope["path"]:
        yield "/path"
    query: bytes = scope["query_string"]
    if b"%00" in query or b"\0" in query:
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if "\0" in name + value:
                yield pointer(("query", name.replace("\0", "")))


def _limited(receive: Receive, limit: int) -> Receive:
    """`receive` that raises 413 as soon as more than `limit` bytes came, announced or not."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise Problem(TooLarge(limit=limit))
        return message

    return take


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")


def problem_of(error: Exception) -> Problem:
    """What an error that no route foresaw is answered with; logged without its message."""
    if isinstance(error, Problem):
        return error
    if any(_full(e) for e in _chain(error)):
        LOG.error("disk full", error=type(error).__name__)
        return Problem(StorageFull())
    if isinstance(error, (StoreFailed, Conflict)) or any(_unreachable(e) for e in _chain(error)):
        LOG.warning("unavailable", error=type(error).__name__)
        return Problem(Unavailable(), headers=RETRY_AFTER)
    LOG.error("unexpected", error=type(error).__name__, at=place(error))
    return Problem(Unexpected())


def _chain(error: BaseException) -> Iterable[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = getattr(current, "orig", None) or current.__cause__


def _full(error: BaseException) -> bool:
    """The database had no room: SQLSTATE 53100, from whichever statement of the request."""
    return isinstance(error, StoreFull) or getattr(error, "sqlstate", None) == "53100"


def _unreachable(error: BaseException) -> bool:
    """A connection refused, cut, or not to be had: SQLSTATE 08 (connection), 53 (resources), 57P (shut down)."""
    state = str(getattr(error, "sqlstate", None) or "")
    return (
        isinstance(error, OSError) or state.startswith(("08", "53", "57P")) or type(error).__name__ == "InterfaceError"
    )

"""Server-sent events over the service's own log: nothing missed, nothing twice, resumed by Last-Event-ID."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from chassis.auth import Principal
from chassis.context import Who, sight_of
from chassis.gate import STREAM
from chassis.parameters import Position, Seen
from chassis.problems import Defect, Malformed, Problem
from chassis.runtime import Runtime
from engine import clock
from engine.live import Live as LiveLog
from events.base import LARGEST, Event
from events.envelope import Envelope

RETRY = b"retry: 1000\n\n"
HEARTBEAT = b": still here\n\n"
Render = Callable[[Envelope[Any]], tuple[str, BaseModel | dict[str, Any]] | None]
"""An event -> name and data of what the client is told, None to tell nothing."""


class EventStream(StreamingResponse):
    """Server-sent events, as OpenAPI names them."""

    media_type = "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counted while it is open; how long that is is up to the client, and says nothing of us."""
        runtime: Runtime = scope["app"].state.runtime
        scope["state"][STREAM] = True
        runtime.streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            runtime.streams -= 1


@dataclass(frozen=True, slots=True)
class Streaming:
    """The stream a request asks for; `after` is the position it has seen last, None to begin now."""

    runtime: Runtime
    principal: Principal
    after: int | None

    def of(self, *types: type[Event], render: Render) -> EventStream:
        """The events of these types as they are stored, each with its position as id."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        body = self._body(types, render)
        return EventStream(body, headers=headers)

    async def _body(self, types: tuple[type[Event], ...], render: Render) -> AsyncIterator[bytes]:
        runtime = self.runtime
        head = await runtime.store.head()
        after = head if self.after is None else min(self.after, head)  # beyond it: seen before a restore
        yield RETRY
        spoken = monotonic()
        async for envelope in LiveLog(runtime.store, runtime.service.contexts).beats(after, types):
            if runtime.stopping.is_set() or self._expired():
                return
            told = _frame(envelope, render) if envelope and await self._sees(envelope) else None
            if told is None and monotonic() - spoken >= runtime.settings.http.heartbeat:
                told = HEARTBEAT
            if told is not None:
                spoken = monotonic()
                yield told

    async def _sees(self, envelope: Envelope[Any]) -> bool:
        sight = sight_of(self.runtime, self.principal)
        return sight is None or await sight.knows({envelope.customer})

    def _expired(self) -> bool:
        """A stream ends with the token it was opened with."""
        return self.principal.until is not None and self.principal.until <= clock.now()


def _frame(envelope: Envelope[Any], render: Render) -> bytes | None:
    told = render(envelope)
    if told is None:
        return None
    name, data = told
    text = data.model_dump_json().encode() if isinstance(data, BaseModel) else orjson.dumps(data, default=str)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (envelope.position, name.encode(), text)


async def streaming(
    request: Request,
    principal: Who,
    last_event_id: Annotated[
        Seen | None, Header(description="Position of the last event seen; browsers send it anew.")
    ] = None,
    after: Annotated[
        Position | None, Query(description="Position to begin after; 0: with the first event; none: now.")
    ] = None,
) -> Streaming:
    """Where the stream begins. Raises the problem of a Last-Event-ID we never gave out."""
    if last_event_id and not (last_event_id.isdecimal() and int(last_event_id) <= LARGEST):
        raise Problem(Malformed(), errors=[Defect(pointer="/header/Last-Event-ID", message="a position")])
    return Streaming(request.app.state.runtime, principal, int(last_event_id) if last_event_id else after)


Live = Annotated[Streaming, Depends(streaming)]
"""In a route: ``return live.of(AlertRaised, AlertResolved, render=told)``."""

__all__ = ["EventStream", "Live", "Streaming", "streaming"]

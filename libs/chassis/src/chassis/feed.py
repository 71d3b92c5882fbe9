"""The way out without a broker: a service's own events, page by page, as CloudEvents."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request
from pydantic import BaseModel, Field

from chassis.auth import Role
from chassis.cloudevents import written
from chassis.context import allowed
from chassis.parameters import Position
from chassis.problems import Problem, UnknownPath
from chassis.routes import Routes
from chassis.runtime import Runtime

READERS: tuple[Role, ...] = ("integration", "operations")
router = Routes(exact=False, tags=["events"])


class FeedPage(BaseModel):
    """Events in the order of the log. `next` is to be asked for as `after`; at the end of the log it stays the same."""

    items: list[dict[str, Any]] = Field(
        description="CloudEvents 1.0. `sequence` is the position in the log, `kehuprev` the one before it in its topic "
        "(context of the type) and `kehupart`: a reader that does not have it has missed something."
    )
    next: int = Field(examples=[4711])
    head: int = Field(description="The last position of the log now.", examples=[4711])
    incarnation: UUID = Field(
        description="Which life of the log this is. Another one than before: the company was restored from a backup, "
        "positions read before mean other events now; begin again at 0."
    )


@router.get("/events", dependencies=[allowed(*READERS)], summary="Events of this service after a position")
async def events(
    request: Request,
    after: Annotated[Position, Query(description="Position after which to read; 0: from the first event.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Events on a page.")] = 500,
    type: Annotated[  # noqa: A002 - the name in the URL
        list[str] | None, Query(description="Only these types, without version: credit.InvoiceIssued")
    ] = None,
    customer: Annotated[
        str | None, Query(description="Only what happened to this customer.", examples=["C-103"])
    ] = None,
) -> FeedPage:
    """What is personal in an event stays sealed: its keys never leave this service."""
    runtime: Runtime = request.app.state.runtime
    store = runtime.store
    life, head = await store.incarnation(), await store.head()
    if customer is None:
        raws = await store.read_raw(after, limit, types=type)
    else:
        raws = await store.read_customer(customer, after, limit, types=type)
    before = await store.previous(raws)
    full = len(raws) == limit
    last = raws[-1].position if raws and (full or raws[-1].position > head) else max(head, after)
    items = [written(raw, runtime.service.name, previous) for raw, previous in zip(raws, before, strict=True)]
    head = max(head, raws[-1].position) if raws else head
    return FeedPage(items=items, next=last, head=head, incarnation=life)


@router.get("/events/{event}", dependencies=[allowed(*READERS)], summary="One event of this service")
async def event(request: Request, event: Annotated[UUID, Path(description="Id of the event.")]) -> dict[str, Any]:
    """As a CloudEvent; what is personal in it stays sealed."""
    runtime: Runtime = request.app.state.runtime
    raw = await runtime.store.event(event)
    if raw is None:
        raise Problem(UnknownPath())
    return written(raw, runtime.service.name, (await runtime.store.previous([raw]))[0])

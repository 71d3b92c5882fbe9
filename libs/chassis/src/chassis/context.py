"""What a route may use, and all it may use: `Do` to change, `Read` and `Page` to read, `Today`, `Who`, `allowed`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Protocol, cast
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field

from chassis import etag
from chassis.auth import Principal, Role
from chassis.idempotency import Keyed, required
from chassis.paging import Page, Paged
from chassis.parameters import Positions, Version
from chassis.problems import CHALLENGE, Defect, Malformed, MissingRole, Problem, Unauthenticated, UnknownPath
from chassis.rows import Knowing, OwnLog, Sight
from chassis.service import Service
from chassis.settings import Settings
from engine.audit import Audit
from engine.database import Connection
from engine.decider import Actor, Command, Ref, Rejected, States
from engine.ownership import see_own
from engine.ports import Meta, Streams, Verdict
from events.base import LARGEST
from events.envelope import Envelope

__all__ = [
    "Answer",
    "Company",
    "Do",
    "Doing",
    "Log",
    "Look",
    "Page",
    "Paged",
    "Read",
    "ReadAll",
    "Today",
    "Who",
    "allowed",
    "missing",
]

POSITION = "X-Kehu-Position"


class Host(Knowing, Protocol):
    """What the runtime of a service offers to its routes."""

    @property
    def service(self) -> Service: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def sealed(self) -> Streams: ...

    @property
    def audit(self) -> Audit: ...

    async def decide(
        self, command: Command, command_id: UUID, meta: Meta, actor: Actor, expected: int | None
    ) -> Verdict:
        """The verdict on `command`. Raises the problems 412 and 503."""
        ...

    def refusal(self, verdict: Verdict) -> Rejected:
        """The rule behind a rejected verdict, with its parameters."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """A connection over the service's views."""
        ...

    async def reached(self, positions: Mapping[str, int]) -> None:
        """Waits until the views have folded these positions, by service name. Raises the problem 503 after a while."""
        ...

    async def business_day(self) -> date:
        """The open business day."""
        ...


class Answer(BaseModel):
    """What became of a command.

    `position` is the last position written (0: there was nothing to do); `version` that of the first stream changed, to
    be named in If-Match; `repeated` says that this request was decided before and this is the same answer again.
    """

    position: int = Field(examples=[4711])
    version: int | None = Field(default=None, examples=[3])
    stream: str | None = Field(default=None, examples=["invoice-90017"])
    repeated: bool = False
    id: str | None = Field(default=None, examples=["CP-4K2V7Q3HZA"])


def hosted(request: Request) -> Host:
    """The runtime of the service this request is for."""
    return cast(Host, request.app.state.runtime)


def asking(request: Request) -> Principal:
    """Who sent the request. Raises 401 where nobody is known (the gate has refused before, normally)."""
    found = getattr(request.state, "principal", None)
    if found is None:
        raise Problem(Unauthenticated(), headers={"WWW-Authenticate": CHALLENGE})
    return cast(Principal, found)


async def host(request: Request) -> Host:
    """As `hosted`. What is here asks the request itself: each dependency of a dependency costs FastAPI 20 us."""
    return hosted(request)


async def who(request: Request) -> Principal:
    """As `asking`."""
    return asking(request)


Hosted = Annotated[Host, Depends(host)]
Who = Annotated[Principal, Depends(who)]
"""The principal of the request: `id`, `roles`, `has(...)`."""


def allowed(*roles: Role) -> Any:
    """For ``dependencies=[allowed("finance")]`` of a route or router: 403 naming `roles` unless one is held."""

    async def check(request: Request) -> None:
        if not asking(request).has(*roles):
            raise Problem(MissingRole(roles=", ".join(roles)))

    check.roles = roles  # type: ignore[attr-defined] # the reference of who may do what is read from it
    return Depends(check)


def sight_of(runtime: Knowing, principal: Principal) -> Sight | None:
    """What `principal` sees of the customers, None: all of them."""
    return None if principal.own is None else Sight(runtime, principal.own)


def missing(what: type[Rejected] | None = None, **params: Any) -> Problem:
    """To raise where a GET finds nothing: 404 with the service's own NotFound rule, or the plain one."""
    return Problem(UnknownPath() if what is None else what(**params))


@dataclass(slots=True)
class Doing:
    """Decides commands for one request: ``answer = await do(PlaceOrder(...))``."""

    host: Host
    response: Response
    principal: Principal
    keyed: Keyed
    expected: int | None
    correlation: UUID
    traceparent: str | None

    async def __call__(self, command: Command, *, key: str | None = None, founding: bool = False) -> Answer:
        """The answer to `command`, with `key` (the business key of what it is about) as its `id`.

        `founding`: it makes a customer that is not there yet. Raises the problem of the rule that refused.
        """
        expected, self.expected = self.expected, None
        verdict = await self._decided(command, self.keyed.command(), expected, founding=founding)
        if verdict.repeated:
            self.response.headers["Idempotent-Replay"] = "true"
        if verdict.outcome == "rejected":
            raise self._refused(verdict)
        return self._answer(verdict, key)

    async def each(self, commands: Mapping[str, Command]) -> dict[str, Verdict]:
        """The verdicts on commands about different things, by what each is about; one refused stops no other.

        A request that is repeated may bring others: each is decided once under its Idempotency-Key and subject.
        """
        ids = [self.keyed.command_about(subject) for subject in commands]
        decided = await asyncio.gather(*(self._decided(c, i) for c, i in zip(commands.values(), ids, strict=True)))
        last = max((v.positions[1] for v in decided if v.positions), default=0)
        self.response.headers[POSITION] = f"{self.host.service.name}:{last}"
        return dict(zip(commands, decided, strict=True))

    async def _decided(
        self, command: Command, command_id: UUID, expected: int | None = None, *, founding: bool = False
    ) -> Verdict:
        meta, actor = Meta(self.principal.id, self.correlation, traceparent=self.traceparent), self.principal.actor()
        if sight := sight_of(self.host, self.principal):
            await sight.permit(command, meta, actor, founding=founding)
        return await self.host.decide(command, command_id, meta, actor, expected)

    def new_key(self, prefix: str) -> str:
        """A business key for something new that stays the same when the request is repeated: ``CP-4K2V7Q3HZA``."""
        return self.keyed.business_key(prefix)

    def _refused(self, verdict: Verdict) -> Problem:
        headers = {"Idempotent-Replay": "true"} if verdict.repeated else {}
        return Problem(self.host.refusal(verdict), headers=headers)

    def _answer(self, verdict: Verdict, key: str | None) -> Answer:
        position = verdict.positions[1] if verdict.positions else 0
        stream, version = next(iter((verdict.streams or {}).items()), (None, None))
        etag.put(self.response, version)
        self.response.headers[POSITION] = f"{self.host.service.name}:{position}"
        return Answer(position=position, version=version, stream=stream, repeated=verdict.repeated, id=key)


async def doing(
    request: Request,
    response: Response,
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Required. The same key gives the same answer, once decided."),
    ] = None,
    if_match: Annotated[Version | None, Header(description="The version (ETag) this change was decided upon.")] = None,
) -> Doing:
    """The one way for a route to change anything."""
    principal, state = asking(request), request.state
    keyed, expected = Keyed(principal.id, required(key)), etag.expected(if_match)
    return Doing(hosted(request), response, principal, keyed, expected, state.correlation, state.traceparent)


Do = Annotated[Doing, Depends(doing)]
"""In a route: ``await do(command) -> Answer``. Takes Idempotency-Key and If-Match from the request."""


@asynccontextmanager
async def _seen(runtime: Host, principal: Principal) -> AsyncIterator[Connection]:
    """A connection over the service's views as `principal` sees them."""
    async with runtime.reading() as connection:
        if principal.own is not None:
            see_own(connection, principal.own)
        yield connection


async def reading(
    request: Request,
    position: Annotated[
        Positions | None,
        Header(alias=POSITION, description="Answer only once this position is folded (as a POST gave it)."),
    ] = None,
    at_least: Annotated[Positions | None, Query(description="The same as X-Kehu-Position.")] = None,
) -> AsyncIterator[Connection]:
    """A connection over the service's views, once they have reached the position asked for."""
    runtime, asked = hosted(request), ",".join(filter(None, (position, at_least)))
    if asked:
        await runtime.reached(positions(asked, runtime.service.name))
    async with _seen(runtime, asking(request)) as connection:
        yield connection


Read = Annotated[Connection, Depends(reading)]
"""In a route: ``await read.execute(select(invoices))``."""


async def reading_all(request: Request) -> AsyncIterator[Connection]:
    """A connection over the service's views, once they have folded all that its log holds now."""
    runtime = hosted(request)
    await runtime.reached_end()
    async with _seen(runtime, asking(request)) as connection:
        yield connection


ReadAll = Annotated[Connection, Depends(reading_all)]
"""In a route that changes what it finds: nothing recorded before the request is missing."""


def positions(text: str, own: str) -> dict[str, int]:
    """``4711`` (of this service) or ``credit:4711, customer:12``. Raises the problem of anything else."""
    found: dict[str, int] = {}
    for part in text.split(","):
        service, _, number = part.strip().rpartition(":")
        if not number.isdecimal() or int(number) > LARGEST:
            place = Defect(pointer=f"/header/{POSITION}", message="a position: 4711, or credit:4711")
            raise Problem(Malformed(), errors=[place])
        found[service or own] = max(int(number), found.get(service or own, 0))
    return found


async def log(request: Request) -> Streams:
    """The service's own log without what is said of persons."""
    runtime = hosted(request)
    sight = sight_of(runtime, asking(request))
    return OwnLog(runtime.sealed, sight) if sight else runtime.sealed


Log = Annotated[Streams, Depends(log)]
"""In a route: ``await log.read_stream(...)``; what is said of persons stays sealed and is null."""


@dataclass(frozen=True, slots=True)
class Personal:
    """The service's own log with what is said of persons; each read is written down before it is answered."""

    host: Host
    log: Streams
    principal: Principal
    route: str
    correlation: UUID

    async def read_stream(self, stream: str, after: int = 0) -> Sequence[Envelope[Any]]:
        """The events of `stream` above version `after`. Raises where the read cannot be written down."""
        events = await self.log.read_stream(stream, after)
        await self.host.audit.note(self.principal.id, self.route, events, self.correlation)
        return events


async def personal(request: Request) -> Streams:
    """The log for routes that show personal data."""
    runtime, principal = hosted(request), asking(request)
    route = f"{request.method} {request.scope['root_path']}{request.scope['route'].path}"
    sight = sight_of(runtime, principal)
    log = OwnLog(runtime.store, sight) if sight else runtime.store
    return Personal(runtime, log, principal, route, request.state.correlation)


PersonalLog = Annotated[Streams, Depends(personal)]
"""In a route: as Log, with what is said of persons: it is readable there alone, no view keeps it. Audited."""


async def company(request: Request) -> str:
    """The legal entity whose service this is."""
    return hosted(request).settings.company.id


Company = Annotated[str, Depends(company)]
"""In a route: the id of the selling company."""


Present = Callable[[Sequence[Ref[Any]]], Awaitable[States]]


async def present(request: Request) -> Present:
    """How a route looks at aggregates."""
    runtime = hosted(request)
    sight = sight_of(runtime, asking(request))
    return sight.states if sight else runtime.states


Look = Annotated[Present, Depends(present)]
"""In a route: ``states = await look([EXPOSURE(customer)])``, for an answer that changes nothing and must not lag."""


async def business_day(request: Request) -> date:
    """The open business day."""
    return await hosted(request).business_day()


Today = Annotated[date, Depends(business_day)]
"""In a route: the open business day."""

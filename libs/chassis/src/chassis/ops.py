"""What operations look at and do: consumers, workers, views, dead letters, timers. Thin: the engine does it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import BaseModel, Field

from chassis.context import Who, allowed
from chassis.health import ServiceHealth, service_health
from chassis.once import DoOnce
from chassis.parameters import Position
from chassis.problems import CannotRollBack, Problem, UnknownPath
from chassis.rebuilds import Rebuild
from chassis.routes import Routes
from chassis.runtime import Runtime
from chassis.workers import names, replayers
from engine import deadletters, timers
from engine.audit import Read
from engine.deadletters import DeadLetter
from engine.inventory import extent
from engine.projection import View
from engine.rebuild import rollback
from engine.restarts import Restarts
from engine.timers import Broken
from engine.views import ViewRegistry

Named = Annotated[str, Path(description="Name of it, as the list names it.")]
router = Routes(prefix="/ops", tags=["operations"], dependencies=[allowed("operations")])


class WorkerState(BaseModel):
    """A worker: `halted` until a person has acted and restarts it, `waiting` to be started again.

    `elsewhere`: it works in another process, if it works.
    """

    name: str
    state: Literal["new", "running", "waiting", "halted", "stopped", "elsewhere"]
    restarts: int = 0
    error: str | None = None
    since: datetime | None = None


class ViewState(BaseModel):
    """A view: `version` of its fold in this software, `live` of the table that is read, and the last rebuild."""

    name: str
    version: int
    live: int | None
    build: int | None
    table: str | None
    rows: int | None = Field(description="Of that table, counted.")
    bytes: int | None = Field(description="Its size on disk, indexes included.")
    building: int | None = Field(default=None, description="The build being filled beside it, by whomever.")
    rebuild: Rebuild | None = Field(default=None, description="The last one this process was asked for.")


class Letters(BaseModel):
    """Parked events; `next` is to be asked for as `after`."""

    items: list[DeadLetter]
    next: int


class Chosen(BaseModel):
    """Letters of one customer in one group; `letter` names a single one to discard."""

    group: str = Field(examples=["view:invoices"])
    customer: str = Field(examples=["C-103"])
    letter: Position | None = None


class Done(BaseModel):
    """How many letters were dealt with; None: it failed again, all stay parked."""

    letters: int | None


class BrokenTimers(BaseModel):
    """Broken timers by key; `next` is to be asked for as `after`."""

    items: list[Broken]
    next: str


class ChosenTimer(BaseModel):
    """One broken timer; without `key` all of them."""

    key: str | None = Field(default=None, examples=["overdue/I-90017/1"])


class Again(BaseModel):
    """How many timers are tried again."""

    timers: int


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


class Reads(BaseModel):
    """Reads of personal data; `next` is to be asked for as `after`."""

    items: list[Read]
    next: int


@router.get("/audit", dependencies=[allowed("admin")], summary="Who read what is said of persons")
async def audit(
    request: Request,
    actor: Annotated[str | None, Query(description="Only reads of this person or system.")] = None,
    customer: Annotated[str | None, Query(description="Only reads about persons at this customer.")] = None,
    after: Annotated[int, Query(ge=0, description="Reads above this id.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows on a page.")] = 100,
) -> Reads:
    """Each was written down before it was answered; what was read is not kept, and nothing here can be changed."""
    found = await _runtime(request).audit.page(after, actor, customer, limit)
    return Reads(items=found, next=found[-1].id if found else after)


@router.get("/consumers", summary="How far each consumer lies behind")
async def consumers(request: Request) -> ServiceHealth:
    """Lag in events and seconds, and parked customers, by group."""
    return await service_health(_runtime(request))


@router.get("/workers", summary="The workers of this service")
async def workers(request: Request) -> list[WorkerState]:
    """One of each worker this software has, so there are no pages; how those of other processes are, health tells."""
    runtime = _runtime(request)
    found = runtime.supervisor.status() if runtime.supervisor else {}
    here = [WorkerState(name=name, **asdict(status)) for name, status in found.items()]
    return here + [WorkerState(name=name, state="elsewhere") for name in names(runtime) if name not in found]


@router.post("/workers/{name}/restart", status_code=202, summary="Start a halted worker again")
async def restart(request: Request, name: Named, once: DoOnce) -> WorkerState:
    """Wherever it runs: a process in which it has halted hears of it within a second. One that runs goes on."""

    async def act() -> WorkerState:
        runtime = _runtime(request)
        if name not in names(runtime):
            raise Problem(UnknownPath())
        here = runtime.supervisor.status() if runtime.supervisor else {}
        await Restarts(runtime.database).ask(name)
        if runtime.supervisor is not None and name in here:
            await runtime.supervisor.restart(name)
            return WorkerState(name=name, **asdict(runtime.supervisor.status()[name]))
        return WorkerState(name=name, state="elsewhere")

    return await once(WorkerState, act)


@router.get("/views", summary="The views and their versions")
async def views(request: Request) -> list[ViewState]:
    """One of each view this software has, so there are no pages; with the progress of rebuilds."""
    runtime = _runtime(request)
    return [await _state(runtime, view) for view in runtime.views]


@router.get("/views/{name}", summary="One view, with the progress of its rebuild")
async def view_state(request: Request, name: Named) -> ViewState:
    """404 where this service has no such view."""
    runtime = _runtime(request)
    return await _state(runtime, _view(runtime, name))


@router.post("/views/{name}/rebuild", status_code=202, summary="Build a view anew beside the live one")
async def rebuild_view(request: Request, name: Named, once: DoOnce) -> ViewState:
    """Answers at once; the progress is shown by the view. While one runs, another is not begun."""
    runtime = _runtime(request)
    view = _view(runtime, name)

    async def act() -> ViewState:
        before = await _state(runtime, view)
        runtime.rebuilds.start(view)
        return before.model_copy(update={"rebuild": runtime.rebuilds.get(view.name)})

    return await once(ViewState, act)


@router.post("/views/{name}/rollback", summary="Put the build before the live one back")
async def rollback_view(request: Request, name: Named, once: DoOnce) -> ViewState:
    """It is caught up first, so nothing older is ever read."""
    runtime = _runtime(request)
    view = _view(runtime, name)

    async def act() -> ViewState:
        try:
            await rollback(view, runtime.database, runtime.bus, runtime.serde)
        except LookupError as error:
            raise Problem(CannotRollBack(view=name)) from error
        return await _state(runtime, view)

    return await once(ViewState, act)


@router.get("/dead-letters", summary="Events that wait for a person")
async def letters(
    request: Request,
    group: Annotated[str | None, Query(description="Only of this consumer: view:invoices")] = None,
    customer: Annotated[str | None, Query(description="Only of this customer.")] = None,
    after: Annotated[Position, Query(description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="Rows on a page.")] = 50,
) -> Letters:
    """Positions and kinds of error, never content."""
    found = await deadletters.letters(_runtime(request).database.pool, group, customer, after, limit)
    return Letters(items=found, next=found[-1].id if found else after)


@router.post("/dead-letters/replay", summary="Try a customer's parked events again, in order")
async def replay(request: Request, chosen: Chosen, once: DoOnce) -> Done:
    """All or none. That it failed again is an answer, too: the next try has another key."""
    runtime = _runtime(request)
    worker = replayers(runtime).get(chosen.group)
    if worker is None:
        raise Problem(UnknownPath())
    pool = runtime.database.pool

    async def act() -> Done:
        return Done(letters=await deadletters.replay(pool, runtime.bus, runtime.serde, worker, chosen.customer))

    return await once(Done, act)


@router.post("/dead-letters/discard", summary="Take parked events as never to be dealt with")
async def discard(request: Request, chosen: Chosen, principal: Who, once: DoOnce) -> Done:
    """Kept with the name of whoever decided it; a rebuild leaves them out, too."""
    pool = _runtime(request).database.pool

    async def act() -> Done:
        count = await deadletters.discard(pool, chosen.group, chosen.customer, principal.id, chosen.letter)
        return Done(letters=count)

    return await once(Done, act)


@router.get("/timers", summary="Due commands that wait for a person")
async def broken_timers(
    request: Request,
    after: Annotated[str, Query(description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=500, description="Rows on a page.")] = 50,
) -> BrokenTimers:
    """Their decision broke as often as it is tried; all others of their day went on without them."""
    found = await timers.broken(_runtime(request).database.pool, after, limit)
    return BrokenTimers(items=found, next=found[-1].key if found else after)


@router.post("/timers/replay", summary="Have broken due commands decided again")
async def replay_timers(request: Request, chosen: ChosenTimer, once: DoOnce) -> Again:
    """They are decided soon, on the business day open then; what breaks again is listed again."""
    pool = _runtime(request).database.pool

    async def act() -> Again:
        return Again(timers=await timers.again(pool, chosen.key))

    return await once(Again, act)


def _view(runtime: Runtime, name: str) -> View:
    found = next((view for view in runtime.views if view.name == name), None)
    if found is None:
        raise Problem(UnknownPath())
    return found


async def _state(runtime: Runtime, view: View) -> ViewState:
    pool = runtime.database.pool
    live = await ViewRegistry(pool).live(view.name)
    known: dict[str, Any] = {"live": None, "build": None, "table": None, "rows": None, "bytes": None}
    if live is not None:
        known |= {"live": live.version, "build": live.build, "table": live.table}
    if live is not None and live.stands:
        known |= asdict(await extent(pool, view.name, live.table))
    return ViewState(name=view.name, version=view.version, rebuild=runtime.rebuilds.get(view.name), **known)

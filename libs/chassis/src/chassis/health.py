"""Whether we live, whether we are ready, and how far behind everything is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from chassis.gate import problem_of
from chassis.runtime import Runtime
from engine import clock, timers
from engine.standing import Lag

router = APIRouter(tags=["health"])


class ConsumerHealth(BaseModel):
    """How far a consumer lies behind: events not dealt with (up to 10,000 are counted), and since when."""

    events: int
    seconds: float = Field(description="Age of the oldest event not dealt with.")
    parked: int = Field(description="Customers whose events wait for a person.")


class ServiceHealth(BaseModel):
    """A service and its consumers."""

    store: Literal["up", "down"]
    position: int | None = None
    consumers: dict[str, ConsumerHealth] = Field(default_factory=dict)
    broken_timers: int = Field(default=0, description="Due commands that wait for a person, see ops/timers.")
    halted: list[str] = Field(default_factory=list, description="Workers of this process that wait for a person.")
    silent: list[str] = Field(
        default_factory=list,
        description="Processes that do not answer the gateway: api, worker; `store` is unknown then.",
    )


class Health(BaseModel):
    """`ready`: every store answers."""

    ready: bool
    services: dict[str, ServiceHealth]


@router.get("/health/live", summary="The process runs")
async def live() -> dict[str, bool]:
    """Nothing is looked at."""
    return {"live": True}


@router.get("/health/ready", summary="The stores answer; how far the consumers lie behind")
async def ready(request: Request, response: Response) -> Health:
    """503 while a store does not answer or the process is stopping."""
    runtimes: Sequence[Runtime] = request.app.state.runtimes
    services = {r.service.name: await service_health(r) for r in runtimes}
    up = all(s.store == "up" for s in services.values()) and not any(r.stopping.is_set() for r in runtimes)
    if not up:
        response.status_code, response.headers["Retry-After"] = 503, "2"
    return Health(ready=up, services=services)


async def service_health(runtime: Runtime) -> ServiceHealth:
    """The health of one service; `down` where its store cannot be reached."""
    try:
        position, found = await runtime.store.head(), await runtime.lags()
        broken = await timers.count_broken(runtime.database.pool)
    except Exception as error:
        problem_of(error)
        return ServiceHealth(store="down")
    consumers = {group: consumer_health(lag) for group, lag in sorted(found.items())}
    workers = runtime.supervisor.status() if runtime.supervisor else {}
    halted = [name for name, status in workers.items() if status.state == "halted"]
    return ServiceHealth(store="up", position=position, consumers=consumers, broken_timers=broken, halted=halted)


def consumer_health(lag: Lag) -> ConsumerHealth:
    """A lag as it is shown."""
    return ConsumerHealth(events=lag.events, seconds=age(lag.since), parked=lag.parked)


def age(since: datetime | None) -> float:
    """Seconds from then until now, to a tenth; 0 where there is nothing."""
    seconds = (clock.now() - since).total_seconds() if since else 0.0
    return round(max(seconds, 0.0), 1)

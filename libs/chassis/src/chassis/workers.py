"""What works for a service besides its port, by role."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Literal, get_args

from chassis.deadtopics import Undertaker
from chassis.erp import Answers, Feeder, Sweeper
from chassis.runtime import Runtime, seals
from engine import business_day, clock, ids
from engine.deadletters import Replayer
from engine.decider import Actor
from engine.erasure import Eraser
from engine.evaluator import Evaluator
from engine.handle import Asked
from engine.keeper import Means
from engine.lifecycle import Supervisor, Worker, unless_stopped
from engine.ports import Meta
from engine.projector import Projector
from engine.reactor import Reactor
from engine.restarts import Restarts
from engine.timers import TimerRunner, TimerView
from events.base import COMPANY

Role = Literal["relay", "projector", "reactor", "timers", "evaluator", "intake", "daybreak"]
ROLES: tuple[Role, ...] = get_args(Role)
WAITING_AT_ONCE = 200
STIR_LOOK = 0.1
"""Seconds between two looks for what another process has stored."""
DAYBREAK_LOOK = 20.0
"""Seconds between looks at the clock."""
FORGET_LOOK = 6 * 3600.0
"""Seconds between looks for reads that are long past."""


def supervisor(runtime: Runtime, roles: Collection[Role] = ROLES) -> Supervisor:
    """The workers of these roles, ready to be started; kept as ``runtime.supervisor``."""
    workers = [worker for role in ROLES if role in roles for worker in _of(role, runtime)]
    runtime.supervisor = Supervisor(workers, Restarts(runtime.database).asked)
    return runtime.supervisor


def names(runtime: Runtime) -> list[str]:
    """What the workers of this service are called, in whichever process they run."""
    return [worker.name for role in ROLES for worker in _of(role, runtime)]


def replayers(runtime: Runtime) -> dict[str, Replayer]:
    """The workers that may have parked something, by group."""
    found: list[Replayer] = [*_projectors(runtime), *_reactors(runtime), *_timer_views(runtime)]
    return {worker.name: worker for worker in found}


def _of(role: Role, runtime: Runtime) -> Iterable[Worker]:
    match role:
        case "relay":
            return [runtime.relay, Undertaker(runtime), *_state_relays(runtime)] if runtime.relay is not None else []
        case "projector":
            return _projectors(runtime)
        case "reactor":
            return [*_reactors(runtime), *_erasers(runtime), *([Forgetter(runtime)] if seals(runtime.service) else [])]
        case "timers":
            return [*_timer_views(runtime), _timer_runner(runtime)] if runtime.service.timers else []
        case "evaluator":
            return _evaluators(runtime)
        case "intake":
            return _intake(runtime) if runtime.service.intake else []
        case "daybreak":
            return [Daybreak(runtime)] if runtime.service.open_day and runtime.settings.company.opens_days else []


def _state_relays(runtime: Runtime) -> list[Worker]:
    from engine.kafka.states import StateRelay  # noqa: PLC0415 - only those with a Kafka need it

    r = runtime
    assert r.relay is not None
    return [
        StateRelay(stated, r.store, r.service.name, r.relay.layout, r.states, r.business_day)
        for stated in r.service.states
    ]


def _projectors(runtime: Runtime) -> list[Projector]:
    r = runtime
    return [
        Projector(view, r.database, r.bus, r.serde, member=r.settings.work.member, wakeups=r.wakeups)
        for view in r.views
    ]


def _reactors(runtime: Runtime) -> list[Reactor]:
    r = runtime
    return [
        Reactor(reaction, r.bus, r.handler, r.database, r.serde, member=r.settings.work.member)
        for reaction in r.service.reactions
    ]


def _erasers(runtime: Runtime) -> list[Eraser]:
    r = runtime
    if r.serde.keys is None or not seals(r.service):
        return []
    return [Eraser(r.serde.keys, Means(r.database, r.bus, r.serde, r.settings.work.member, r.wakeups))]


def _timer_views(runtime: Runtime) -> list[TimerView]:
    r = runtime
    means = Means(r.database, r.bus, r.serde, r.settings.work.member, r.wakeups)
    return [TimerView(timer, means) for timer in r.service.timers]


def _timer_runner(runtime: Runtime) -> TimerRunner:
    r = runtime
    commands = [command for decider in r.service.deciders for command in decider.commands]
    return TimerRunner(r.service.timers, commands, r.bus, r.handler, r.database, wakeups=r.wakeups)


def _evaluators(runtime: Runtime) -> list[Evaluator]:
    r = runtime
    if r.service.evaluate is None:
        return []
    evaluate = r.service.evaluate(r.database)
    return [Evaluator(r.database, evaluate, r.handler, r.business_day, r.went_live, wakeups=r.wakeups)]


def _intake(runtime: Runtime) -> list[Worker]:
    by_topic: list[Worker] = [Feeder(runtime), Answers(runtime), Sweeper(runtime)]
    return [IntakeRetry(runtime), *(by_topic if runtime.settings.intake.topics else [])]


@dataclass(slots=True)
class IntakeRetry:
    """Decides anew about waiting documents when something happens to their customer, and from time to time."""

    runtime: Runtime

    @property
    def name(self) -> str:
        return "intake"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Everything that waits is tried once at the start: what it waits for may have come meanwhile."""
        runtime, position = self.runtime, await self.runtime.store.head()
        topic = next(t for t in runtime.service.contexts if t != COMPANY)
        customers = await runtime.inbox.waiting_customers()
        while not stop.is_set():
            count = runtime.wakeups.count(topic)
            await runtime.intake.retry(await runtime.inbox.due(customers, WAITING_AT_ONCE))
            await unless_stopped(stop, self._stirring(topic, count, position))
            customers, position = await runtime.inbox.stirred(position)

    async def _stirring(self, topic: str, count: int, position: int) -> None:
        """Until the log has grown, by whichever process, or it is time to look all the same."""
        runtime, pause = self.runtime, self.runtime.settings.intake.retry
        until = monotonic() + pause
        while (left := until - monotonic()) > 0:
            if await runtime.wakeups.wait(topic, min(left, STIR_LOOK), count):
                return
            if await runtime.store.head() > position:
                return


@dataclass(slots=True)
class Forgetter:
    """Forgets, from time to time, who read what is said of persons once that was long ago."""

    runtime: Runtime

    @property
    def name(self) -> str:
        return "forgetter"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            await self.runtime.audit.forget(self.runtime.settings.logs.reads_kept)
            await unless_stopped(stop, asyncio.sleep(FORGET_LOOK))


@dataclass(slots=True)
class Daybreak:
    """Opens each business day when it begins in the company's time zone; a day opened ahead by command stays open."""

    runtime: Runtime

    @property
    def name(self) -> str:
        return "daybreak"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            await self.look()
            await unless_stopped(stop, asyncio.sleep(DAYBREAK_LOOK))

    async def look(self) -> None:
        """Open today if nothing later is open; every process that looks asks for the same, once."""
        company, service = self.runtime.settings.company, self.runtime.service
        today = clock.today(company.time_zone)
        day, _ = await business_day.state(self.runtime.database.pool, company.id)
        if service.open_day is None or (day is not None and day >= today):
            return
        name = ids.named("daybreak", company.id, today)
        command = service.open_day(company.id, today)
        await self.runtime.handler.handle(Asked(command, name, Meta(self.name, name), Actor(self.name)))

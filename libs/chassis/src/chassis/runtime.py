"""One service at work: its database, its log, its handler, its bus, its workers."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chassis import rules
from chassis.buses import buses
from chassis.intake import Intake
from chassis.problems import Problem, Unavailable, VersionConflict, ViewBehind
from chassis.rebuilds import Rebuilds
from chassis.service import Service
from chassis.settings import Settings
from engine import business_day, clock, erasure, ownership, standing
from engine.audit import Audit
from engine.business_day import BUSINESS_DAY
from engine.database import Connection, Database
from engine.decider import Actor, Command, Ref, Rejected, States
from engine.handle import Asked, Handler
from engine.inbox import Inbox, Pauses
from engine.keys import PersonalKeys
from engine.lifecycle import Supervisor
from engine.ownership import OWNERSHIP
from engine.personal import holds_personal
from engine.ports import Conflict, Meta, Verdict
from engine.projection import View
from engine.rounds import Rounds
from engine.serde import Serde
from engine.standing import Target
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.topics import Topics
from engine.views import ViewRegistry, group_of
from engine.wakeups import Wakeups
from events.registry import ALL as EVENTS

if TYPE_CHECKING:
    from engine.kafka.relay import Relay

OWNERS: Mapping[str, str] = {
    "company": "customer",
    "customer": "customer",
    "credit": "credit",
    "complaint": "complaint",
    "analytics": "analytics",
}
"""Topic -> name of the service whose log it lies in."""
SHARED: tuple[View, ...] = (BUSINESS_DAY, OWNERSHIP)
"""The views every service has."""
DEVELOPMENT_KEY = b"kehu: a development key, no more"
LOOK = 0.015
DAY_KEPT = 0.2


@dataclass(eq=False)
class Runtime:
    """What `open_runtime` put together. `stopping` is set when open streams are to end; `supervisor` runs workers;
    `streams` counts the event streams that are open."""

    service: Service
    settings: Settings
    database: Database
    owners: Mapping[str, Database]
    wakeups: Wakeups
    serde: Serde
    store: PostgresStore
    sealed: PostgresStore
    audit: Audit
    bus: TableBus
    handler: Handler
    rounds: Rounds
    inbox: Inbox
    intake: Intake
    topics: Topics
    relay: "Relay | None"
    rebuilds: Rebuilds
    rules: Mapping[str, type[Rejected]]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    supervisor: Supervisor | None = None
    streams: int = 0
    _day: tuple[float, int, date] | None = None
    _looks: int = 0

    @property
    def views(self) -> tuple[View, ...]:
        """The service's own views and those every service has."""
        return (*self.service.views, *SHARED)

    async def decide(
        self, command: Command, command_id: UUID, meta: Meta, actor: Actor, expected: int | None
    ) -> Verdict:
        """The verdict on `command`. Raises the problems 412 and 503."""
        try:
            return await self.rounds.handle(Asked(command, command_id, meta, actor, expected))
        except Conflict:
            if expected is None:
                raise Problem(Unavailable(), headers={"Retry-After": "1"}) from None
            raise Problem(VersionConflict()) from None

    async def states(self, refs: Sequence[Ref[Any]]) -> States:
        """The present states of `refs`, from their streams."""
        return await self.handler.states(refs)

    async def about(self, command: Command, meta: Meta, actor: Actor) -> frozenset[str | None]:
        """The customers whose streams `command` names; nobody's for those that are yet to begin."""
        streams = await self.handler.streams(Asked(command, meta.correlation, meta, actor))
        return await self.store.customers(streams)

    async def owned(self, employee: str, customers: Collection[str]) -> frozenset[str]:
        """Those of `customers` that `employee` looks after, as far as this service has heard."""
        return await ownership.owned(self.database.pool, employee, customers)

    def refusal(self, verdict: Verdict) -> Rejected:
        """The rule behind a rejected verdict, with its parameters."""
        return self.rules.get(verdict.rule or "", Rejected)(**(verdict.params or {}))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection over the service's views; what is done with it is never kept."""
        async with self.database.engine.connect() as connection:
            yield connection

    async def reached(self, positions: Mapping[str, int]) -> None:
        """Waits until the views have folded these positions, by service name. Raises the problem 503 after a while."""
        deadline = monotonic() + self.settings.http.patience
        for service, position in positions.items():
            await self._until(partial(self._reached, service, position), f"{service}:{position}", deadline)
        if positions:
            self._day, self._looks = None, self._looks + 1

    async def reached_end(self) -> None:
        """Waits until the views have folded all that the service's log holds now. Raises the problem 503 as above."""
        deadline = monotonic() + self.settings.http.patience
        for topic in self.service.contexts:
            goal = Target(topic, await self.bus.head(topic))
            groups = [group_of(view) for view in self.views if topic in view.topics]
            reached = partial(standing.reached, self.database.pool, groups, goal)
            await self._until(reached, f"{topic}:{max(goal.parts.values(), default=0)}", deadline)

    async def _until(self, reached: Callable[[], Awaitable[bool]], goal: str, deadline: float) -> None:
        while not await reached():
            if monotonic() > deadline:
                raise Problem(ViewBehind(position=goal), headers={"Retry-After": "1"})
            await asyncio.sleep(LOOK)

    async def _reached(self, service: str, position: int) -> bool:
        owner = next((db for topic, db in self.owners.items() if OWNERS.get(topic) == service), None)
        if owner is None or position == 0:
            return True
        goal = await standing.target(owner.reader, position)
        if goal is None:
            return False
        groups = [group_of(view) for view in self.views if goal.topic in view.topics]
        return await standing.reached(self.database.pool, groups, goal)

    async def business_day(self) -> date:
        """The open business day; the calendar's in the company's time zone before the first was opened.

        Kept for a moment, but not beyond news of it in this process: what its timers decided on is not forgotten.
        """
        news = self.wakeups.count(group_of(BUSINESS_DAY))
        if self._day is not None and self._day[0] >= monotonic() and self._day[1] == news:
            return self._day[2]
        self._looks += 1
        look = self._looks
        opened, _ = await business_day.state(self.database.pool, self.settings.company.id)
        day = opened or clock.today(self.settings.company.time_zone)
        if look == self._looks:  # else somebody looked, or waited for a position, since: what is seen here is older
            self._day = monotonic() + DAY_KEPT, news, day
        return day

    async def went_live(self) -> bool:
        """Whether the initial load is over, as far as this service has heard."""
        return (await business_day.state(self.database.pool, self.settings.company.id))[1]

    async def lags(self) -> dict[str, standing.Lag]:
        """How far each consumer of this service lies behind, and each topic of states it publishes."""
        found = await standing.lags(self.database.pool, self.bus, self.owners)
        return found | (await self._states_lags(self.relay) if self.relay is not None else {})

    async def _states_lags(self, relay: "Relay") -> dict[str, standing.Lag]:
        from engine.kafka.states import behind  # noqa: PLC0415 - only those with a Kafka need it

        home, told = self.database.pool, self.service.states
        return {
            f"states:{stated.topic}": standing.Lag(*await behind(home, relay.layout, stated, standing.MOST), parked=0)
            for stated in told
        }

    async def resend(self, relay: "Relay", after: int) -> None:
        """Have the log above position `after` published again, and the states of whom it is about."""
        from engine.kafka.states import again  # noqa: PLC0415 - as above

        await relay.resend(after)
        for stated in self.service.states:
            await again(self.database.pool, relay.layout, stated, after)

    async def stale(self) -> dict[str, bool]:
        """Of each view of this service whether what is read from it is of another fold, or of another life."""
        return await standing.stale(self.database.pool, self.bus, self.views)

    async def close(self) -> None:
        """Store what is under way; the databases stay open, they belong to whoever opened them."""
        self.stopping.set()
        await self.rebuilds.stop()
        await self.rounds.close()
        await self.handler.close()
        await self.store.close()
        await self.topics.close()


def topics_of(service: Service) -> set[str]:
    """The topics a service owns or reads."""
    viewed = {topic for view in (*service.views, *SHARED) for topic in view.topics}
    answered = {topic for reaction in service.reactions for topic in reaction.topics}
    planned = {event.context() for timer in service.timers for event in timer.handles}
    return {*service.contexts, *viewed, *answered, *planned, *([erasure.TOPIC] if seals(service) else [])}


def seals(service: Service) -> bool:
    """Whether a service states events that hold personal data: it then has keys, and destroys them on erasure."""
    return any(holds_personal(event) for event in EVENTS if event.context() in service.contexts)


async def open_runtime(
    service: Service, settings: Settings, databases: Mapping[str, Database], wakeups: Wakeups | None = None
) -> Runtime:
    """`service` over its migrated database; `databases` by service name: its own and those of the topics it reads."""
    own = databases[service.name]
    wakeups = wakeups or Wakeups()
    owners = {topic: databases[OWNERS.get(topic, service.name)] for topic in topics_of(service)}
    serde = Serde(PersonalKeys(own.pool, key) if (key := wrapping_key(settings)) else None)
    store = PostgresStore(own, serde, settings.company.id, wakeups)
    await ViewRegistry(own.pool).ensure([*service.views, *SHARED])
    known = {**rules.faults(), **rules.classes(service)}
    inbox = Inbox(own, Pauses(settings.intake.retry, settings.intake.longest_retry.total_seconds()))
    runtime: Runtime

    async def today() -> date:
        return await runtime.business_day()

    handler = Handler(store, service.deciders, service.loaders, own, today)
    met = buses(service, settings, owners, store)
    runtime = Runtime(
        service=service,
        settings=settings,
        database=own,
        owners=owners,
        wakeups=wakeups,
        serde=serde,
        store=store,
        sealed=PostgresStore(own, Serde(), settings.company.id, wakeups),
        audit=Audit(own),
        bus=met.bus,
        handler=handler,
        rounds=Rounds(handler.handle_each),
        inbox=inbox,
        intake=Intake(handler, inbox, service.intake, known, settings.intake),
        topics=met.topics,
        relay=met.relay,
        rebuilds=Rebuilds(own, met.bus, serde),
        rules=known,
    )
    return runtime


def needed(services: Iterable[Service]) -> set[str]:
    """Names of the services whose databases these services read or own."""
    return {OWNERS.get(topic, service.name) for service in services for topic in topics_of(service)}


def wrapping_key(settings: Settings) -> bytes | None:
    """The key-encryption key; without one no personal data can be stored."""
    if settings.keys.encryption:
        return base64.b64decode(settings.keys.encryption.get_secret_value())
    return DEVELOPMENT_KEY if settings.auth.development else None

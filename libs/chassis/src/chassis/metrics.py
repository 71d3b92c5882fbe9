"""What Prometheus is told: what was counted since the start, and how things stand when it asks."""

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from time import monotonic
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from chassis.admission import Admission
from chassis.auth import bearer
from chassis.gate import problem_of
from chassis.health import age, consumer_health
from chassis.measured import Measured
from chassis.pace import Pace
from chassis.problems import MissingRole, Problem
from chassis.routes import serve
from chassis.runtime import Runtime
from engine import timers
from engine.meters import BOUNDS, Durations
from engine.standing import Lag

if TYPE_CHECKING:
    from engine.kafka.relay import Relayed

KEPT = 2.0
"""Seconds for which a look at the database answers everybody who asks."""
PATIENCE = 5.0
"""Seconds a look may take; then the store counts as down."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a service stands, as its database says: nothing of it is counted by events."""

    up: bool
    lags: Mapping[str, Lag] = field(default_factory=dict)
    stale: Mapping[str, bool] = field(default_factory=dict)
    broken_timers: int = 0
    relayed: "Relayed | None" = None
    """How far the log was published; None where nobody has to."""
    waiting: int = 0
    """Documents that wait for what they refer to, the oldest since `waits_since`."""
    waits_since: datetime | None = None


class State:
    """Looks at a service for whoever asks, once for all who ask within KEPT seconds."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.last = Look(up=False)
        self._until = 0.0
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Have `last` be of now, or nearly."""
        async with self._looking:
            if monotonic() >= self._until:
                self.last = await self._looked()
                self._until = monotonic() + KEPT

    async def _looked(self) -> Look:
        runtime = self.runtime
        try:
            async with asyncio.timeout(PATIENCE):
                broken = await timers.count_broken(runtime.database.pool)
                relayed = await runtime.relay.standing() if runtime.relay else None
                waiting = await runtime.inbox.backlog() if runtime.service.intake else (0, None)
                return Look(True, await runtime.lags(), await runtime.stale(), broken, relayed, *waiting)
        except Exception as error:
            problem_of(error)
            return Look(up=False)


class Services(Collector):
    """What is told of each service. `states` were looked at before."""

    def __init__(self, states: Sequence[State]) -> None:
        self._states = states

    def describe(self) -> Iterable[Metric]:
        """Nothing is looked at to be registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._counted()
        yield from self._consumers()
        yield from self._relays()
        yield from self._documents()
        yield from self._others()

    def _counted(self) -> Iterator[Metric]:
        took = HistogramMetricFamily(
            "kehu_append_seconds", "Time of an append until it is durable, waiting for others included.",
            labels=["service"],
        )  # fmt: skip
        events = CounterMetricFamily("kehu_appended_events", "Events stored by this process.", labels=["service"])
        commands = CounterMetricFamily(
            "kehu_commands", "What became of commands here: accepted, nothing, rejected, repeated, conflict, failed.",
            labels=["service", "outcome"],
        )  # fmt: skip
        for name, runtime in self._runtimes():
            appends = runtime.store.appends
            took.add_metric([name], buckets(appends.took), appends.took.seconds)
            events.add_metric([name], appends.events)
            for outcome, count in sorted(runtime.handler.outcomes.items()):
                commands.add_metric([name, outcome], count)
        yield from (took, events, commands)

    def _consumers(self) -> Iterator[Metric]:
        group = ["service", "group"]
        events = GaugeMetricFamily(
            "kehu_consumer_lag_events", "Events a consumer has yet to deal with, counted up to 10,000.", labels=group
        )
        seconds = GaugeMetricFamily("kehu_consumer_lag_seconds", "Age of the oldest of them.", labels=group)
        parked = GaugeMetricFamily(
            "kehu_consumer_parked_customers", "Customers whose events wait for a person.", labels=group
        )
        for state in self._states:
            for name, lag in sorted(state.last.lags.items()):
                labels, shown = [state.runtime.service.name, name], consumer_health(lag)
                events.add_metric(labels, shown.events)
                seconds.add_metric(labels, shown.seconds)
                parked.add_metric(labels, shown.parked)
        yield from (events, seconds, parked)

    def _relays(self) -> Iterator[Metric]:
        events = GaugeMetricFamily(
            "kehu_relay_lag_events", "Events that are stored and not yet published.", labels=["service"]
        )
        seconds = GaugeMetricFamily("kehu_relay_lag_seconds", "Age of the oldest of them.", labels=["service"])
        up = GaugeMetricFamily("kehu_relay_up", "1: some process publishes the log.", labels=["service"])
        sent = CounterMetricFamily("kehu_relay_sent", "Events sent by this process.", labels=["service", "topic"])
        for state in self._states:
            name, relay, relayed = state.runtime.service.name, state.runtime.relay, state.last.relayed
            if relayed is not None:
                events.add_metric([name], relayed.events)
                seconds.add_metric([name], age(relayed.since))
                up.add_metric([name], relayed.works)
            for topic, count in sorted(relay.sent.items()) if relay else ():
                sent.add_metric([name, topic], count)
        yield from (events, seconds, up, sent)

    def _documents(self) -> Iterator[Metric]:
        decided = CounterMetricFamily(
            "kehu_documents", "What this process decided about documents of the ERP: accepted, waiting, rejected.",
            labels=["service", "verdict"],
        )  # fmt: skip
        waiting = GaugeMetricFamily(
            "kehu_documents_waiting", "Documents that wait for what they refer to.", labels=["service"]
        )
        seconds = GaugeMetricFamily("kehu_documents_waiting_seconds", "Age of the oldest of them.", labels=["service"])
        for state in self._states:
            name, runtime, look = state.runtime.service.name, state.runtime, state.last
            for verdict, count in sorted(runtime.inbox.verdicts.items()):
                decided.add_metric([name, verdict], count)
            if look.up and runtime.service.intake:
                waiting.add_metric([name], look.waiting)
                seconds.add_metric([name], age(look.waits_since))
        yield from (decided, waiting, seconds)

    def _others(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("kehu_store_up", "1: the database answers.", labels=["service"])
        stale = GaugeMetricFamily(
            "kehu_view_stale", "1: what is read is of another version of the fold, or of another life of a store.",
            labels=["service", "view"],
        )  # fmt: skip
        broken = GaugeMetricFamily("kehu_broken_timers", "Due commands that wait for a person.", labels=["service"])
        worker = GaugeMetricFamily(
            "kehu_worker_up", "1: it runs in this process; 0: it failed or waits for a person.",
            labels=["service", "worker"],
        )  # fmt: skip
        streams = GaugeMetricFamily("kehu_event_streams", "Event streams that are open.", labels=["service"])
        for state in self._states:
            name, look = state.runtime.service.name, state.last
            up.add_metric([name], look.up)
            if look.up:
                broken.add_metric([name], look.broken_timers)
            for view, is_stale in look.stale.items():
                stale.add_metric([name, view], is_stale)
            for own, status in self._workers(state.runtime):
                worker.add_metric([name, own], status)
            streams.add_metric([name], state.runtime.streams)
        yield from (up, stale, broken, worker, streams)

    def _runtimes(self) -> Iterator[tuple[str, Runtime]]:
        return ((state.runtime.service.name, state.runtime) for state in self._states)

    @staticmethod
    def _workers(runtime: Runtime) -> Iterator[tuple[str, bool]]:
        status = runtime.supervisor.status() if runtime.supervisor else {}
        return ((name, worker.state == "running") for name, worker in status.items())


def buckets(took: Durations) -> list[tuple[str, float]]:
    """Durations as Prometheus counts them: how many took no longer than each bound."""
    return list(zip((*map(str, BOUNDS), "+Inf"), map(float, accumulate(took.counts)), strict=True))


class Metrics:
    """Everything one port tells of its services and of its process."""

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        self.registry = CollectorRegistry()
        self.measured = Measured(self.registry)
        self._states = [State(runtime) for runtime in runtimes]
        self.registry.register(Services(self._states))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    async def told(self, accept: str) -> tuple[bytes, str]:
        """All of it as of now, in the form that `accept` prefers, and its media type."""
        await asyncio.gather(*(state.look() for state in self._states))
        encode, media = choose_encoder(accept)
        return encode(self.registry), media


@dataclass(frozen=True, slots=True)
class Door:
    """Who may ask: with `token`, or as operations where there is an `admission`; where there is neither, anybody."""

    token: str | None
    admission: Admission | None
    pace: Pace | None = None

    async def pass_(self, authorization: str | None, address: str) -> None:
        """Raises the problem of one who may not."""
        shown = bearer(authorization)
        if self.token is not None and secrets.compare_digest((shown or "").encode(), self.token.encode()):
            return
        if self.admission is None and self.token is None:
            return
        if self.pace:
            self.pace.trying(address)
        try:
            principal = await (self.admission or NOBODY).principal(authorization)
        except Problem:
            if self.pace:
                self.pace.failed(address)
            raise
        if not principal.has("operations"):
            raise Problem(MissingRole(roles="operations"))


NOBODY = Admission({}, None)
router = APIRouter(tags=["health"])


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """The figures in Prometheus' text form, or as OpenMetrics."""
    state: Any = request.app.state
    address = request.client.host if request.client else ""
    await state.metrics_door.pass_(request.headers.get("authorization"), address)
    body, media = await state.metrics.told(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media})


def attach(app: FastAPI, runtimes: Sequence[Runtime], admission: Admission | None, pace: Pace | None) -> Metrics:
    """Give `app` the route `/metrics` over `runtimes`. Without `admission` (a worker's port) it asks for no role."""
    token = runtimes[0].settings.metrics.token if runtimes else None
    app.state.metrics = told = Metrics(runtimes)
    app.state.metrics_door = Door(token.get_secret_value() if token else None, admission, pace)
    serve(app, router)
    return told

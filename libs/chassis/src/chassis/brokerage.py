"""What operations see of Kafka and do there: how far a log was published, whether the topics are right."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from chassis.buses import layout
from chassis.context import Who, allowed
from chassis.deadtopics import customers_in
from chassis.once import DoOnce
from chassis.parameters import Position
from chassis.problems import Fault, Problem
from chassis.routes import Routes
from chassis.runtime import Runtime
from chassis.workers import replayers
from engine import clock, deadletters
from engine.faults import Halted

if TYPE_CHECKING:
    from engine.kafka.relay import Relay
    from engine.kafka.upkeep import Found

MOST_COUNTED = 1_000
log = logging.getLogger("kehu.ops")
router = Routes(prefix="/ops", tags=["operations"], dependencies=[allowed("operations")])


class NoBroker(Fault):
    """This Kehu runs without Kafka: nothing is relayed and there are no topics (KEHU_BUS__KIND=kafka)."""

    zh = "本系统未使用 Kafka：没有转发，也没有主题（KEHU_BUS__KIND=kafka）。"
    status = 409


class BrokerAway(Fault):
    """Kafka cannot be reached, or refuses us: {reason}."""

    zh = "无法连接 Kafka，或被拒绝：{reason}。"
    status = 503


class WrongTopic(Fault):
    """Topics are not as they have to be: {reason}."""

    zh = "主题与要求不符：{reason}。"
    status = 409


class RelayState(BaseModel):
    """How far the log of this service was published; all but `bus` are empty where it needs no publishing."""

    bus: Literal["table", "kafka"]
    position: int | None = Field(default=None, description="Published up to here.")
    head: int | None = Field(default=None, description="The last position of the log.")
    events: int | None = Field(default=None, description="Events that wait.")
    seconds: float | None = Field(default=None, description="Age of the oldest that waits.")
    sent: int | None = Field(default=None, description="Events sent since ever; those sent again count again.")
    works: bool | None = Field(default=None, description="Whether a process has the task now.")
    moved_at: datetime | None = Field(default=None, description="When the position moved last.")


class Resend(BaseModel):
    """Everything above position `after` is published again, with the states of whom it is about.

    Consumers know by its position what they have seen.
    """

    after: Position = Field(examples=[0])
    dry_run: bool = Field(default=False, description="Only say how many events that would be.")


class Resent(BaseModel):
    """How many events are published again."""

    after: int
    events: int
    dry_run: bool


class FromTopic(BaseModel):
    """Which topic of dead letters."""

    topic: str = Field(min_length=1, max_length=249, examples=["kehu.credit.events.v1.credit.view.accounts.dlq"])
    dry_run: bool = Field(default=False, description="Only say what would be tried again.")


class ReplayedCustomer(BaseModel):
    """`waiting` letters there were (counted up to 1,000); `replayed` None: it failed again, all stay parked."""

    group: str
    customer: str
    waiting: int
    replayed: int | None


class Replayed(BaseModel):
    """What became of each customer the topic tells of."""

    dry_run: bool
    customers: list[ReplayedCustomer]


class TopicState(BaseModel):
    """A topic. `wrong`: its number of partitions, which nobody may change in place; `differs`: its settings do."""

    name: str
    state: Literal["right", "missing", "wrong", "differs"]
    partitions: int
    wanted: int = Field(description="Partitions it has to have.")
    copies: int = Field(description="Replicas of a partition.")
    settings: dict[str, str] = Field(description="As they have to be.")
    differs: dict[str, str] = Field(description="Of those that differ: as they are.")


class Applied(BaseModel):
    """The topics that were made or put right; with `dry_run` those that would be."""

    dry_run: bool
    topics: list[TopicState]


class Apply(BaseModel):
    """Make missing topics, put settings right."""

    dry_run: bool = Field(default=False, description="Only say what would be done.")


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def _relay(runtime: Runtime) -> "Relay":
    if runtime.relay is None:
        raise Problem(NoBroker())
    return runtime.relay


@router.get("/relay", summary="How far the log of this service was published")
async def relay(request: Request) -> RelayState:
    """Read from the database: also while no broker answers."""
    runtime = _runtime(request)
    if runtime.relay is None:
        return RelayState(bus="table")
    found = await runtime.relay.standing()
    seconds = max((clock.now() - found.since).total_seconds(), 0.0) if found.since else 0.0
    return RelayState(
        bus="kafka", position=found.position, head=found.head, events=found.events, seconds=seconds, sent=found.sent,
        works=found.works, moved_at=found.moved_at,
    )  # fmt: skip


@router.post("/relay/resend", summary="Publish the log again, from a position on")
async def resend(request: Request, asked: Resend, principal: Who, once: DoOnce) -> Resent:
    """For a cluster that was lost or is new. Nobody folds anything twice."""
    runtime = _runtime(request)

    async def act() -> Resent:
        if runtime.relay is None and asked.dry_run:
            return Resent(after=asked.after, events=0, dry_run=True)
        relaying = _relay(runtime)
        before = await relaying.standing()
        after = min(asked.after, before.head)
        if not asked.dry_run:
            await runtime.resend(relaying, after)
            log.warning("%s has %s published again after %s", principal.id, runtime.service.name, after)
        return Resent(after=after, events=before.head - after, dry_run=asked.dry_run)

    return await once(Resent, act)


@router.post("/dead-letters/replay-topic", summary="Try again what a topic of dead letters tells of")
async def replay_topic(request: Request, asked: FromTopic, once: DoOnce) -> Replayed:
    """Customer by customer, each all or none; letters that were dealt with since are none any more."""
    runtime = _runtime(request)

    async def act() -> Replayed:
        if runtime.relay is None and asked.dry_run:
            return Replayed(dry_run=True, customers=[])
        _relay(runtime)
        try:
            found = await customers_in(runtime, asked.topic)
        except OSError as away:
            raise Problem(BrokerAway(reason=str(away)), headers={"Retry-After": "5"}) from away
        return Replayed(
            dry_run=asked.dry_run, customers=[await _replayed(runtime, *who, asked.dry_run) for who in found]
        )

    return await once(Replayed, act)


async def _replayed(runtime: Runtime, group: str, customer: str, dry_run: bool) -> ReplayedCustomer:
    pool, worker = runtime.database.pool, replayers(runtime).get(group)
    waiting = len(await deadletters.letters(pool, group, customer, limit=MOST_COUNTED))
    done: int | None = 0
    if waiting and worker is not None and not dry_run:
        done = await deadletters.replay(pool, runtime.bus, runtime.serde, worker, customer)
    return ReplayedCustomer(group=group, customer=customer, waiting=waiting, replayed=done)


@router.get("/topics", summary="The topics of the cluster, as they are and as they have to be")
async def topics(request: Request) -> list[TopicState]:
    """One of each topic there is to be, so there are no pages; none where there is no Kafka."""
    return [_state(found) for found in await _looked(_runtime(request))]


@router.post("/topics/apply", summary="Make missing topics, put settings right")
async def apply(request: Request, asked: Apply, once: DoOnce) -> Applied:
    """A topic with another number of partitions is refused: a customer's messages would change theirs."""
    runtime = _runtime(request)

    async def act() -> Applied:
        found = [f for f in await _looked(runtime) if _state(f).state != "right"]
        if not asked.dry_run:
            _relay(runtime)
            await _applied(runtime)
        return Applied(dry_run=asked.dry_run, topics=[_state(f) for f in found])

    return await once(Applied, act)


async def _looked(runtime: Runtime) -> "list[Found]":
    if runtime.relay is None:
        return []
    from engine.kafka.upkeep import look  # noqa: PLC0415 - only those with a Kafka need it

    try:
        return await look(layout(runtime.settings.kafka))
    except OSError as away:
        raise Problem(BrokerAway(reason=str(away)), headers={"Retry-After": "5"}) from away


async def _applied(runtime: Runtime) -> None:
    from engine.kafka.upkeep import apply as put_right  # noqa: PLC0415 - as above

    try:
        await put_right(layout(runtime.settings.kafka))
    except Halted as wrong:
        raise Problem(WrongTopic(reason=str(wrong))) from wrong
    except OSError as away:
        raise Problem(BrokerAway(reason=str(away)), headers={"Retry-After": "5"}) from away


def _state(found: "Found") -> TopicState:
    topic = found.topic
    state: Literal["right", "missing", "wrong", "differs"] = "right"
    if found.wrong:
        state = "wrong"
    elif not found.parts:
        state = "missing"
    elif found.differs:
        state = "differs"
    return TopicState(
        name=topic.name, state=state, partitions=found.parts, wanted=topic.parts, copies=found.copies,
        settings=dict(topic.settings), differs={name: is_ for name, (is_, _) in found.differs.items()},
    )  # fmt: skip

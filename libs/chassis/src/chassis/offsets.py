"""Where the intake goes on reading the topics of the ERP: shown, and put back by a person."""

import logging
from typing import TYPE_CHECKING

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, Field

from chassis.brokerage import BrokerAway, NoBroker
from chassis.buses import access
from chassis.context import Who, allowed
from chassis.erp import group_of, topics_of
from chassis.once import DoOnce
from chassis.problems import Fault, Problem
from chassis.routes import Routes
from chassis.runtime import Runtime

if TYPE_CHECKING:
    from engine.kafka.access import Access
    from engine.kafka.offsets import Offset

log = logging.getLogger("kehu.ops")
router = Routes(prefix="/ops", tags=["operations"], dependencies=[allowed("operations")])


class NotResettable(Fault):
    """{group} keeps no place in Kafka. Views rebuild: kehu rebuild NAME. The intake can be put back: intake:SERVICE."""

    zh = "{group} 的位置不在 Kafka 中。视图请重建：kehu rebuild NAME。只有单据接收可以重置：intake:SERVICE。"
    status = 409


class OffsetState(BaseModel):
    """A part of a topic as a group has read it."""

    group: str
    topic: str
    part: int
    position: int | None = Field(description="Where the group goes on; None: it has read nothing yet.")
    end: int = Field(description="Where the next message will lie.")
    lag: int = Field(description="Messages that are kept and were not read.")


class Reset(BaseModel):
    """Have the group read again all that came since."""

    group: str = Field(max_length=200, examples=["intake:credit"])
    to_time: AwareDatetime = Field(examples=["2026-05-01T00:00:00Z"])
    dry_run: bool = Field(default=False, description="Only say what would be changed.")


class Moved(BaseModel):
    """A part whose position is changed."""

    topic: str
    part: int
    before: int | None
    after: int


class WasReset(BaseModel):
    """The parts whose positions were changed; with `dry_run` those that would be."""

    dry_run: bool
    moved: list[Moved]


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


@router.get("/offsets", summary="How far the intake has read the topics of the ERP")
async def offsets(request: Request) -> list[OffsetState]:
    """One of each part there is, so there are no pages; none without Kafka, or where no documents come in."""
    runtime = _runtime(request)
    if runtime.relay is None or not runtime.service.intake:
        return []
    into, group = access(runtime.settings.kafka), group_of(runtime)
    return [
        OffsetState(group=group, topic=o.topic, part=o.part, position=o.position, end=o.end, lag=o.lag)
        for o in await _shown(into, runtime)
    ]


@router.post("/offsets/reset", summary="Have the intake read again what came since a time")
async def reset(request: Request, asked: Reset, principal: Who, once: DoOnce) -> WasReset:
    """What was taken before stays what it is; what a restored database lacks is taken. For the intake only."""
    runtime = _runtime(request)

    async def act() -> WasReset:
        if asked.group != group_of(runtime):
            raise Problem(NotResettable(group=asked.group))
        if runtime.relay is None and not asked.dry_run:
            raise Problem(NoBroker())
        moved = await _moved(runtime, asked) if runtime.relay is not None and runtime.service.intake else []
        if not asked.dry_run:
            log.warning("%s put %s back to %s: %s parts", principal.id, asked.group, asked.to_time, len(moved))
        return WasReset(dry_run=asked.dry_run, moved=moved)

    return await once(WasReset, act)


def _names(into: "Access", runtime: Runtime) -> tuple[str, list[str]]:
    """The group and its topics as the cluster calls them."""
    from engine.kafka.messages import NAMED  # noqa: PLC0415 - only those with a Kafka need it

    return into.named(NAMED.format(group=group_of(runtime))), [into.named(topic) for topic in topics_of(runtime)]


async def _shown(into: "Access", runtime: Runtime) -> "list[Offset]":
    from engine.kafka.offsets import show  # noqa: PLC0415 - as above

    try:
        return await show(into, *_names(into, runtime))
    except OSError as away:
        raise Problem(BrokerAway(reason=str(away)), headers={"Retry-After": "5"}) from away


async def _moved(runtime: Runtime, asked: Reset) -> list[Moved]:
    from engine.kafka import offsets as kept  # noqa: PLC0415 - as above

    into = access(runtime.settings.kafka)
    group, topics = _names(into, runtime)
    before = {(o.topic, o.part): o.position for o in await _shown(into, runtime)}
    try:
        places = await kept.places(into, group, topics, asked.to_time)
        to = {at: offset for at, offset in places.items() if before.get((at.topic, at.partition)) != offset}
        if to and not asked.dry_run:
            await kept.reset(into, group, to)
    except OSError as away:
        raise Problem(BrokerAway(reason=str(away)), headers={"Retry-After": "5"}) from away
    return [
        Moved(topic=at.topic, part=at.partition, before=before.get((at.topic, at.partition)), after=offset)
        for at, offset in sorted(to.items())
    ]

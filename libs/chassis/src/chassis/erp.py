"""The intake by topic: documents come in on ``erp.*``, receipts go out on ``kehu.erp.receipts.v1``."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from chassis import cloudevents
from chassis.auth import Principal
from chassis.cloudevents import Message, NoMessage
from chassis.intake import TOO_MANY, Sender, Taken, passes
from chassis.problems import (
    Fault,
    InitialLoadOver,
    InvalidMessage,
    Malformed,
    OtherBody,
    Problem,
    TooLarge,
    Undecidable,
)
from chassis.receipts import Receipt, receipt_of, refusal
from chassis.runtime import Runtime
from engine import ids
from engine.faults import Halted, Lost, described
from engine.inbox import Entry
from engine.lifecycle import unless_stopped
from engine.personal import holds_personal
from engine.topics import Message as Answer
from engine.topics import Reading, Record, following
from events.envelope import Origin
from events.topics import RECEIPTS

ERP = Principal("erp", frozenset({"integration"}))
"""Whoever may write to a topic of the ERP: the broker decides who that is."""
AT_ONCE = 1_000
WAIT = 0.5
"""Seconds to wait for a record before looking whether to stop; between two looks for verdicts to be told."""
SWEEP = 60.0
log = logging.getLogger("kehu.erp")


@dataclass(slots=True)
class Feeder:
    """Takes what comes in the service's ``erp.*`` topics through its intake, in order, and then commits the offsets.

    A record that comes again is known by its message, so nothing is decided twice. What is decided is answered by
    `Answers`; what never reaches the inbox (duplicates, no messages at all) is answered here.
    """

    runtime: Runtime
    _failed: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        return group_of(self.runtime)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Halted when one document after the other fails on our side."""
        runtime, member = self.runtime, self.runtime.settings.work.member
        await runtime.topics.publish(RECEIPTS, ())  # who waits for receipts finds their topic before the first one
        while not stop.is_set():
            reading = await runtime.topics.read(self.name, topics_of(runtime), member)
            try:
                while not stop.is_set():
                    await self.step(reading)
            except Lost as lost:
                log.info("%s", lost)
            finally:
                with contextlib.suppress(OSError):
                    await reading.close()

    async def step(self, reading: Reading) -> None:
        """Deal with the next records."""
        records = await reading.fetch(AT_ONCE, WAIT)
        if records:
            await self.runtime.topics.publish(RECEIPTS, await self.take(records))
            await reading.commit(following(records))

    async def take(self, records: Sequence[Record]) -> list[Answer]:
        """Have the records decided; the receipts nobody else gives."""
        answers: list[Answer] = []
        messages: list[Message] = []
        for record in records:
            found = self._message(record)
            if isinstance(found, Message):
                messages.append(found)
            else:
                answers.append(told(self.runtime, found, record.key, record.place))
        for origin, some in groupby(messages, attrgetter("origin")):
            answers += await self._answered(origin, list(some))
        return answers

    async def _answered(self, origin: Origin, messages: Sequence[Message]) -> list[Answer]:
        if origin == "initial_load" and await self.runtime.went_live():
            return [self._over(message) for message in messages]
        answers: list[Answer] = []
        for message, taken in zip(messages, await self._decided(messages, origin), strict=True):
            if taken.duplicate or taken.entry.rule == OtherBody.code():
                receipt = receipt_of(self.runtime, taken).model_copy(update={"record": message.came})
                answers.append(told(self.runtime, receipt, key_of(taken.entry), message.came))
        return answers

    def _over(self, message: Message) -> Answer:
        named = {"source": message.source, "id": message.id}
        receipt = refusal(InitialLoadOver(), record=message.came).model_copy(update=named)
        return told(self.runtime, receipt, f"{message.source}/{message.id}".encode(), message.came)

    def _message(self, record: Record) -> Message | Receipt:
        limit = self.runtime.settings.http.largest_document
        try:
            if len(record.value) > limit:
                raise Problem(TooLarge(limit=limit))
            return cloudevents.of_record(record)
        except NoMessage as reason:
            return refusal(InvalidMessage(reason=str(reason)), record=record.place)
        except Problem as problem:
            rule = problem.rule if isinstance(problem.rule, Fault) else Malformed()
            return refusal(rule, record=record.place)

    async def _decided(self, messages: Sequence[Message], origin: Origin) -> list[Taken]:
        """What became of each. Raises Halted where one after the other fails on our side."""
        try:
            taken = await self.runtime.intake.take(messages, Sender(ERP, ids.new(), origin=origin))
        except Exception as error:
            if passes(error):
                raise
            raise Halted(f"{TOO_MANY} documents and more cannot be decided, the first: {described(error)}") from error
        for one in taken:
            self._failed = self._failed + 1 if one.entry.rule == Undecidable.code() else 0
            if self._failed >= TOO_MANY:
                raise Halted(f"{TOO_MANY} documents in a row cannot be decided, last {one.entry.came}")
        return taken


@dataclass(slots=True)
class Answers:
    """Tells the senders of documents that came by topic what became of them: at once, or when they have waited."""

    runtime: Runtime

    @property
    def name(self) -> str:
        return "receipts"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            if await self.runtime.inbox.answer(self.give, AT_ONCE) < AT_ONCE:
                await unless_stopped(stop, asyncio.sleep(WAIT))

    async def give(self, entries: Sequence[Entry]) -> None:
        """Publish the receipts of these verdicts."""
        receipts = [(receipt_of(self.runtime, Taken(e)), e) for e in entries]
        answers = [told(self.runtime, receipt, key_of(e), e.source, e.id, e.attempt) for receipt, e in receipts]
        await self.runtime.topics.publish(RECEIPTS, answers)


@dataclass(slots=True)
class Sweeper:
    """Removes what was read: documents that hold data of persons at once, others after a while."""

    runtime: Runtime

    @property
    def name(self) -> str:
        return "sweeper"

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        pause, personal = 1.0, [d.topic for d in self.runtime.service.intake if holds_personal(d)]
        while not stop.is_set():
            await self.runtime.topics.sweep(timedelta(0), personal)
            await self.runtime.topics.sweep(self.runtime.settings.intake.keep)
            await unless_stopped(stop, asyncio.sleep(pause))
            pause = min(2 * pause, SWEEP)  # at the start often: who reads what is yet to be known


def group_of(runtime: Runtime) -> str:
    """The group in which a service reads them."""
    return f"intake:{runtime.service.name}"


def topics_of(runtime: Runtime) -> list[str]:
    """The topics a service takes documents from."""
    return sorted({document.topic for document in runtime.service.intake})


def key_of(entry: Entry) -> bytes:
    """Receipts about one customer stay in order."""
    return (entry.customer or f"{entry.source}/{entry.id}").encode()


def told(runtime: Runtime, receipt: Receipt, key: bytes | None, *name: object) -> Answer:
    """A receipt as a binary CloudEvent; given twice it has the same id."""
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": str(ids.named("receipt", runtime.service.name, *name)),
        "ce_source": f"/kehu/{runtime.service.name}",
        "ce_type": "kehu.Receipt.v1",
    }
    value = receipt.model_dump_json(exclude_none=True).encode()
    return Answer(key, value, tuple((n, v.encode()) for n, v in headers.items()))

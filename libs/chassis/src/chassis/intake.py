"""Documents of the ERP: each message decided once, and answered with what became of it."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any, Literal, Protocol
from uuid import UUID

import orjson
from pydantic import ValidationError

from chassis.auth import Principal
from chassis.cloudevents import Message
from chassis.problems import (
    Defect,
    InvalidDocument,
    OtherBody,
    Undecidable,
    UnknownType,
    UnknownVersion,
    WaitedTooLong,
    defects,
)
from chassis.saying import read_in_part, told_by
from chassis.service import ToCommands
from chassis.settings import Intake as IntakeSettings
from engine import ids
from engine.decider import Actor, Command, Rejected, Waits
from engine.faults import described, is_transient
from engine.handle import KEY_REUSED, Asked
from engine.inbox import Entry, Inbox, Waiting
from engine.personal import holds_personal
from engine.ports import Conflict, Meta, StoreFailed, Verdict
from engine.tracing import TRACES, Span, Tracer
from events.envelope import Origin
from events.erp import Document

MOST_DEFECTS = 20
TOO_MANY = 10
"""Documents of a request that failed on our side before it is no matter of the documents any more."""

NUL = Defect(pointer="", message="a text holds the character U+0000, which cannot be stored")

log = logging.getLogger("kehu.intake")


def passes(error: BaseException) -> bool:
    """Whether it may go well the next time: the store is away or busy, not refusing what is in a document."""
    if isinstance(error, StoreFailed):
        return error.__cause__ is None or passes(error.__cause__)
    return isinstance(error, Conflict) or is_transient(error)


class Decides(Protocol):
    """What the intake needs of the engine."""

    async def handle_many(self, asked: Sequence[Asked]) -> list[Verdict]: ...
    async def handle_each(self, asked: Sequence[Asked]) -> list[Verdict | BaseException]: ...


@dataclass(frozen=True)
class Sender:
    """Who sent a request to the intake, and how it is to be understood."""

    principal: Principal
    correlation: UUID
    traceparent: str | None = None
    origin: Origin = "live"

    @cached_property
    def actor(self) -> Actor:
        """Who asks, as rules see it."""
        return self.principal.actor()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message."""

    entry: Entry
    duplicate: bool = False

    @property
    def verdict(self) -> Literal["accepted", "duplicate", "waiting", "rejected"]:
        return "duplicate" if self.duplicate else self.entry.verdict


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message on its way to a decision."""

    message: Message
    attempt: int
    sender: Sender
    document: Document
    commands: Sequence[Command]
    waited: float = 0.0
    broken: Exception | None = None
    """What kept it from becoming commands, a fault of ours."""

    @property
    def correlation(self) -> UUID:
        """That of the request, or one of the record's own."""
        return ids.named("record", self.message.came) if self.message.came else self.sender.correlation

    @property
    def traceparent(self) -> str | None:
        return self.message.traceparent or self.sender.traceparent

    @property
    def plain(self) -> bool:
        """Whether it is one command."""
        return len(self.commands) == 1

    def asked(self) -> list[Asked]:
        message, sender = self.message, self.sender
        recorded = message.recorded if sender.origin == "initial_load" else None
        trace = self.traceparent
        meta = Meta(sender.principal.id, self.correlation, None, trace, sender.origin, recorded)
        ids_ = [command_id(message, self.attempt, n) for n in range(len(self.commands))]
        return [Asked(c, i, meta, sender.actor, said=message.digest) for c, i in zip(self.commands, ids_, strict=True)]

    def entry(self, verdict: Literal["accepted", "waiting", "rejected"], **more: Any) -> Entry:
        told = told_by(self.document, self.message.sequence)
        return _entry(self.message, self.attempt, verdict, self.document.about, told=told, **more)


def command_id(message: Message, attempt: int, n: int) -> UUID:
    """The id of command `n` of a message: the same at every delivery, another one when it is decided anew."""
    suffix = [attempt, n] if attempt or n else []
    return ids.named("erp", message.source, message.id, *suffix)


@dataclass
class Intake:
    """The intake of one service. `rules` finds the class of a rule by its code."""

    decides: Decides
    inbox: Inbox
    takes: Mapping[type[Document], ToCommands]
    rules: Mapping[str, type[Rejected]]
    settings: IntakeSettings
    _types: Mapping[str, type[Document]] = field(init=False)

    def __post_init__(self) -> None:
        self._types = {document.type: document for document in self.takes}

    async def take(self, messages: Sequence[Message], sender: Sender) -> list[Taken]:
        """What became of each message, in their order; those of one customer are decided in their order.

        Raises StoreFailed or Conflict where some could not be decided; sent again, the others are duplicates then.
        """
        if TRACES.tracer is None:
            return await self._take(messages, sender)
        spans = [self._span(TRACES.tracer, message, sender) for message in messages]
        traced = [m._replace(traceparent=span.traceparent) for m, span in zip(messages, spans, strict=True)]
        taken: list[Taken] = []
        try:
            taken = await self._take(traced, sender)
            return taken
        finally:
            for n, span in enumerate(spans):
                span.end({"kehu.verdict": taken[n].verdict if taken else "failed"})

    def _span(self, tracer: Tracer, message: Message, sender: Sender) -> Span:
        topic = {"messaging.destination.name": message.came.partition("/")[0]} if message.came else {}
        kind = {"kehu.document": message.type} if message.type in self._types else {}
        return tracer.begin("take in", message.traceparent or sender.traceparent, {**kind, **topic}, "consumer")

    async def _take(self, messages: Sequence[Message], sender: Sender) -> list[Taken]:
        taken: dict[int, Taken] = {}
        for turn in _turns(messages):
            taken |= await self._turn(turn, sender)
        return [taken[n] for n in range(len(messages))]

    async def retry(self, waiting: Sequence[Waiting]) -> None:
        """Decide anew about documents that wait."""
        drafts: dict[int, _Draft] = {}
        settled: list[Entry] = []
        for n, w in enumerate(waiting):
            draft = self._draft(_message(w), w.attempt + 1, _sender(w), w.waited)
            if isinstance(draft, Entry):
                settled.append(draft)
            else:
                drafts[n] = draft
        await self.inbox.record(settled, [])
        await self._decide(drafts)

    async def _turn(self, turn: Mapping[int, Message], sender: Sender) -> dict[int, Taken]:
        known = await self.inbox.known([m.key for m in turn.values()])
        taken: dict[int, Taken] = {}
        drafts: dict[int, _Draft] = {}
        for n, message in turn.items():
            found = self._known(message, known.get(message.key)) or self._fresh(message, known.get(message.key), sender)
            if isinstance(found, Taken):
                taken[n] = found
            else:
                drafts[n] = found
        conflicts = [t.entry.key for t in taken.values() if not t.entry.receipt and t.entry.rule == OtherBody.code()]
        await self.inbox.count([t.entry.key for t in taken.values() if t.duplicate], conflicts)
        refused = [t.entry for t in taken.values() if not t.entry.receipt and t.entry.rule != OtherBody.code()]
        await self.inbox.record(refused, [])
        decided = await self._decide(drafts)
        return taken | {n: Taken(entry) for n, entry in decided.items()}

    def _known(self, message: Message, before: Entry | None) -> Taken | None:
        """The answer where the message was taken before and stands; None where it is to be decided.

        A record that is read again, because we died before its offset was committed, is no duplicate.
        """
        same = before is not None and before.digest == message.digest
        again = same and before is not None and message.came is not None and message.came == before.came
        if before is None or (before.verdict == "rejected" and not again):
            return None
        if same:
            return Taken(before, duplicate=not again)
        return Taken(_refused(message, before.attempt, OtherBody(), before.customer))

    def _fresh(self, message: Message, before: Entry | None, sender: Sender) -> "Taken | _Draft":
        attempt = before.attempt + 1 if before else 0
        draft = self._draft(message, attempt, sender)
        return Taken(draft) if isinstance(draft, Entry) else draft

    def _draft(self, message: Message, attempt: int, sender: Sender, waited: float = 0.0) -> "_Draft | Entry":
        """The message as commands, or the entry that refuses it."""
        document = self._types.get(message.type)
        if document is None:
            return _refused(message, attempt, self._unknown(message.type))
        if message.nul:
            return _refused(message, attempt, InvalidDocument(type=message.type, errors=[NUL.model_dump()]))
        try:
            read = document.model_validate(message.data)
        except ValidationError as error:
            found = [d.model_dump() for d in defects(error.errors(include_input=False))[:MOST_DEFECTS]]
            entry = _refused(message, attempt, InvalidDocument(type=message.type, errors=found))
            customer, told = read_in_part(document, message.data, message.sequence)
            return entry._replace(customer=customer, told=told)
        try:
            asked = self.takes[document](read)
        except Rejected as rule:
            return _refused(message, attempt, rule)._replace(customer=read.about, told=told_by(read, message.sequence))
        except Exception as error:
            return _Draft(message, attempt, sender, read, (), waited, error)
        return _Draft(message, attempt, sender, read, [asked] if isinstance(asked, Command) else list(asked), waited)

    def _unknown(self, kind: str) -> Rejected:
        name = kind.rpartition(".v")[0]
        known = [t for t in self._types if t.rpartition(".v")[0] == name]
        return UnknownVersion(type=kind, known=", ".join(known)) if known else UnknownType(type=kind)

    async def _decide(self, drafts: Mapping[int, _Draft]) -> dict[int, Entry]:
        """Decide: those of different customers together, those of one customer in order. Keeps what was decided.

        Where one breaks, it and those that shared its streams are decided one at a time. Raises what passes by itself,
        and what TOO_MANY broke with: that is no fault of theirs.
        """
        found = await self._decided(drafts)
        entries = {n: made for n, made in found.items() if isinstance(made, Entry)}
        await self._record(entries, drafts)
        broken = {n: made for n, made in found.items() if isinstance(made, BaseException)}
        for error in broken.values():
            if passes(error):
                raise error
        return entries | await self._one_at_a_time({n: drafts[n] for n in sorted(broken)})

    async def _decided(self, drafts: Mapping[int, _Draft]) -> dict[int, Entry | BaseException]:
        lanes: defaultdict[str, list[int]] = defaultdict(list)
        for n, draft in drafts.items():
            lanes[draft.document.about or ""].append(n)
        plain = [n for lane in lanes.values() if all(drafts[n].plain for n in lane) for n in lane]
        others = [lane for lane in lanes.values() if not all(drafts[n].plain for n in lane)]
        done = await asyncio.gather(
            self._together([drafts[n] for n in plain]), *(self._in_turn([drafts[n] for n in lane]) for lane in others)
        )
        numbered = zip([*plain, *chain(*others)], chain(*done), strict=True)
        return {n: made if isinstance(made, BaseException) else self._entry(drafts[n], made) for n, made in numbered}

    async def _one_at_a_time(self, drafts: Mapping[int, _Draft]) -> dict[int, Entry]:
        """What breaks now is refused as undecidable."""
        entries: dict[int, Entry] = {}
        refused: dict[int, Entry] = {}
        for n, draft in drafts.items():
            made = await self._one_by_one(draft)
            if not isinstance(made, BaseException):
                entries[n] = self._entry(draft, made)
            elif passes(made) or len(refused) + 1 >= TOO_MANY:
                await self._record(entries, drafts)
                raise made
            else:
                log.error("%s %s cannot be decided: %s", draft.message.type, draft.message.key, described(made))
                refused[n] = draft.entry("rejected", rule=Undecidable.code())
        entries |= refused
        await self._record(entries, drafts)
        return entries

    async def _record(self, entries: Mapping[int, Entry], drafts: Mapping[int, _Draft]) -> None:
        waiting = [_waiting(drafts[n]) for n, entry in entries.items() if entry.verdict == "waiting"]
        await self.inbox.record(list(entries.values()), waiting)

    async def _together(self, drafts: Sequence[_Draft]) -> Sequence[Verdict | BaseException | None]:
        try:
            return await self.decides.handle_each([asked for d in drafts for asked in d.asked()])
        except Exception as error:
            return [error] * len(drafts)

    async def _in_turn(self, drafts: Sequence[_Draft]) -> Sequence[Verdict | BaseException | None]:
        """Some are several commands: none is decided where the one before it failed."""
        found: list[Verdict | BaseException | None] = []
        for draft in drafts:
            failed = found[-1] if found and isinstance(found[-1], BaseException) else None
            found.append(failed or await self._one_by_one(draft))
        return found

    async def _one_by_one(self, draft: _Draft) -> Verdict | BaseException | None:
        """The verdict on a document of several commands: the first refusal, else the last of them."""
        if draft.broken is not None:
            return draft.broken
        verdict: Verdict | None = None
        for asked in draft.asked():
            try:
                (verdict,) = await self.decides.handle_many([asked])
            except Exception as error:
                return error
            if verdict.outcome == "rejected":
                break
        return verdict

    def _entry(self, draft: _Draft, verdict: Verdict | None) -> Entry:
        if verdict is None or verdict.outcome != "rejected":
            return draft.entry("accepted", position=verdict.positions[1] if verdict and verdict.positions else None)
        code, params = verdict.rule or "", dict(verdict.params or {})
        if code == KEY_REUSED:
            return draft.entry("rejected", rule=OtherBody.code())
        if not issubclass(self.rules.get(code, Rejected), Waits) or holds_personal(type(draft.document)):
            return draft.entry("rejected", rule=code, params=params)
        if draft.waited > self.settings.wait.total_seconds():
            late = WaitedTooLong(days=self.settings.wait.days, reason=code)
            return draft.entry("rejected", rule=late.code(), params=late.params)
        return draft.entry("waiting", rule=code, params=params)


def _turns(messages: Sequence[Message]) -> Iterable[dict[int, Message]]:
    """The messages so that none stands twice in a turn: a repetition in a batch is answered after the first."""
    turns: list[dict[int, Message]] = []
    seen: defaultdict[tuple[str, str], int] = defaultdict(int)
    for n, message in enumerate(messages):
        turn = seen[message.key]
        seen[message.key] += 1
        if turn == len(turns):
            turns.append({})
        turns[turn][n] = message
    return turns


def _entry(
    message: Message,
    attempt: int,
    verdict: Literal["accepted", "waiting", "rejected"],
    customer: str | None,
    **more: Any,
) -> Entry:
    return Entry(
        message.source, message.id, message.type, customer, message.digest, attempt, verdict, came=message.came, **more
    )


def _refused(message: Message, attempt: int, rule: Rejected, customer: str | None = None) -> Entry:
    return _entry(message, attempt, "rejected", customer, rule=rule.code(), params=rule.params)


def _waiting(draft: _Draft) -> Waiting:
    m, sender = draft.message, draft.sender
    meta = {
        "actor": sender.principal.id,
        "roles": sorted(sender.principal.roles),
        "correlation": str(draft.correlation),
        "traceparent": draft.traceparent,
        "origin": sender.origin,
        "recorded": m.recorded.isoformat() if m.recorded else None,
    }
    data = orjson.dumps(m.data, default=str).decode()
    return Waiting(m.source, m.id, m.type, draft.document.about, data, meta, draft.attempt, m.digest)


def _message(waiting: Waiting) -> Message:
    recorded = waiting.meta["recorded"]
    instant = datetime.fromisoformat(recorded) if recorded else None
    return Message(waiting.source, waiting.id, waiting.type, orjson.loads(waiting.data), instant, waiting.digest)


def _sender(waiting: Waiting) -> Sender:
    meta = waiting.meta
    principal = Principal(str(meta["actor"]), frozenset(meta["roles"]))
    return Sender(principal, UUID(str(meta["correlation"])), meta["traceparent"], meta["origin"])

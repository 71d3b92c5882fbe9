"""One append in the making: commands decided one after the other, each on the states the one before it left. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from engine.cache import Folded
from engine.decider import Actor, Command, Decider, Decision, Facts, Ref, Rejected, StaleFacts, States
from engine.ports import Append, Appended, Meta, NewEvent, Verdict
from events.base import Event

KEY_REUSED = "key-reused"
"""The rule that refuses a command id that came before with another command."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command on its way. `id` makes it the one it is; `expected` (If-Match) is the first named stream's version.

    `opened` is a business day whoever asks has seen open: it is decided on that day or a later one. `said` is the
    digest of what was asked, where whoever asks has one of its own.
    """

    command: Command
    id: UUID
    meta: Meta
    actor: Actor
    expected: int | None = None
    opened: date | None = None
    said: bytes | None = None

    def digest(self) -> bytes:
        """What this command says, in 32 bytes: the same id with another digest is refused."""
        if self.said is not None:
            return self.said
        body = orjson.dumps(self.command.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return sha256(type(self.command).__name__.encode() + b"\0" + body).digest()


class Planned(NamedTuple):
    """A command with what its decision needs. `asks`: the views have yet to be asked for its facts."""

    asked: Asked
    decider: Decider[Any]
    facts: Facts
    refs: Sequence[Ref[Any]]
    asks: bool = False


def plan(asked: Asked, decider: Decider[Any], facts: Facts, *, asks: bool = False) -> Planned:
    """`asked` on these facts. Where `streams` refuses no stream is needed: the run says so in the verdict."""
    try:
        refs = decider.streams(asked.command, facts)
    except Rejected:
        refs = ()
    return Planned(asked, decider, facts, refs, asks)


class WrongVersion(Exception):
    """If-Match does not hold on the state at hand."""


class Run:
    """Collects what commands came to. Every stream they named is expected at the version it was loaded at."""

    def __init__(self, loaded: Mapping[str, Folded]) -> None:
        self._loaded = dict(loaded)
        self.folded = dict(loaded)
        self.refs: dict[str, Ref[Any]] = {}
        self._events: list[NewEvent] = []
        self._of_type: dict[tuple[type[Event], str | None], list[Event]] = {}
        self._verdicts: list[Verdict] = []
        self._metas: list[Meta] = []

    def __len__(self) -> int:
        return len(self._verdicts)

    def decide(self, planned: Planned) -> None:
        """Decide one more command. Raises StaleFacts and WrongVersion, and then the run is as it was before."""
        asked, refs = planned.asked, dict[str, Ref[Any]]()
        try:
            facts = self._carried(planned)
            named = planned.refs if facts is planned.facts and planned.refs else self._named(planned, facts)
            if asked.expected is not None and named and self.folded[named[0].stream].version != asked.expected:
                raise WrongVersion
            refs = {ref.stream: ref for ref in named}
            states = States({stream: self.folded[stream].state for stream in refs})
            decision = planned.decider.decide(asked.command, states, facts)
        except Rejected as refusal:
            params = plain(refusal.params)
            verdict = Verdict(asked.id, "rejected", asked.digest(), refusal.code(), params)
        else:
            verdict = self._apply(planned, refs, decision)
        self.refs |= refs
        self._verdicts.append(verdict)
        self._metas.append(asked.meta)

    def load(self, more: Mapping[str, Folded]) -> None:
        """States of further streams, as yet named by none of the commands decided."""
        self._loaded |= more
        self.folded |= more

    def loaded_at(self, stream: str) -> int:
        """The version a stream had before the run."""
        return self._loaded[stream].version

    def append(self) -> Append:
        """What is to be stored."""
        expected = {stream: self._loaded[stream].version for stream in self.refs}
        return Append(expected, self._events, self._metas[0], self._verdicts)

    def verdicts(self, appended: Appended) -> list[Verdict]:
        """The verdicts in the order of the commands, with their positions in the log."""
        base = appended.first - 1
        return [
            replace(v, positions=(base + v.positions[0], base + v.positions[1])) if v.positions else v
            for v in self._verdicts
        ]

    def _carried(self, planned: Planned) -> Facts:
        """The facts, with what the run itself came to."""
        candidates, facts = planned.decider.candidates, planned.facts
        if candidates is None:
            return facts
        about = candidates.about(planned.asked.command)
        heeded = [event for kind in candidates.heeds for event in self._of_type.get((kind, about), ())]
        carried: Facts = candidates.carried(facts, heeded) if heeded else facts
        return carried

    def _named(self, planned: Planned, facts: Facts) -> Sequence[Ref[Any]]:
        """What the command names on `facts`. Raises StaleFacts where that was not loaded."""
        named = planned.decider.streams(planned.asked.command, facts)
        if any(ref.stream not in self.folded for ref in named):
            raise StaleFacts
        return named

    def _apply(self, planned: Planned, refs: Mapping[str, Ref[Any]], decision: Decision) -> Verdict:
        asked, folded, events = planned.asked, self.folded, self._events
        after, first, meta = {stream: folded[stream] for stream in refs}, len(events) + 1, asked.meta
        made: list[NewEvent] = []
        today = learned_on(meta, planned.facts.today)
        for ref, event in decision:
            version, state = after[ref.stream]
            after[ref.stream] = Folded(version + 1, ref.aggregate.evolve(state, event))
            made.append(NewEvent(ref.stream, event, event.effective_on() or today, meta))
        folded |= after
        events += made
        for new in made:
            self._of_type.setdefault((type(new.event), new.event.about), []).append(new.event)
        reached = {stream: at.version for stream, at in after.items()}
        positions = (first, len(events)) if made else None
        return Verdict(asked.id, "accepted" if made else "nothing", asked.digest(), None, None, reached, positions)


def learned_on(meta: Meta, today: date) -> date:
    """When something happened that has no business date of its own: on the open day.

    Imported history happened when it was learned, on the day its sender says: today is when it is told again.
    """
    asserted = meta.asserted_recorded
    return today if asserted is None else min(asserted.date(), today)


def answered(stored: Verdict, digest: bytes) -> Verdict:
    """The answer to a repetition: the stored verdict, or a refusal where the command is another one."""
    if stored.digest == digest:
        return replace(stored, repeated=True)
    return Verdict(stored.command, "rejected", digest, KEY_REUSED, {})


def plain(value: Any) -> Any:
    """`value` in JSON's types: decimals and dates as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part) for part in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    return value

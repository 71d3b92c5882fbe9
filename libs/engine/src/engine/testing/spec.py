"""Given, when, then, for rules and for views, without any IO.

given([(invoice("4711"), issued)]).when(AllocateCash(...), facts, by=DECIDER).then([allocated])
given([...]).when(...).then_rejected(OverAllocation, open=Decimal("10"))
given([issued, allocated]).project(OPEN_ITEMS).expect([("C1", "4711", Decimal("0"))])
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.decider import Command, Decider, Facts, Ref, Rejected, States
from engine.ids import named, part_of
from engine.projection import Key, Ledger, Row, Rows, Totals, View
from events.base import COMPANY, Event
from events.envelope import Envelope, Origin

Happened = tuple[Ref[Any], Event]
Given = Event | Envelope[Any] | Happened
START = datetime(2026, 1, 1, tzinfo=UTC)
"""Recorded time of the first event where a specification names none; each later one comes a second after."""


def given(history: Sequence[Given] = ()) -> "History":
    """What happened before, oldest first: (ref, event) pairs for rules; events or envelopes for views."""
    return History(tuple(history))


@dataclass(frozen=True, slots=True)
class History:
    """What happened before."""

    items: tuple[Given, ...]

    def when(self, command: Command, facts: Facts, *, by: Decider[Any]) -> "Outcome":
        """Decide `command` on the states this history folds to."""
        refs = by.streams(command, facts)
        loaded = {ref.stream: ref.aggregate.fold(self._of(ref)) for ref in refs}
        try:
            decided = list(by.decide(command, States(loaded), facts))
        except Rejected as refusal:
            return Outcome((), refusal, by)
        for ref, event in decided:
            assert ref.stream in loaded, f"{ref.stream} was written but not named by streams()"
            loaded[ref.stream] = ref.aggregate.evolve(loaded[ref.stream], event)
        return Outcome(tuple(decided), None, by, loaded)

    def project(self, view: View) -> "Projected":
        """Fold the events `view` declares, in the order given."""
        envelopes = [_as_envelope(item, n) for n, item in enumerate(self.items, 1)]
        return Projected(view, tuple(project(view, envelopes)))

    def _of(self, ref: Ref[Any]) -> list[Event]:
        pairs = [item for item in self.items if not isinstance(item, Event | Envelope)]
        assert len(pairs) == len(self.items), "a rule's history is made of (ref, event) pairs"
        return [event for written, event in pairs if written.stream == ref.stream]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to; `states` by stream are those after the decision."""

    happened: tuple[Happened, ...]
    refusal: Rejected | None
    by: Decider[Any]
    states: Mapping[str, Any] | None = None

    @property
    def events(self) -> list[Event]:
        """What happened, without the streams."""
        assert self.refusal is None, f"rejected: {self.refusal!r} {self.refusal.params}"
        return [event for _, event in self.happened]

    def then(self, expected: Sequence[Event | Happened]) -> None:
        """Exactly these events, in this order; pairs compare the stream, too."""
        pairs = [(r.stream, e) for (r, _), e in zip(self.happened, self.events, strict=True)]
        assert len(pairs) == len(expected), f"{len(pairs)} events instead of {len(expected)}: {self.events}"
        for (stream, event), wanted in zip(pairs, expected, strict=True):
            assert event == (wanted[1] if isinstance(wanted, tuple) else wanted)
            assert not isinstance(wanted, tuple) or stream == wanted[0].stream

    def then_nothing(self) -> None:
        """There was nothing to do."""
        assert not self.events, f"something happened: {self.events}"

    def then_rejected(self, rule: type[Rejected], **params: object) -> None:
        """Refused by exactly this rule, which the decider lists; of its fields those named have these values."""
        assert self.refusal is not None, f"not rejected: {self.happened}"
        assert type(self.refusal) is rule, f"rejected by {self.refusal!r}"
        assert rule in self.by.rules, f"{rule.__name__} is not among the decider's rules"
        found = {name: self.refusal.params.get(name) for name in params}
        assert found == params


@dataclass(frozen=True, slots=True)
class Projected:
    """The rows of a view after a history: of a ledger in order of events, of others by key."""

    view: View
    rows: tuple[Row, ...]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        names = [c.name for c in self.view.table.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def expect(self, rows: Sequence[Row | Mapping[str, Any]]) -> None:
        """Exactly these rows; a row given as a mapping is compared in the columns it names."""
        assert len(self.rows) == len(rows), f"{len(self.rows)} rows instead of {len(rows)}: {self.records}"
        for row, record, wanted in zip(self.rows, self.records, rows, strict=True):
            found = {name: record[name] for name in wanted} if isinstance(wanted, Mapping) else row
            assert found == wanted


def envelope(
    event: Event,
    position: int = 1,
    *,
    stream: str = "",
    version: int = 1,
    effective: date | None = None,
    recorded: datetime | None = None,
    origin: Origin = "live",
    id: UUID | None = None,  # noqa: A002 - the envelope's own word
) -> Envelope[Any]:
    """`event` as the store would give it back at `position`; what is not named follows from the position."""
    at = recorded or START + timedelta(seconds=position)
    name = id or named("specification", position)
    return Envelope(
        id=name,
        type=event.type,
        schema_version=event.version,
        stream=stream or f"{event.context()}-{event.about or COMPANY}",
        version=version,
        position=position,
        part=part_for(event, stream),
        customer=event.about,
        company="kehu",
        effective=effective or event.effective_on() or at.date(),
        recorded=at,
        actor="specification",
        correlation=name,
        causation=None,
        traceparent=None,
        origin=origin,
        event=event,
    )


def part_for(event: Event, stream: str) -> int:
    """The part an event goes to: 0 for those about the company, else by customer, else by stream."""
    return 0 if event.context() == COMPANY else part_of(event.about or stream)


def project(view: View, envelopes: Iterable[Envelope[Any]]) -> list[Row]:
    """The rows of `view` after `envelopes`, folded one by one: the plainest reading of what a view means."""
    declared = [e for e in envelopes if isinstance(e.event, view.handles)]
    if isinstance(view, Ledger):
        return [tuple(row) for e in declared for row in view.fold(e)]
    if isinstance(view, Totals):
        return _totals(view, declared)
    assert isinstance(view, Rows), f"no kind of view: {view!r}"
    return _rows(view, declared)


def _totals(view: Totals, envelopes: Sequence[Envelope[Any]]) -> list[Row]:
    sums: dict[Key, tuple[Any, ...]] = {}
    for item in envelopes:
        for key, amounts in view.fold(item):
            present = sums.get(key)
            sums[key] = tuple(amounts) if present is None else tuple(map(_plus, present, amounts))
    return [(*key, *sums[key]) for key in sorted(sums, key=repr)]


def _plus(a: Any, b: Any) -> Any:
    return a + b


def _rows(view: Rows, envelopes: Sequence[Envelope[Any]]) -> list[Row]:
    rows: dict[Key, Row] = {}
    for item in envelopes:
        for key in view.keys(item):
            after = view.fold(key, rows.get(key), item)
            if after is None:
                rows.pop(key, None)
            else:
                rows[key] = after
    return [rows[key] for key in sorted(rows, key=repr)]


def _as_envelope(item: Given, position: int) -> Envelope[Any]:
    if isinstance(item, Envelope):
        return item
    if isinstance(item, Event):
        return envelope(item, position)
    return envelope(item[1], position, stream=item[0].stream)

"""Facts that are candidates: the states prove them, views are asked when they must be, a run remembers what it did."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from engine import ids
from engine.database import Connection, Database
from engine.decider import (
    Actor,
    Aggregate,
    Candidates,
    Command,
    Decider,
    Decision,
    Facts,
    Ref,
    Rejected,
    StaleFacts,
    States,
)
from engine.handle import Asked, Handler
from engine.ports import Conflict, Meta
from engine.serde import Serde
from engine.store import PostgresStore
from events.base import Event
from events.complaint import CauseAnalysed

TODAY = date(2026, 3, 1)


class Put(Command):
    """So much into a box of the customer."""

    customer: str
    box: str
    amount: int


class Empty(Command):
    """Everything out of all boxes of the customer, whichever these are."""

    customer: str


class Open(Command):
    """Refused before it is known which box is meant."""

    label: str


class NoSuchLabel(Rejected):
    """No box is labelled {label}."""


def evolve(state: Decimal, event: Event) -> Decimal:
    return state + Decimal(event.cause) if isinstance(event, CauseAnalysed) else state


BOX = Aggregate("box", Decimal(0), evolve)
TILL = Aggregate("till", Decimal(0), evolve)
"""What lies in all boxes of a customer."""


@dataclass(frozen=True, slots=True)
class Boxes(Facts):
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, base: Facts, known: tuple[str, ...] = ()) -> "Boxes":
        return cls(base.today, base.now, base.actor, base.initial_load, known)


def carried(facts: Boxes, events: Sequence[Any]) -> Boxes:
    return replace(facts, known=tuple(dict.fromkeys([*facts.known, *(e.complaint for e in events)])))


def about(command: Put | Empty) -> str:
    return command.customer


def streams(command: Put | Empty, facts: Boxes) -> list[Ref[Decimal]]:
    boxes = [command.box] if isinstance(command, Put) else facts.known
    return [TILL(command.customer), *map(BOX, boxes)]


def decide(command: Put | Empty, states: States, facts: Boxes) -> Decision:
    till = TILL(command.customer)
    if isinstance(command, Put):
        put = moved(command.customer, command.box, Decimal(command.amount))
        return [(BOX(command.box), put), (till, put)]
    found = {box: states[BOX(box)] for box in facts.known if states[BOX(box)]}
    if sum(found.values()) != states[till]:
        raise StaleFacts
    out = [(box, moved(command.customer, box, -amount)) for box, amount in found.items()]
    return [(ref, event) for box, event in out for ref in (BOX(box), till)]


def moved(customer: str, box: str, amount: Decimal) -> CauseAnalysed:
    """Any event will do that can carry an amount: here as text."""
    return CauseAnalysed(customer=customer, complaint=box, departments=("qa",), cause=str(amount))


def labelled(command: Open, facts: Facts) -> list[Ref[Decimal]]:
    if command.label == "none":
        raise NoSuchLabel(label=command.label)
    return [BOX(command.label)]


BOXES = Decider((Put, Empty), streams, decide, candidates=Candidates(Boxes.of, (CauseAnalysed,), about, carried))
OPENING: Decider[Facts] = Decider((Open,), labelled, lambda c, s, f: [], (NoSuchLabel,))


@dataclass(eq=False)
class View:
    """All boxes of a customer, as the log has them, `hidden` ones excepted; `asked` for so many commands at a time."""

    asked: list[int] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def __call__(self, commands: Sequence[Empty], base: Sequence[Facts], views: Connection) -> list[Boxes]:
        self.asked.append(len(commands))
        query = text("select distinct stream from events where customer = :customer and stream like 'box-%'")
        found = []
        for command, facts in zip(commands, base, strict=True):
            streams = (await views.execute(query, {"customer": command.customer})).scalars()
            boxes = [stream.removeprefix("box-") for stream in streams]
            found.append(Boxes.of(facts, tuple(sorted(b for b in boxes if b not in self.hidden))))
        self.hidden = self.hidden[:-1]
        for happens in self.meanwhile:
            await happens()
        self.meanwhile = []
        return found


async def today() -> date:
    return TODAY


@pytest.fixture
def view() -> View:
    return View()


@pytest.fixture
async def handler(store: PostgresStore, service: Database, view: View) -> AsyncIterator[Handler]:
    made = Handler(store, [BOXES, OPENING], {Empty: view}, service, today)
    yield made
    await made.close()


@pytest.fixture
async def another(service: Database) -> AsyncIterator[Handler]:
    """The handler of another process: another store and another memory on the same database."""
    second = PostgresStore(service, Serde(), "kehu")
    made = Handler(second, [BOXES], {Empty: View()}, service, today)
    yield made
    await made.close()
    await second.close()


def asked(command: Command, **more: Any) -> Asked:
    return Asked(command, ids.new(), Meta("lin", ids.new()), Actor("lin"), **more)


def put(box: str, amount: int = 10, customer: str = "C1") -> Asked:
    return asked(Put(customer=customer, box=box, amount=amount))


def empty(customer: str = "C1") -> Asked:
    return asked(Empty(customer=customer))


async def boxes(store: PostgresStore) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for e in await store.read_all(0, 1000):
        if e.stream.startswith("box-"):
            found[e.event.complaint] = evolve(found.get(e.event.complaint, Decimal(0)), e.event)
    return found


async def appends(store: PostgresStore) -> int:
    """Events of one append are recorded at the same instant, those of two never."""
    return len({e.recorded for e in await store.read_all(0, 1000)})


async def test_no_view_is_asked_where_the_states_show_that_nothing_is_missing(handler: Handler, view: View) -> None:
    assert (await handler.handle(empty())).outcome == "nothing"
    await handler.handle_many([put("K1"), empty(), empty("C2")])
    assert (await handler.handle(empty())).outcome == "nothing"
    assert view.asked == []


async def test_what_an_earlier_command_of_an_append_left_is_found_by_a_later_one(
    handler: Handler, store: PostgresStore, view: View
) -> None:
    verdicts = await handler.handle_many([put("K1"), put("K2"), empty(), put("K3"), empty()])
    assert [v.outcome for v in verdicts] == ["accepted"] * 5
    assert await boxes(store) == {"K1": 0, "K2": 0, "K3": 0}
    assert (await appends(store), view.asked) == (1, [])
    last = await store.verdict(verdicts[-1].command)
    assert last is not None
    assert last.streams == {"till-C1": 6, "box-K1": 2, "box-K2": 2, "box-K3": 2}


async def test_views_are_asked_once_for_all_commands_of_an_append(
    handler: Handler, another: Handler, store: PostgresStore, view: View
) -> None:
    await another.handle_many([put("K1"), put("K2")])
    verdicts = await handler.handle_many([put("K3"), empty(), put("K4"), empty(), put("K5"), empty()])
    assert [v.outcome for v in verdicts] == ["accepted"] * 6
    assert await boxes(store) == dict.fromkeys(["K1", "K2", "K3", "K4", "K5"], Decimal(0))
    assert (await appends(store), view.asked) == (2, [3])


async def test_a_view_that_lags_is_asked_again(handler: Handler, store: PostgresStore, view: View) -> None:
    await handler.handle(put("K1"))
    view.hidden = ["K1", "K1"]
    assert (await handler.handle(empty())).outcome == "accepted"
    assert await boxes(store) == {"K1": 0}
    assert len(view.asked) == 3


async def test_candidates_that_another_process_adds_meanwhile_are_not_left_out(
    handler: Handler, another: Handler, store: PostgresStore, view: View
) -> None:
    await handler.handle(put("K1"))
    view.meanwhile = [lambda: another.handle(put("K2"))]
    assert (await handler.handle(empty())).outcome == "accepted"
    assert await boxes(store) == {"K1": 0, "K2": 0}


async def test_that_nothing_is_missing_is_never_said_from_an_old_state(
    handler: Handler, another: Handler, store: PostgresStore
) -> None:
    await handler.handle(empty())
    await another.handle(put("K1"))
    assert (await handler.handle(empty())).outcome == "accepted"
    assert await boxes(store) == {"K1": 0}


async def test_a_candidate_that_another_process_takes_meanwhile_is_not_taken_twice(
    handler: Handler, another: Handler, store: PostgresStore, view: View
) -> None:
    await handler.handle(put("K1"))
    view.meanwhile = [lambda: another.handle(empty())]
    assert (await handler.handle(empty())).outcome == "nothing"
    assert await boxes(store) == {"K1": 0}


async def test_a_rule_that_refuses_before_a_stream_is_named_is_a_verdict_like_others(
    handler: Handler, store: PostgresStore
) -> None:
    refused, fine = asked(Open(label="none"), expected=3), asked(Open(label="K1"))
    verdicts = await handler.handle_many([fine, refused, put("K1")])
    assert [v.outcome for v in verdicts] == ["nothing", "rejected", "accepted"]
    assert (verdicts[1].rule, verdicts[1].params) == ("no-such-label", {"label": "none"})
    assert await handler.handle(refused) == replace(verdicts[1], repeated=True)
    assert await store.verdict(refused.id) == replace(verdicts[1], repeated=True)
    with pytest.raises(Conflict):
        await handler.handle(asked(Open(label="K1"), expected=3))

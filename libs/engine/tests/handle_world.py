"""A sample aggregate with a limit, decided by the real handler on a real store; what it is tested with."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine import ids
from engine.database import Database
from engine.decider import Actor, Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, StaleFacts, States
from engine.handle import Asked, Handler
from engine.ports import Meta, Verdict
from engine.serde import Serde
from engine.store import PostgresStore
from events.base import Event
from events.company import DayOpened
from events.complaint import CauseAnalysed

TODAY = date(2026, 3, 1)
LIMIT = Decimal(100)


class Reserve(Command):
    customer: str
    amount: Decimal
    group: str | None = None


class OverLimit(Rejected):
    """{amount} more than the {limit} allowed."""


@dataclass(frozen=True)
class Account:
    used: Decimal = Decimal(0)
    on: date | None = None
    documents: tuple[str, ...] = ()


def evolve(state: Account, event: Event) -> Account:
    match event:
        case CauseAnalysed(cause=amount, complaint=document):
            return replace(state, used=state.used + Decimal(amount), documents=(document,))
        case DayOpened(day=day):
            return replace(state, on=day)
        case _:
            return state


ACCOUNT = Aggregate("account", Account(), evolve)
GROUP = Aggregate("group", Account(), evolve)


@dataclass(frozen=True, slots=True)
class Known(Facts):
    """`lag` times the facts are found too old."""

    lag: int = 0


def streams(command: Reserve, facts: Facts) -> list[Ref[Account]]:
    return [ACCOUNT(command.customer), *([GROUP(command.group)] if command.group else [])]


def decide(command: Reserve, states: States, facts: Facts) -> Decision:
    if isinstance(facts, Known) and facts.lag:
        raise StaleFacts
    if command.amount == 0:
        return []
    refs = streams(command, facts)
    over = max(states[ref].used for ref in refs) + command.amount - LIMIT
    if over > 0 and not facts.initial_load:
        raise OverLimit(amount=over, limit=LIMIT, on=facts.today)
    return [(ref, changed(command)) for ref in refs]


def changed(command: Reserve) -> CauseAnalysed:
    """Any event will do that can carry an amount: here as text."""
    return CauseAnalysed(customer=command.customer, complaint="K1", departments=("qa",), cause=str(command.amount))


RESERVE = Decider((Reserve,), streams, decide, (OverLimit,))


async def today() -> date:
    return TODAY


def asked(name: str, amount: int = 10, customer: str = "C1", **more: Any) -> Asked:
    command = Reserve(customer=customer, amount=Decimal(amount), group=more.pop("group", None))
    return Asked(command, ids.named(name), Meta("lin", ids.named("request", name)), Actor("lin"), **more)


@pytest.fixture
async def handler(store: PostgresStore, service: Database) -> AsyncIterator[Handler]:
    made = Handler(store, [RESERVE], {}, service, today)
    yield made
    await made.close()


@pytest.fixture
async def another(service: Database) -> AsyncIterator[Handler]:
    """The handler of another process: another store and another memory on the same database."""
    second = PostgresStore(service, Serde(), "kehu")
    made = Handler(second, [RESERVE], {}, service, today)
    yield made
    await made.close()
    await second.close()


def outcomes(verdicts: Sequence[Verdict]) -> list[str]:
    return [v.outcome for v in verdicts]


async def used(store: PostgresStore, customer: str = "C1") -> Decimal:
    return ACCOUNT.fold(e.event for e in await store.read_stream(f"account-{customer}")).used

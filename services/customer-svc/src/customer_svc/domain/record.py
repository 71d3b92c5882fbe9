"""The customer record beyond the basics (R-003..R-008, R-015, R-020): blocks, each as found on a day, and its checking.

A block collected earlier may arrive later: it becomes part of the history, and never hides what was collected after it.
The state keeps of each block and day only a fingerprint, enough to see that nothing is new.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias, assert_never

from customer_svc.domain.customer import CUSTOMER, Customer, NoSuchContact, NoSuchCustomer
from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, Rejected, States, Waits
from events.base import CustomerId, Event
from events.customer import (
    BusinessStatusRecorded,
    CharacteristicsRecorded,
    DealingsRecorded,
    DossierRecorded,
    RecordEvent,
    RecordVerified,
    SupplyNeedsRecorded,
    TradingStatusRecorded,
)
from events.record import Blocks, Collected, Dossier

BlockName: TypeAlias = Literal[
    "dealings", "characteristics", "business_status", "trading_status", "supply_needs", "dossier"
]
RECORDED: Mapping[str, type[RecordEvent]] = MappingProxyType(
    {
        "dealings": DealingsRecorded,
        "characteristics": CharacteristicsRecorded,
        "business_status": BusinessStatusRecorded,
        "trading_status": TradingStatusRecorded,
        "supply_needs": SupplyNeedsRecorded,
        "dossier": DossierRecorded,
    }
)
"""The event of each block, in the order in which blocks are shown."""
NAME_OF: Mapping[type[Event], str] = MappingProxyType({event: name for name, event in RECORDED.items()})

# --- commands -----------------------------------------------------------------------------------------------------


class RecordBlocks(Command):
    """Record what was found out about the customer on one occasion; each block given replaces the one before it."""

    customer: CustomerId
    collected: Collected
    blocks: Blocks


class TakeBlocks(RecordBlocks):
    """The same as another system has it; waits for a customer that has not arrived."""


class VerifyRecord(Command):
    """Say that the whole record was looked through and still reads right (R-008)."""

    customer: CustomerId
    collected: Collected


RecordCommand: TypeAlias = RecordBlocks | TakeBlocks | VerifyRecord

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """What was recorded of each day: the fingerprint by block and day, and the days on which the whole was verified."""

    blocks: Mapping[str, Mapping[date, str]] = field(default_factory=dict)
    verified: frozenset[date] = frozenset()


# --- rules --------------------------------------------------------------------------------------------------------


class CollectedInFuture(Rejected):
    """This cannot have been collected on {on}: the open day is {today}."""

    zh: ClassVar[str] = "采集日期不能是 {on}：当前业务日为 {today}。"


class RecordIsEarly(Waits):
    """Customer {customer} has not arrived yet; what was collected about it waits."""

    zh: ClassVar[str] = "客户 {customer} 的资料尚未到达，所采集的档案等待处理。"


RULES = (NoSuchCustomer, NoSuchContact, CollectedInFuture, RecordIsEarly)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: RecordCommand, _: Facts) -> Sequence[Ref[Any]]:
    return [RECORD(command.customer), CUSTOMER(command.customer)]


def decide(command: RecordCommand, states: States, facts: Facts) -> Decision:
    ref, customer = RECORD(command.customer), states[CUSTOMER(command.customer)]
    if customer.basics is None:
        early = isinstance(command, TakeBlocks)
        raise (RecordIsEarly if early else NoSuchCustomer)(customer=command.customer)
    if command.collected.on > facts.today and not facts.initial_load:
        raise CollectedInFuture(on=command.collected.on, today=facts.today)
    return [(ref, event) for event in _decide(command, states[ref], customer)]


def _decide(command: RecordCommand, state: Record, customer: Customer) -> Sequence[Event]:
    match command:
        case RecordBlocks():
            _names_contacts(command, customer)
            return [event for name, event in _recorded(command) if _new(state, name, event)]
        case VerifyRecord(collected=collected):
            if collected.on in state.verified:
                return []
            return [RecordVerified(customer=command.customer, collected=collected)]
        case _:
            assert_never(command)


def _names_contacts(command: RecordBlocks, customer: Customer) -> None:
    dossier = command.blocks.dossier or Dossier()
    known = customer.contacts.keys() | customer.former | customer.erased
    for person in (dossier.decision_maker, dossier.handling_person):
        if person is not None and person not in known:
            raise NoSuchContact(customer=command.customer, person=person)


def _recorded(command: RecordBlocks) -> Iterator[tuple[str, RecordEvent]]:
    for name, event in RECORDED.items():
        block = getattr(command.blocks, name)
        if block is not None:
            made = {"customer": command.customer, "collected": command.collected, "block": block}
            yield name, event.model_validate(made)


def _new(state: Record, name: str, event: RecordEvent) -> bool:
    return state.blocks.get(name, {}).get(event.collected.on) != _fingerprint(event)


def _fingerprint(event: RecordEvent) -> str:
    return sha256(event.model_dump_json().encode()).hexdigest()[:16]


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: Record, event: Event) -> Record:
    assert isinstance(event, RecordEvent)
    on = event.collected.on
    if isinstance(event, RecordVerified):
        return Record(state.blocks, state.verified | {on})
    name = NAME_OF[type(event)]
    days = {**state.blocks.get(name, {}), on: _fingerprint(event)}
    return Record({**state.blocks, name: days}, state.verified)


RECORD = Aggregate("record", Record(), evolve)
DECIDER = Decider(commands=(RecordBlocks, TakeBlocks, VerifyRecord), streams=streams, decide=decide, rules=RULES)

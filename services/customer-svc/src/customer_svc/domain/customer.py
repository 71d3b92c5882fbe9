"""The customer: its basic record (R-001), who looks after it (R-011), the people who speak for it.

The state keeps no personal data: of a contact only a fingerprint, enough to see that nothing has changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, TypeAlias, assert_never, cast, get_args

from pydantic import Field

from engine.decider import Aggregate, Command, Decider, Decision, Facts, NotFound, Ref, Rejected, States
from events.base import CustomerId, Event, Id, Text
from events.customer import (
    Basics,
    Contact,
    ContactRecorded,
    ContactRemoved,
    CustomerEvent,
    CustomerRegistered,
    CustomerUpdated,
    OwnerAssigned,
    PersonErased,
    ProfileRecorded,
)
from events.record import Collected, Profile

# --- commands -----------------------------------------------------------------------------------------------------


class RegisterCustomer(Command):
    """Keep a record of a company that buys from us; without `since` from the open day on, an empty key is drawn."""

    customer: CustomerId | Literal[""] = ""
    basics: Basics
    since: date | None = None


class UpdateBasics(Command):
    """Replace the basic record; an owner left out stays, another one is assigned."""

    customer: CustomerId
    basics: Basics


class AssignOwner(Command):
    """Make one employee responsible for the customer (R-011); `previous`: only if that one is responsible now."""

    customer: CustomerId
    owner: Id
    previous: Id | None = None


class RecordContact(Command):
    """Record a person at the customer, or what has changed about the person."""

    customer: CustomerId
    contact: Contact


class RecordProfile(Command):
    """Record what is known of a person who speaks for the customer (R-002, R-021); replaces what was known before."""

    customer: CustomerId
    profile: Profile
    collected: Collected


class RemoveContact(Command):
    """The person no longer speaks for the customer; the data stays until the person is erased."""

    customer: CustomerId
    person: Id


class ErasePerson(Command):
    """Make everything said of a person unreadable, everywhere; also of one who only ever complained."""

    customer: CustomerId
    person: Id
    reason: Text


class RecordCustomer(Command):
    """Bring the record to what the ERP says: register or update; erased persons are passed over."""

    customer: CustomerId
    basics: Basics
    since: date | None = None
    contacts: Annotated[tuple[Contact, ...], Field(max_length=100)] = ()
    profiles: Annotated[tuple[Profile, ...], Field(max_length=100)] = ()
    collected: Collected | None = None


AboutPerson: TypeAlias = RecordContact | RecordProfile | RemoveContact | ErasePerson
CustomerCommand: TypeAlias = RegisterCustomer | UpdateBasics | AssignOwner | AboutPerson | RecordCustomer

# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Customer:
    """`basics` None: not registered. `contacts`, `profiles`: the fingerprint of what was last recorded, by person."""

    basics: Basics | None = None
    contacts: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)
    former: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()


# --- rules --------------------------------------------------------------------------------------------------------


class NoSuchCustomer(NotFound):
    """There is no customer {customer}."""

    zh: ClassVar[str] = "客户 {customer} 不存在。"


class CustomerExists(Rejected):
    """Customer {customer} is registered already, with another basic record."""

    zh: ClassVar[str] = "客户 {customer} 已建档，且基础资料不同。"


class CurrencyIsFixed(Rejected):
    """Customer {customer} trades in {currency} and cannot change to {requested}: its account has one currency."""

    zh: ClassVar[str] = "客户 {customer} 以 {currency} 结算，不能改为 {requested}：一个账户只有一种币种。"


class OwnedByAnother(Rejected):
    """Customer {customer} is not looked after by {previous}, or not any more."""

    zh: ClassVar[str] = "客户 {customer} 不是或已不再由 {previous} 负责。"


class NoSuchContact(NotFound):
    """Person {person} is not a contact of customer {customer}."""

    zh: ClassVar[str] = "{person} 不是客户 {customer} 的联系人。"


class NoProfile(NotFound):
    """Nothing is recorded about person {person} of customer {customer} beyond name and role."""

    zh: ClassVar[str] = "客户 {customer} 的 {person} 尚无个人档案。"


class PersonIsErased(Rejected):
    """Person {person} was erased at customer {customer} and cannot be recorded again under this key."""

    zh: ClassVar[str] = "客户 {customer} 的 {person} 的个人资料已被删除，不能再以此编号登记。"


RULES = (NoSuchCustomer, CustomerExists, CurrencyIsFixed, OwnedByAnother, NoSuchContact, NoProfile, PersonIsErased)

# --- decide -------------------------------------------------------------------------------------------------------


def streams(command: CustomerCommand, _: Facts) -> Sequence[Ref[Customer]]:
    return [CUSTOMER(command.customer)]


def decide(command: CustomerCommand, states: States, facts: Facts) -> Decision:
    ref = CUSTOMER(command.customer)
    return [(ref, event) for event in _decide(command, states[ref], facts)]


def _decide(command: CustomerCommand, state: Customer, facts: Facts) -> Sequence[Event]:
    match command:
        case RegisterCustomer():
            return _register(command, state, facts)
        case RecordCustomer():
            return _record(command, state, facts)
        case UpdateBasics():
            return _update(command.customer, command.basics, _registered(command, state))
        case AssignOwner():
            return _assign(command, _registered(command, state).owner)
        case RecordContact() | RecordProfile() | RemoveContact() | ErasePerson():
            _registered(command, state)
            return _decide_person(command, state)
        case _:
            assert_never(command)


def _decide_person(command: AboutPerson, state: Customer) -> Sequence[Event]:
    match command:
        case RecordContact():
            return _record_contact(command.customer, command.contact, state)
        case RecordProfile():
            return _record_profile(command.customer, command.profile, command.collected, state)
        case RemoveContact():
            return _remove_contact(command, state)
        case ErasePerson():
            if command.person in state.erased:
                return []
            return [PersonErased(customer=command.customer, person=command.person, reason=command.reason)]
        case _:
            assert_never(command)


def _registered(command: CustomerCommand, state: Customer) -> Basics:
    if state.basics is None:
        raise NoSuchCustomer(customer=command.customer)
    return state.basics


def _register(command: RegisterCustomer | RecordCustomer, state: Customer, facts: Facts) -> Sequence[Event]:
    if state.basics is None:
        since = command.since or facts.today
        return [CustomerRegistered(customer=command.customer, basics=command.basics, since=since)]
    if state.basics != command.basics:
        raise CustomerExists(customer=command.customer)
    return []


def _record(command: RecordCustomer, state: Customer, facts: Facts) -> Sequence[Event]:
    if state.basics is None:
        basics = _register(command, state, facts)
    else:
        basics = _update(command.customer, command.basics, state.basics)
    latest = {c.person: c for c in command.contacts if c.person not in state.erased}
    contacts = [e for c in latest.values() for e in _record_contact(command.customer, c, state)]
    return [*basics, *contacts, *_record_profiles(command, state, latest.keys())]


def _record_profiles(command: RecordCustomer, state: Customer, arriving: Iterable[str]) -> Iterator[Event]:
    """Those of persons who are contacts, or become it with the same document."""
    if command.collected is None:
        return
    state = replace(state, contacts={**dict.fromkeys(arriving, ""), **state.contacts})
    for profile in {p.person: p for p in command.profiles if p.person not in state.erased}.values():
        yield from _record_profile(command.customer, profile, command.collected, state)


def _update(customer: str, wanted: Basics, present: Basics) -> Sequence[Event]:
    if wanted.currency != present.currency:
        raise CurrencyIsFixed(customer=customer, currency=present.currency, requested=wanted.currency)
    owner = wanted.owner or present.owner
    basics = wanted.model_copy(update={"owner": present.owner})
    updated = [] if basics == present else [CustomerUpdated(customer=customer, basics=basics)]
    return [*updated, *(_assign(AssignOwner(customer=customer, owner=owner), present.owner) if owner else [])]


def _assign(command: AssignOwner, present: str | None) -> Sequence[Event]:
    if command.owner == present:
        return []
    if command.previous not in (None, present):
        raise OwnedByAnother(customer=command.customer, previous=command.previous)
    return [OwnerAssigned(customer=command.customer, owner=command.owner, previous=present)]


def _record_contact(customer: str, contact: Contact, state: Customer) -> Sequence[Event]:
    if contact.person in state.erased:
        raise PersonIsErased(customer=customer, person=contact.person)
    if state.contacts.get(contact.person) == _fingerprint(contact):
        return []
    return [ContactRecorded(customer=customer, contact=contact)]


def _record_profile(customer: str, profile: Profile, collected: Collected, state: Customer) -> Sequence[Event]:
    if profile.person in state.erased:
        raise PersonIsErased(customer=customer, person=profile.person)
    if profile.person not in state.contacts:
        raise NoSuchContact(customer=customer, person=profile.person)
    recorded = ProfileRecorded(customer=customer, profile=profile, collected=collected)
    return [] if state.profiles.get(profile.person) == _fingerprint(recorded) else [recorded]


def _remove_contact(command: RemoveContact, state: Customer) -> Sequence[Event]:
    if command.person in state.former | state.erased:
        return []
    if command.person not in state.contacts:
        raise NoSuchContact(customer=command.customer, person=command.person)
    return [ContactRemoved(customer=command.customer, person=command.person)]


def _fingerprint(said: Contact | ProfileRecorded) -> str:
    return sha256(said.model_dump_json().encode()).hexdigest()[:16]


# --- evolve -------------------------------------------------------------------------------------------------------


def evolve(state: Customer, event: Event) -> Customer:
    match cast(CustomerEvent, event):
        case CustomerRegistered(basics=basics) | CustomerUpdated(basics=basics):
            return replace(state, basics=basics)
        case OwnerAssigned(owner=owner):
            assert state.basics is not None
            return replace(state, basics=state.basics.model_copy(update={"owner": owner}))
        case ContactRecorded(contact=contact):
            contacts = {**state.contacts, contact.person: _fingerprint(contact)}
            return replace(state, contacts=contacts, former=state.former - {contact.person})
        case ProfileRecorded(profile=profile) as recorded:
            return replace(state, profiles={**state.profiles, profile.person: _fingerprint(recorded)})
        case ContactRemoved(person=person):
            return replace(_without(state, person), former=state.former | {person})
        case PersonErased(person=person):
            gone = _without(state, person)
            profiles = {p: f for p, f in state.profiles.items() if p != person}
            return replace(gone, profiles=profiles, former=state.former - {person}, erased=state.erased | {person})
        case other:
            assert_never(other)


def _without(state: Customer, person: str) -> Customer:
    return replace(state, contacts={p: f for p, f in state.contacts.items() if p != person})


CUSTOMER = Aggregate("customer", Customer(), evolve, fold_version=2)
DECIDER = Decider(
    commands=(RegisterCustomer, UpdateBasics, AssignOwner, *get_args(AboutPerson), RecordCustomer),
    streams=streams,
    decide=decide,
    rules=RULES,
)

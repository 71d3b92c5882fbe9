"""Rules of the customer record."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from customer_svc.domain.customer import (
    CUSTOMER,
    DECIDER,
    AssignOwner,
    CurrencyIsFixed,
    CustomerCommand,
    CustomerExists,
    ErasePerson,
    NoSuchContact,
    NoSuchCustomer,
    PersonIsErased,
    RecordContact,
    RecordCustomer,
    RecordProfile,
    RegisterCustomer,
    RemoveContact,
    UpdateBasics,
)
from engine.decider import Actor, Facts, Ref
from engine.snapshots import codec
from engine.testing.spec import Outcome, given
from events.base import Event
from events.customer import (
    Basics,
    Contact,
    ContactRecorded,
    ContactRemoved,
    CustomerRegistered,
    CustomerUpdated,
    OwnerAssigned,
    PersonErased,
    ProfileRecorded,
)
from events.record import Collected, Profile

TODAY = date(2026, 3, 2)
FACTS = Facts(TODAY, datetime(2026, 3, 2, 9, tzinfo=UTC), Actor("lin"))
C = CUSTOMER("C-1")
BASICS = Basics(name="沪东机械", type="dealer", currency="CNY")
WANG = Contact(person="P-1", role="buyer", name="王芳", phone="021-555")
REGISTERED = CustomerRegistered(customer="C-1", basics=BASICS, since=TODAY)
RECORDED = ContactRecorded(customer="C-1", contact=WANG)
VISIT = Collected(on=TODAY, how="visit", by="zhao")
LIKES = Profile(person="P-1", interests="围棋")
PROFILED = ProfileRecorded(customer="C-1", profile=LIKES, collected=VISIT)
ERASED = PersonErased(customer="C-1", person="P-1", reason="asked for it")

COMMANDS: list[CustomerCommand] = [
    RegisterCustomer(customer="C-1", basics=BASICS),
    RecordCustomer(customer="C-1", basics=BASICS, contacts=(WANG,), profiles=(LIKES,), collected=VISIT),
    UpdateBasics(customer="C-1", basics=BASICS.model_copy(update={"name": "沪东重工", "owner": "chen"})),
    AssignOwner(customer="C-1", owner="zhao"),
    RecordContact(customer="C-1", contact=WANG),
    RecordProfile(customer="C-1", profile=LIKES, collected=VISIT),
    RemoveContact(customer="C-1", person="P-1"),
    ErasePerson(customer="C-1", person="P-1", reason="asked for it"),
]


def when(command: CustomerCommand, *events: Event) -> Outcome:
    return given([(C, e) for e in events]).when(command, FACTS, by=DECIDER)


def test_a_customer_is_registered_from_the_open_day_on() -> None:
    when(RegisterCustomer(customer="C-1", basics=BASICS)).then([(C, REGISTERED)])


def test_a_customer_may_have_been_one_for_long() -> None:
    since = date(1998, 5, 1)
    expected = CustomerRegistered(customer="C-1", basics=BASICS, since=since)
    when(RegisterCustomer(customer="C-1", basics=BASICS, since=since)).then([expected])


def test_a_customer_cannot_be_registered_twice_with_different_records() -> None:
    other = BASICS.model_copy(update={"name": "other"})
    when(RegisterCustomer(customer="C-1", basics=other), REGISTERED).then_rejected(CustomerExists, customer="C-1")


def test_updating_replaces_the_record_and_keeps_an_owner_left_out() -> None:
    owned = OwnerAssigned(customer="C-1", owner="zhao", previous=None)
    renamed = BASICS.model_copy(update={"name": "沪东重工"})
    kept = renamed.model_copy(update={"owner": "zhao"})
    when(UpdateBasics(customer="C-1", basics=renamed), REGISTERED, owned).then(
        [CustomerUpdated(customer="C-1", basics=kept)]
    )


def test_updating_with_another_owner_assigns_the_owner() -> None:
    owned = BASICS.model_copy(update={"owner": "chen"})
    when(UpdateBasics(customer="C-1", basics=owned), REGISTERED).then(
        [OwnerAssigned(customer="C-1", owner="chen", previous=None)]
    )


def test_the_currency_of_a_customer_never_changes() -> None:
    dollars = BASICS.model_copy(update={"currency": "USD"})
    for command in (UpdateBasics(customer="C-1", basics=dollars), RecordCustomer(customer="C-1", basics=dollars)):
        when(command, REGISTERED).then_rejected(CurrencyIsFixed, customer="C-1", currency="CNY", requested="USD")


def test_an_owner_is_assigned_and_the_previous_one_named() -> None:
    first = OwnerAssigned(customer="C-1", owner="zhao", previous=None)
    when(AssignOwner(customer="C-1", owner="chen"), REGISTERED, first).then(
        [OwnerAssigned(customer="C-1", owner="chen", previous="zhao")]
    )


def test_nothing_is_done_to_an_unknown_customer() -> None:
    for command in COMMANDS[2:]:
        when(command).then_rejected(NoSuchCustomer, customer="C-1")


def test_a_contact_is_recorded_and_recorded_again_when_something_changed() -> None:
    when(RecordContact(customer="C-1", contact=WANG), REGISTERED).then([RECORDED])
    moved = WANG.model_copy(update={"phone": "021-777"})
    when(RecordContact(customer="C-1", contact=moved), REGISTERED, RECORDED).then(
        [ContactRecorded(customer="C-1", contact=moved)]
    )


def test_a_contact_that_was_never_recorded_cannot_be_removed() -> None:
    when(RemoveContact(customer="C-1", person="P-9"), REGISTERED).then_rejected(NoSuchContact, person="P-9")


def test_a_removed_contact_may_come_back() -> None:
    gone = ContactRemoved(customer="C-1", person="P-1")
    when(RecordContact(customer="C-1", contact=WANG), REGISTERED, RECORDED, gone).then([RECORDED])


def test_a_removed_contact_and_a_person_who_only_complained_can_be_erased() -> None:
    gone = ContactRemoved(customer="C-1", person="P-1")
    when(ErasePerson(customer="C-1", person="P-1", reason="asked for it"), REGISTERED, RECORDED, gone).then([ERASED])
    when(ErasePerson(customer="C-1", person="P-1", reason="asked for it"), REGISTERED).then([ERASED])


def test_an_erased_person_is_not_recorded_again() -> None:
    when(RecordContact(customer="C-1", contact=WANG), REGISTERED, RECORDED, ERASED).then_rejected(
        PersonIsErased, customer="C-1", person="P-1"
    )


def test_a_profile_is_of_a_contact_and_recorded_again_when_something_changed() -> None:
    profile = RecordProfile(customer="C-1", profile=LIKES, collected=VISIT)
    when(profile, REGISTERED, RECORDED).then([PROFILED])
    when(profile, REGISTERED).then_rejected(NoSuchContact, customer="C-1", person="P-1")
    when(profile, REGISTERED, RECORDED, ERASED).then_rejected(PersonIsErased, person="P-1")
    older = LIKES.model_copy(update={"interests": "象棋"})
    when(RecordProfile(customer="C-1", profile=older, collected=VISIT), REGISTERED, RECORDED, PROFILED).then(
        [ProfileRecorded(customer="C-1", profile=older, collected=VISIT)]
    )


def test_another_system_brings_contacts_with_their_profiles() -> None:
    brought = RecordCustomer(customer="C-1", basics=BASICS, contacts=(WANG,), profiles=(LIKES,), collected=VISIT)
    when(brought).then([REGISTERED, RECORDED, PROFILED])
    when(brought, REGISTERED, RECORDED, ERASED).then_nothing()
    stranger = brought.model_copy(update={"profiles": (Profile(person="P-9", interests="围棋"),)})
    when(stranger).then_rejected(NoSuchContact, person="P-9")


def test_the_state_keeps_no_personal_data() -> None:
    state = C.aggregate.fold([REGISTERED, RECORDED, PROFILED])
    kept = codec(C.aggregate).adapter
    assert kept.validate_json(kept.dump_json(state)) == state
    assert "王芳" not in repr(state)
    assert "021-555" not in repr(state)
    assert "围棋" not in repr(state)


def test_the_erp_registers_a_customer_with_its_contacts() -> None:
    when(RecordCustomer(customer="C-1", basics=BASICS, contacts=(WANG,))).then([REGISTERED, RECORDED])


def test_the_erp_updates_what_has_changed_and_passes_over_erased_persons() -> None:
    renamed = BASICS.model_copy(update={"name": "沪东重工"})
    li = Contact(person="P-2", name="李强")
    when(RecordCustomer(customer="C-1", basics=renamed, contacts=(WANG, li)), REGISTERED, RECORDED, ERASED).then(
        [CustomerUpdated(customer="C-1", basics=renamed), ContactRecorded(customer="C-1", contact=li)]
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: type(c).__name__)
def test_repeating_a_command_does_nothing(command: CustomerCommand) -> None:
    history: list[tuple[Ref[Any], Event]] = [(C, REGISTERED), (C, RECORDED)]
    happened = given(history).when(command, FACTS, by=DECIDER).happened
    given([*history, *happened]).when(command, FACTS, by=DECIDER).then_nothing()

"""The people who speak for a customer. Personal data lies in no table: it is told from the log, where it is sealed."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from chassis.context import missing
from customer_svc.domain.customer import CUSTOMER, NoProfile, NoSuchContact
from engine.ports import Streams
from events.customer import ContactRecorded, ContactRemoved, PersonErased, ProfileRecorded
from events.envelope import Envelope
from events.record import Profile, Source


class ContactRow(BaseModel):
    """A person at a customer. `name`, `phone` and `email` are null where none was given."""

    person: str
    role: str = Field(examples=["legal_representative"])
    name: str | None
    phone: str | None
    email: str | None


class ProfileRow(BaseModel):
    """What is known of a person: all of it personal data, null where nothing is known, and since when it reads so."""

    person: str
    personality: str | None
    interests: str | None
    family: str | None
    education: str | None
    born: str | None
    abilities: str | None
    experience: str | None
    work: str | None
    social_life: str | None
    health: str | None
    finances: str | None
    pursuits: str | None
    ideals: str | None
    collected_on: date
    how: Source
    collected_by: str | None
    recorded_by: str


def present(history: Iterable[Envelope[Any]]) -> list[ContactRow]:
    """Who speaks for the customer after `history`, in the order they were recorded first."""
    found: dict[str, ContactRow] = {}
    for envelope in history:
        match envelope.event:
            case ContactRecorded(contact=contact):
                found[contact.person] = ContactRow(**contact.model_dump())
            case ContactRemoved(person=person) | PersonErased(person=person):
                found.pop(person, None)
            case _:
                pass
    return list(found.values())


async def of(log: Streams, customer: str) -> list[ContactRow]:
    """Who speaks for `customer` now, by the id of the person; empty where there is no such customer."""
    return sorted(present(await log.read_stream(CUSTOMER(customer).stream)), key=lambda row: row.person)


async def profile(log: Streams, customer: str, person: str) -> ProfileRow:
    """What is known of a contact of `customer`. Raises the problem 404 for one who is none, or was erased."""
    history = await log.read_stream(CUSTOMER(customer).stream)
    if person not in {contact.person for contact in present(history)}:
        raise missing(NoSuchContact, customer=customer, person=person)
    of_person = [e for e in history if isinstance(e.event, ProfileRecorded) and e.event.profile.person == person]
    if not of_person:
        raise missing(NoProfile, customer=customer, person=person)
    return _shown(max(of_person, key=lambda e: (e.event.collected.on, e.version)))


def _shown(envelope: Envelope[ProfileRecorded]) -> ProfileRow:
    said: Profile = envelope.event.profile
    collected = envelope.event.collected
    return ProfileRow(
        **said.model_dump(),
        collected_on=collected.on,
        how=collected.how,
        collected_by=collected.by,
        recorded_by=envelope.actor,
    )

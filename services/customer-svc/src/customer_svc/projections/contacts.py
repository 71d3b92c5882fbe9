"""The people who speak for a customer. Personal data lies in no table: it is told from the log, where it is sealed."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from customer_svc.domain.customer import CUSTOMER
from engine.ports import Store
from events.customer import ContactRecorded, ContactRemoved, PersonErased
from events.envelope import Envelope


class ContactRow(BaseModel):
    """A person at a customer. `name`, `phone` and `email` are null where none was given."""

    person: str
    role: str
    name: str | None
    phone: str | None
    email: str | None


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


async def of(log: Store, customer: str) -> list[ContactRow]:
    """Who speaks for `customer` now; empty where there is no such customer."""
    return present(await log.read_stream(CUSTOMER(customer).stream))

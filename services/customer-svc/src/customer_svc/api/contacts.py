"""The people who speak for a customer, and what is known of them: personal data, read from the log alone."""

from typing import Annotated

from fastapi import Query

from chassis.context import Answer, Do, Page, Paged, PersonalLog, allowed
from chassis.routes import Routes
from customer_svc.domain.customer import ErasePerson, RecordContact, RecordProfile, RemoveContact
from customer_svc.projections import contacts
from customer_svc.projections.contacts import ContactRow, ProfileRow

router = Routes(prefix="/contacts", tags=["contacts"])
SALES = allowed("sales")


@router.put("", dependencies=[SALES], summary="Record a contact")
async def record_contact(do: Do, command: RecordContact) -> Answer:
    """A person who speaks for the customer, new or changed; what is said of the person is sealed."""
    return await do(command, key=command.contact.person)


@router.post("/remove", dependencies=[SALES], summary="Remove a contact")
async def remove_contact(do: Do, command: RemoveContact) -> Answer:
    """The person no longer speaks for the customer; the data stays until the person is erased."""
    return await do(command, key=command.person)


@router.post("/erase", dependencies=[allowed("admin")], summary="Erase a person")
async def erase_person(do: Do, command: ErasePerson) -> Answer:
    """Destroys the person's key in every service: what was said of the person can no longer be read anywhere."""
    return await do(command, key=command.person)


@router.get("", dependencies=[SALES], summary="The contacts of a customer")
async def list_contacts(
    log: PersonalLog,
    page: Page,
    customer: Annotated[str, Query(description="Key of the customer.", examples=["C-103"])],
) -> Paged[ContactRow]:
    """Who speaks for the customer now, by the id of the person. Who asked is written down."""
    return page.of(await contacts.of(log, customer), lambda row: (row.person,))


@router.put("/profile", dependencies=[SALES], summary="Record what is known of a contact")
async def record_profile(do: Do, command: RecordProfile) -> Answer:
    """R-002, R-021: interests, education, experience and the like; replaces what was known before, and is sealed."""
    return await do(command, key=command.profile.person)


@router.get("/profile", dependencies=[SALES], summary="What is known of a contact")
async def show_profile(
    log: PersonalLog,
    customer: Annotated[str, Query(description="Key of the customer.", examples=["C-103"])],
    person: Annotated[str, Query(description="Id of the person.", examples=["P-7"])],
) -> ProfileRow:
    """What was collected last, by whom and how; nothing of a person who was erased. Who asked is written down."""
    return await contacts.profile(log, customer, person)

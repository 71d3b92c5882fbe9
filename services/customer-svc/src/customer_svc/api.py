"""The HTTP side of customer-svc: bodies are commands, answers are views. It holds no rule."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from chassis import etag
from chassis.context import Answer, Company, Do, Log, Page, Paged, Read, Today, allowed
from customer_svc.domain.calendar import AdvanceDay, GoLive, OpenDay
from customer_svc.domain.customer import (
    AssignOwner,
    ErasePerson,
    RecordContact,
    RegisterCustomer,
    RemoveContact,
    UpdateBasics,
)
from customer_svc.domain.delivery import DeliverOrder
from customer_svc.domain.order import CancelOrder, ChangeOrder, PlaceOrder
from customer_svc.projections import contacts, customers, days, orders
from customer_svc.projections.contacts import ContactRow
from customer_svc.projections.customers import CustomerRow
from customer_svc.projections.days import DayRow
from customer_svc.projections.orders import OrderRow
from events.customer import CustomerType

routes = APIRouter()
SALES, OPERATIONS = allowed("sales"), allowed("operations")

# --- days ---------------------------------------------------------------------------------------------------------


@routes.post("/days/open", tags=["days"], dependencies=[OPERATIONS], summary="Open a business day")
async def open_day(do: Do, company: Company, day: Annotated[date, Body(embed=True)]) -> Answer:
    """Every rule and figure takes it as today; it only moves forwards."""
    return await do(OpenDay(company=company, day=day))


@routes.post("/days/advance", tags=["days"], dependencies=[OPERATIONS], summary="Open a later business day")
async def advance_day(
    do: Do,
    company: Company,
    since: Annotated[date, Body(description="The day open now.")],
    days: Annotated[int, Body(ge=1, le=3660)] = 1,
) -> Answer:
    """Opens the day `days` days after `since`."""
    return await do(AdvanceDay(company=company, since=since, days=days))


@routes.post("/days/live", tags=["days"], dependencies=[OPERATIONS], summary="End the initial load")
async def go_live(do: Do, company: Company, loaded_documents: Annotated[int, Body(embed=True, ge=0)] = 0) -> Answer:
    """From here on checks, holds and notices apply, and recorded times are the database's own. Happens once."""
    return await do(GoLive(company=company, loaded_documents=loaded_documents))


@routes.get("/days", tags=["days"], summary="The open business day")
async def show_day(read: Read, company: Company, today: Today) -> DayRow:
    """Which day it is, and whether the company went live."""
    return await days.shown(read, company, today)


# --- orders -------------------------------------------------------------------------------------------------------


@routes.post("/orders", tags=["orders"], dependencies=[SALES], summary="Place an order")
async def place_order(do: Do, command: PlaceOrder) -> Answer:
    """Credit decides next: the order is confirmed or held. Without a key of its own the order is given one."""
    order = command.order or do.new_key("O")
    return await do(command.model_copy(update={"order": order}), key=order)


@routes.post("/orders/change", tags=["orders"], dependencies=[SALES], summary="Change an order")
async def change_order(do: Do, command: ChangeOrder) -> Answer:
    """A new version of the order, which credit checks again."""
    return await do(command, key=command.order)


@routes.post("/orders/cancel", tags=["orders"], dependencies=[SALES], summary="Cancel what is not delivered")
async def cancel_order(do: Do, command: CancelOrder) -> Answer:
    """What has been delivered stays delivered."""
    return await do(command, key=command.order)


@routes.post("/orders/deliver", tags=["orders"], dependencies=[SALES], summary="Deliver an order, or part of it")
async def deliver_order(do: Do, command: DeliverOrder) -> Answer:
    """Only what credit has granted; without lines, everything not delivered yet."""
    return await do(command, key=command.delivery)


@routes.get("/orders", tags=["orders"], summary="Orders by date")
async def list_orders(
    read: Read,
    page: Page,
    customer: Annotated[str | None, Query(description="Only orders of this customer.")] = None,
    state: Annotated[orders.State | None, Query(description="Only orders in this state.")] = None,
    newest_first: bool = False,
) -> Paged[OrderRow]:
    """Sorted by order date, then order."""
    selected = orders.matching(customer, state)
    return await page.fetch(read, selected, *orders.BY_DATE, into=OrderRow, descending=newest_first)


@routes.get("/orders/{order:path}", tags=["orders"], summary="One order")
async def show_order(read: Read, response: Response, order: str) -> OrderRow:
    """With lines, deliveries and what credit says; its version is the ETag."""
    found = await orders.one(read, order)
    etag.put(response, found.version)
    return found


# --- customers ----------------------------------------------------------------------------------------------------


@routes.post("/", tags=["customers"], dependencies=[SALES], summary="Register a customer")
async def register_customer(do: Do, command: RegisterCustomer) -> Answer:
    """Without a key of its own the customer is given one."""
    customer = command.customer or do.new_key("C")
    return await do(command.model_copy(update={"customer": customer}), key=customer)


@routes.put("/basics", tags=["customers"], dependencies=[SALES], summary="Update the basic record")
async def update_basics(do: Do, command: UpdateBasics) -> Answer:
    """Replaces the record as a whole; an owner left out stays."""
    return await do(command, key=command.customer)


@routes.put("/owner", tags=["customers"], dependencies=[SALES], summary="Assign the owner")
async def assign_owner(do: Do, command: AssignOwner) -> Answer:
    """Makes one employee responsible for the customer."""
    return await do(command, key=command.customer)


@routes.put("/contacts", tags=["contacts"], dependencies=[SALES], summary="Record a contact")
async def record_contact(do: Do, command: RecordContact) -> Answer:
    """A person who speaks for the customer, new or changed; what is said of the person is sealed."""
    return await do(command, key=command.contact.person)


@routes.post("/contacts/remove", tags=["contacts"], dependencies=[SALES], summary="Remove a contact")
async def remove_contact(do: Do, command: RemoveContact) -> Answer:
    """The person no longer speaks for the customer; the data stays until the person is erased."""
    return await do(command, key=command.person)


@routes.post("/contacts/erase", tags=["contacts"], dependencies=[allowed("admin")], summary="Erase a person")
async def erase_person(do: Do, command: ErasePerson) -> Answer:
    """Destroys the person's key in every service: what was said of the person can no longer be read anywhere."""
    return await do(command, key=command.person)


@routes.get("/contacts", tags=["contacts"], dependencies=[SALES], summary="The contacts of a customer")
async def list_contacts(log: Log, customer: Annotated[str, Query(examples=["C-103"])]) -> list[ContactRow]:
    """Who speaks for the customer now."""
    return await contacts.of(log, customer)


@routes.get("/", tags=["customers"], summary="Customers")
async def list_customers(
    read: Read,
    page: Page,
    owner: Annotated[str | None, Query(description="Only customers of this owner.")] = None,
    type: Annotated[CustomerType | None, Query(description="Only customers of this type.")] = None,  # noqa: A002
    q: Annotated[str | None, Query(max_length=200, description="Part of the name or of the key.")] = None,
) -> Paged[CustomerRow]:
    """Sorted by key."""
    return await page.fetch(read, customers.matching(owner, type, q), customers.BY_KEY, into=CustomerRow)


@routes.get("/{customer:path}", tags=["customers"], summary="One customer")
async def show_customer(read: Read, response: Response, customer: str) -> CustomerRow:
    """The basic record; its version is the ETag."""
    found = await customers.one(read, customer)
    etag.put(response, found.version)
    return found

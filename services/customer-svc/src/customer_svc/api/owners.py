"""Who looks after which customers (R-011)."""

from typing import Annotated

from fastapi import Body, Query

from chassis.context import Answer, Do, Log, Page, Paged, Read, ReadAll, allowed
from chassis.routes import Routes
from customer_svc.api.staleness import StaleBefore
from customer_svc.domain.customer import AssignOwner
from customer_svc.projections import customers, owners
from customer_svc.projections.owners import HandedOver, OwnerRow, Responsibility
from events.base import Id

router = Routes(tags=["owners"])
SALES, OPERATIONS = allowed("sales"), allowed("operations")
AT_ONCE = 1000


@router.put("/owner", dependencies=[SALES], summary="Assign the owner")
async def assign_owner(do: Do, command: AssignOwner) -> Answer:
    """Makes one employee responsible for the customer; with `previous`, only if that one is responsible now."""
    return await do(command, key=command.customer)


@router.post("/owners/hand-over", dependencies=[OPERATIONS], summary="Hand all customers of an employee to another")
async def hand_over(
    do: Do,
    read: ReadAll,
    stale_before: StaleBefore,
    previous: Annotated[Id, Body(description="Whose customers they are now.", examples=["zhao"])],
    owner: Annotated[Id, Body(description="Whose they become.", examples=["chen"])],
) -> HandedOver:
    """Up to 1,000 customers at once; `GET /?owner=` shows beforehand which. Repeating it does nothing twice."""
    keys, left = await owners.of(read, previous, stale_before, AT_ONCE)
    commands = {key: AssignOwner(customer=key, owner=owner, previous=previous) for key in keys}
    return HandedOver.told(await do.each(commands), left)


@router.get("/owners", summary="Employees and their customers")
async def list_owners(read: Read, page: Page, stale_before: StaleBefore) -> Paged[OwnerRow]:
    """How many customers each looks after, how many of them are stale; at the end those without an owner."""
    return page.of(await owners.counted(read, stale_before), owners.place)


@router.get("/owners/history", summary="Who looked after a customer, from when to when")
async def owner_history(
    log: Log,
    read: Read,
    stale_before: StaleBefore,
    customer: Annotated[str, Query(description="Key of the customer.", examples=["C-103"])],
) -> list[Responsibility]:
    """The first one first."""
    found = await customers.one(read, customer, stale_before)
    return await owners.history(log, found.customer)

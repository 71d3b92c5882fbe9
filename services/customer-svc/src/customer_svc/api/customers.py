"""The customers: registered, changed, searched, shown with all that is recorded."""

from typing import Annotated

from fastapi import Depends, Path, Query, Response

from chassis import etag
from chassis.context import Answer, Do, Page, Paged, Read, allowed
from chassis.routes import Routes
from customer_svc.api.staleness import StaleBefore
from customer_svc.domain.customer import RegisterCustomer, UpdateBasics
from customer_svc.projections import blocks, customers
from customer_svc.projections.blocks import RecordBlocks
from customer_svc.projections.customers import CustomerRow, GroupRow, Wanted
from events.customer import CustomerType

router = Routes(tags=["customers"])
SALES = allowed("sales")


class CustomerRecord(CustomerRow):
    """The whole record of a customer. Its people are asked for by themselves, because they are personal data."""

    record: RecordBlocks


@router.post("/", dependencies=[SALES], summary="Register a customer")
async def register_customer(do: Do, command: RegisterCustomer) -> Answer:
    """Without a key the customer is given one; without an owner, a salesperson who registers it becomes its owner."""
    customer = command.customer or do.new_key("C")
    basics = command.basics.model_copy(update={"owner": command.basics.owner or do.principal.own})
    return await do(command.model_copy(update={"customer": customer, "basics": basics}), key=customer, founding=True)


@router.put("/basics", dependencies=[SALES], summary="Update the basic record")
async def update_basics(do: Do, command: UpdateBasics) -> Answer:
    """Replaces the record as a whole; an owner left out stays."""
    return await do(command, key=command.customer)


async def wanted(
    stale_before: StaleBefore,
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Words, each part of name, pinyin (hudong, hd), key, tax id or city.",
            examples=["hudong"],
        ),
    ] = None,
    owner: Annotated[str | None, Query(description="Only customers of this employee.")] = None,
    without_owner: Annotated[bool | None, Query(description="Only those nobody is responsible for.")] = None,
    group: Annotated[str | None, Query(description="Only members of this group.")] = None,
    type: Annotated[CustomerType | None, Query(description="Only customers of this type.")] = None,  # noqa: A002
    city: Annotated[str | None, Query(description="Only customers in this city.")] = None,
    business_type: Annotated[str | None, Query(description="Only those who do this business with us.")] = None,
    stale: Annotated[bool | None, Query(description="Only stale records (true), or fresh ones.")] = None,
) -> Wanted:
    """Which customers are asked for."""
    return Wanted(
        stale_before=stale_before,
        q=q,
        owner=owner,
        without_owner=without_owner,
        group=group,
        type=type,
        city=city,
        business_type=business_type,
        stale=stale,
    )


@router.get("/", summary="Customers")
async def list_customers(read: Read, page: Page, asked: Annotated[Wanted, Depends(wanted)]) -> Paged[CustomerRow]:
    """Searched for with `q`: the key itself first, then what begins with it, then what contains it; else by key."""
    query, order = customers.ranked(customers.selected(asked))
    return await page.fetch(read, query, *order, into=CustomerRow)


@router.get("/groups", summary="Groups of customers")
async def list_groups(read: Read, page: Page, stale_before: StaleBefore) -> Paged[GroupRow]:
    """Customers with a common parent, by the key of the group; `GET /?group=` lists the members."""
    query, order = customers.grouped(customers.selected(Wanted(stale_before=stale_before)))
    return await page.fetch(read, query, order, into=GroupRow)


@router.get("/{customer:path}", summary="One customer")
async def show_customer(
    read: Read,
    response: Response,
    customer: Annotated[str, Path(description="Key of the customer.")],
    stale_before: StaleBefore,
) -> CustomerRecord:
    """The whole record: basics, and each block with its day and collector. The version of the basics is the ETag."""
    found = await customers.one(read, customer, stale_before)
    etag.put(response, found.version)
    recorded = await blocks.of(read, customer, stale_before)
    return CustomerRecord(**found.model_dump(), record=recorded)

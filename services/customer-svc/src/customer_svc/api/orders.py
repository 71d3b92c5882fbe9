"""Orders: placed, changed, cancelled, delivered, shown."""

from typing import Annotated

from fastapi import Path, Query, Response

from chassis import etag
from chassis.context import Answer, Do, Page, Paged, Read, allowed
from chassis.routes import Routes
from customer_svc.domain.delivery import DeliverOrder
from customer_svc.domain.order import CancelOrder, ChangeOrder, PlaceOrder
from customer_svc.projections import orders
from customer_svc.projections.orders import OrderRow

router = Routes(tags=["orders"])
SALES = allowed("sales")


@router.post("/orders", dependencies=[SALES], summary="Place an order")
async def place_order(do: Do, command: PlaceOrder) -> Answer:
    """Credit decides next: the order is confirmed or held. Without a key of its own the order is given one."""
    order = command.order or do.new_key("O")
    return await do(command.model_copy(update={"order": order}), key=order)


@router.post("/orders/change", dependencies=[SALES], summary="Change an order")
async def change_order(do: Do, command: ChangeOrder) -> Answer:
    """A new version of the order, which credit checks again."""
    return await do(command, key=command.order)


@router.post("/orders/cancel", dependencies=[SALES], summary="Cancel what is not delivered")
async def cancel_order(do: Do, command: CancelOrder) -> Answer:
    """What has been delivered stays delivered."""
    return await do(command, key=command.order)


@router.post("/orders/deliver", dependencies=[SALES], summary="Deliver an order, or part of it")
async def deliver_order(do: Do, command: DeliverOrder) -> Answer:
    """Only what credit has granted; without lines, everything not delivered yet."""
    return await do(command, key=command.delivery)


@router.get("/orders", summary="Orders by date")
async def list_orders(
    read: Read,
    page: Page,
    customer: Annotated[str | None, Query(description="Only orders of this customer.")] = None,
    state: Annotated[orders.State | None, Query(description="Only orders in this state.")] = None,
    newest_first: Annotated[bool, Query(description="The latest at the top (false: the earliest).")] = False,
) -> Paged[OrderRow]:
    """Sorted by order date, then order."""
    selected = orders.matching(customer, state)
    return await page.fetch(read, selected, *orders.BY_DATE, into=OrderRow, descending=newest_first)


@router.get("/orders/{order:path}", summary="One order")
async def show_order(
    read: Read, response: Response, order: Annotated[str, Path(description="Key of the order.")]
) -> OrderRow:
    """With lines, deliveries and what credit says; its version is the ETag."""
    found = await orders.one(read, order)
    etag.put(response, found.version)
    return found

"""All that happened to a customer, in every service."""

from typing import Annotated

from fastapi import Depends, Query

from chassis.context import Page, Paged, Read
from chassis.parameters import Day
from chassis.routes import Routes
from customer_svc.api.staleness import StaleBefore
from customer_svc.projections import customers, timeline
from customer_svc.projections.timeline import Order, TimelineEntry, Topic, Window

router = Routes(tags=["timeline"])


async def window(
    topic: Annotated[Topic | None, Query(description="Only what this context states.")] = None,
    type: Annotated[  # noqa: A002
        str | None, Query(description="Only events of this type.", examples=["credit.InvoiceIssued"])
    ] = None,
    first: Annotated[Day | None, Query(alias="from", description="Only what happened on this day or later.")] = None,
    last: Annotated[Day | None, Query(alias="to", description="Only what happened on this day or earlier.")] = None,
) -> Window:
    """Which part is asked for."""
    return Window(topic=topic, type=type, first=first, last=last)


@router.get("/timeline", summary="All that happened to a customer")
async def show_timeline(
    read: Read,
    page: Page,
    stale_before: StaleBefore,
    asked: Annotated[Window, Depends(window)],
    customer: Annotated[str, Query(description="Key of the customer.", examples=["C-103"])],
    order: Annotated[Order, Query(description="By the day it happened on, or by when we learned it.")] = "effective",
    newest_first: Annotated[bool, Query(description="The latest at the top (false: the earliest).")] = True,
) -> Paged[TimelineEntry]:
    """Every event of every service that concerns the customer, as a sentence in English and Chinese."""
    found = await customers.one(read, customer, stale_before)
    query, columns = timeline.of(found.customer, asked), timeline.by(order)
    return await page.fetch(read, query, *columns, into=TimelineEntry, descending=newest_first)

"""The blocks of the customer record: recorded as found, verified, told over time."""

from typing import Annotated

from fastapi import Query

from chassis.context import Answer, Do, Log, Read, allowed
from chassis.routes import Routes
from customer_svc.api.staleness import StaleBefore
from customer_svc.domain.record import BlockName, RecordBlocks, VerifyRecord
from customer_svc.projections import blocks, customers
from customer_svc.projections.blocks import Found
from events.record import Block

router = Routes(prefix="/record", tags=["record"])
SALES = allowed("sales")


@router.put("", dependencies=[SALES], summary="Record what was found out about a customer")
async def record_blocks(do: Do, command: RecordBlocks) -> Answer:
    """One block or several, as collected on one occasion; each replaces the one before it, others stay.

    If-Match names the `record_version` of the customer.
    """
    return await do(command, key=command.customer)


@router.post("/verify", dependencies=[SALES], summary="Say that a record still reads right")
async def verify_record(do: Do, command: VerifyRecord) -> Answer:
    """R-008: the whole record was looked through on that day."""
    return await do(command, key=command.customer)


@router.get("/history", summary="How a block read over time")
async def block_history(
    log: Log,
    read: Read,
    stale_before: StaleBefore,
    customer: Annotated[str, Query(description="Key of the customer.", examples=["C-103"])],
    block: Annotated[BlockName, Query(description="Which block of the record.")],
) -> list[Found[Block]]:
    """The latest first; what was collected earlier and arrived later stands at its own day."""
    found = await customers.one(read, customer, stale_before)
    return await blocks.history(log, found.customer, block)

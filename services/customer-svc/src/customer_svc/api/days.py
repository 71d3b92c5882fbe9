"""Business days: which one is open, opening the next one, going live."""

from typing import Annotated

from fastapi import Body

from chassis.context import Answer, Company, Do, Read, Today, allowed
from chassis.parameters import Day
from chassis.routes import Routes
from customer_svc.domain.calendar import AdvanceDay, GoLive, OpenDay
from customer_svc.projections import days
from customer_svc.projections.days import DayRow

router = Routes(tags=["days"])
OPERATIONS = allowed("operations")


@router.post("/days/open", dependencies=[OPERATIONS], summary="Open a business day")
async def open_day(do: Do, company: Company, day: Annotated[Day, Body(embed=True)]) -> Answer:
    """Every rule and figure takes it as today; it only moves forwards."""
    return await do(OpenDay(company=company, day=day))


@router.post("/days/advance", dependencies=[OPERATIONS], summary="Open a later business day")
async def advance_day(
    do: Do,
    company: Company,
    since: Annotated[Day, Body(description="The day open now.")],
    days: Annotated[int, Body(ge=1, le=3660, strict=True)] = 1,
) -> Answer:
    """Opens the day `days` days after `since`."""
    return await do(AdvanceDay(company=company, since=since, days=days))


@router.post("/days/live", dependencies=[OPERATIONS], summary="End the initial load")
async def go_live(
    do: Do, company: Company, loaded_documents: Annotated[int, Body(embed=True, ge=0, strict=True)] = 0
) -> Answer:
    """From here on checks, holds and notices apply, and recorded times are the database's own. Happens once."""
    return await do(GoLive(company=company, loaded_documents=loaded_documents))


@router.get("/days", summary="The open business day")
async def show_day(read: Read, company: Company, today: Today) -> DayRow:
    """Which day it is, and whether the company went live."""
    return await days.shown(read, company, today)

"""The business day as shown; its table is the engine's, every service has it."""

from datetime import date

import sqlalchemy as sa
from pydantic import BaseModel, Field

from engine.business_day import business_day
from engine.database import Connection


class DayRow(BaseModel):
    """`today` is what rules and figures take as today; `opened` false: no day was opened yet, it is the clock's."""

    company: str = Field(examples=["main"])
    today: date
    opened: bool
    went_live: bool


async def shown(read: Connection, company: str, today: date) -> DayRow:
    """The open day of `company`; `today` where none was opened yet."""
    found = (await read.execute(sa.select(business_day).where(business_day.c.company == company))).mappings().first()
    day, live = (found["day"], found["went_live"]) if found else (None, False)
    return DayRow(company=company, today=day or today, opened=day is not None, went_live=live)

"""The view every service has: which business day is open, and whether the initial load is over."""

from datetime import date
from typing import Any

import asyncpg
from sqlalchemy import Boolean, Column, Date, MetaData, Table, Text

from engine.projection import Key, Row, Rows
from events.company import DayOpened, WentLive
from events.envelope import Envelope

business_day = Table(
    "business_day",
    MetaData(),
    Column("company", Text, primary_key=True),
    Column("day", Date),
    Column("went_live", Boolean, nullable=False),
    Column("live_on", Date),
)


def _keys(envelope: Envelope[Any]) -> tuple[Key, ...]:
    return ((envelope.company,),)


def _fold(key: Key, row: Row | None, envelope: Envelope[Any]) -> Row:
    _, day, live, live_on = row or (*key, None, False, None)
    match envelope.event:
        case DayOpened(day=opened):
            return (*key, opened, live, live_on)
        case WentLive(day=first):
            return (*key, day, True, first)
        case _:
            return (*key, day, live, live_on)


BUSINESS_DAY = Rows(table=business_day, version=1, handles=(DayOpened, WentLive), keys=_keys, fold=_fold)


async def state(pool: asyncpg.Pool, company: str) -> tuple[date | None, bool]:
    """The open day as far as this service has heard (None: none was opened yet), and whether `company` went live."""
    row = await pool.fetchrow("select day, went_live from business_day where company = $1", company)
    return (row["day"], row["went_live"]) if row else (None, False)

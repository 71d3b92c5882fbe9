"""Who looks after the customers (R-011): how many each employee has, and who had one from when to when."""

from collections.abc import Mapping
from datetime import date
from typing import Self

import sqlalchemy as sa
from pydantic import BaseModel, Field

from customer_svc.domain.customer import CUSTOMER
from customer_svc.projections.customers import Wanted, selected
from engine.database import Connection
from engine.ports import Streams, Verdict
from events.customer import CustomerRegistered, OwnerAssigned


class OwnerRow(BaseModel):
    """An employee's customers; `owner` null: customers nobody is responsible for."""

    owner: str | None = Field(examples=["zhao"])
    customers: int
    stale: int


class Responsibility(BaseModel):
    """Who was responsible from a day on; `until` is the day somebody else took over, null for whoever is it now.

    `owner` null: nobody was. `assigned_by` is who said so.
    """

    owner: str | None = Field(examples=["zhao"])
    since: date
    until: date | None
    assigned_by: str


class HandedOver(BaseModel):
    """What became of a hand-over: `customers` went over; `passed_over` had another owner by then; `left` is for later.

    Where `left` is not 0, ask again with another Idempotency-Key.
    """

    customers: list[str] = Field(examples=[["C-103"]])
    passed_over: list[str]
    left: int

    @classmethod
    def told(cls, verdicts: Mapping[str, Verdict], left: int) -> Self:
        """The summary of the verdicts on each customer."""
        refused = [customer for customer, verdict in verdicts.items() if verdict.outcome == "rejected"]
        return cls(customers=sorted(verdicts.keys() - set(refused)), passed_over=refused, left=left)


async def of(read: Connection, owner: str, stale_before: date, most: int) -> tuple[list[str], int]:
    """The keys of the first `most` customers of `owner`, and how many more there are."""
    rows = selected(Wanted(stale_before=stale_before, owner=owner)).subquery().c
    found = await read.execute(sa.select(rows.customer, sa.func.count().over()).order_by(rows.customer).limit(most))
    keys = [tuple(row) for row in found]
    return [key for key, _ in keys], max((number for _, number in keys), default=0) - len(keys)


async def counted(read: Connection, stale_before: date) -> list[OwnerRow]:
    """The employees by name, behind them nobody."""
    rows = selected(Wanted(stale_before=stale_before)).subquery().c
    number = sa.func.count()
    query = sa.select(rows.owner, number.label("customers"), number.filter(rows.stale).label("stale"))
    found = await read.execute(query.group_by(rows.owner))
    return sorted((OwnerRow.model_validate(dict(row)) for row in found.mappings()), key=place)


def place(row: OwnerRow) -> tuple[bool, str]:
    """Where `row` stands among the employees."""
    return row.owner is None, row.owner or ""


async def history(log: Streams, customer: str) -> list[Responsibility]:
    """Who was responsible for `customer`, the first one first; empty where there is no such customer."""
    found: list[Responsibility] = []
    for envelope in await log.read_stream(CUSTOMER(customer).stream):
        match envelope.event:
            case CustomerRegistered(basics=basics):
                owner = basics.owner
            case OwnerAssigned(owner=owner):
                pass
            case _:
                continue
        found[-1:] = [before.model_copy(update={"until": envelope.effective}) for before in found[-1:]]
        found.append(Responsibility(owner=owner, since=envelope.effective, until=None, assigned_by=envelope.actor))
    return found

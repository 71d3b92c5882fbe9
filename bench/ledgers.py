"""Fact tables filled by the database itself: a company with so many invoices, most of them paid."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import asyncpg

from analytics_svc.domain.figures import Point
from analytics_svc.domain.measures import Scope
from analytics_svc.projections.stored import FACTS
from bench.ground import Ground
from engine.database import Database
from engine.ids import new
from engine.ports import PARTS
from engine.tablebus import TableBus
from engine.views import ViewRegistry, group_of

DAYS = 1000
FIRST, LAST = date(2023, 4, 7), date(2025, 12, 31)
KNOWN = datetime(2100, 1, 1, tzinfo=UTC)
SCOPE = Scope(Point(LAST, KNOWN), currency="CNY")
TOPICS = ("customer", "credit", "complaint")

_INVOICES = """
insert into receivables select gen_random_uuid(), 0, 'C-' || i * 7919 % $3::bigint, date '2023-04-07' + (i % 1000)::int,
    now(), 'credit', i * 4, 'invoice', 'I-' || i, 'I-' || i || '#1', date '2023-04-07' + (i % 1000)::int + 30,
    (i % 9973 + 100) / 100.0, 'CNY' from generate_series($1::bigint, $2::bigint) i"""
_CASH = """
insert into receivables select gen_random_uuid(), 0, 'C-' || i * 7919 % $3::bigint,
    date '2023-04-07' + (i % 1000 + 15 + i % 60)::int, now(), 'credit', i * 4 + 1, 'cash', 'P-' || i, 'payment:P-' || i,
    null, -(i % 9973 + 100) / 100.0, 'CNY' from generate_series($1::bigint, $2::bigint) i where i % 10 < 9"""
_ALLOCATED = """
insert into receivables select gen_random_uuid(), n, 'C-' || i * 7919 % $3::bigint,
    date '2023-04-07' + (i % 1000 + 15 + i % 60)::int, now(), 'credit', i * 4 + 2, 'allocation', 'P-' || i,
    case n when 0 then 'I-' || i || '#1' else 'payment:P-' || i end,
    case n when 0 then date '2023-04-07' + (i % 1000)::int + 30 end,
    (case n when 0 then -1 else 1 end) * (i % 9973 + 100) / 100.0, 'CNY'
    from generate_series($1::bigint, $2::bigint) i cross join generate_series(0, 1) n where i % 10 < 9"""
_SALES = """
insert into sales select gen_random_uuid(), 0, 'C-' || i * 7919 % $3::bigint, date '2023-04-07' + (i % 1000)::int,
    now(), 'credit', i * 4, 'billed', 'I-' || i, 'P-' || i % 500, 'cans', 10, (i % 9973 + 100) / 100.0, 0,
    (i % 9973 + 100) / 100.0, (i % 9973) / 200.0, 'CNY' from generate_series($1::bigint, $2::bigint) i"""
_CUSTOMERS = """
insert into registrations select gen_random_uuid(), 0, 'C-' || i - 1, date '2023-01-01', now(), 'customer', i, 'CNY'
    from generate_series(1, $1::bigint) i"""
_PLACES = """
insert into consumers (grp, topic, part, incarnation, last_pos) values ($1, $2, $3, $4, $5)
on conflict (grp, topic, part) do update set last_pos = excluded.last_pos"""


@dataclass
class Company:
    """The facts of a company, in the tables that analytics-svc keeps them in; it grows as invoices come in."""

    database: Database
    owner: "asyncpg.Connection[asyncpg.Record]"
    bus: TableBus
    customers: int
    invoices: int = 0

    async def grow(self, invoices: int) -> None:
        """So many more invoices, as if they had been folded: the positions of the views move on."""
        first, last = self.invoices + 1, self.invoices + invoices
        for statement in (_INVOICES, _CASH, _ALLOCATED, _SALES):
            await self.owner.execute(statement, first, last, self.customers)
        self.invoices = last
        incarnation = new()
        places = [
            (group_of(view), topic, part, incarnation, last * 4 + 3)
            for view in FACTS for topic in view.topics for part in range(PARTS)
        ]  # fmt: skip
        await self.owner.executemany(_PLACES, places)

    async def close(self) -> None:
        await self.owner.close()


async def company(ground: Ground, name: str, invoices: int, customers: int) -> Company:
    """A company with that many invoices to that many customers."""
    database = await ground.database(name)
    await ViewRegistry(database.pool).ensure(FACTS)
    owner = await asyncpg.connect(database.url)
    bus = TableBus(dict.fromkeys(TOPICS, database.pool), database.pool)
    found = Company(database, owner, bus, customers)
    await owner.execute(_CUSTOMERS, customers)
    await found.grow(invoices)
    await owner.execute("vacuum analyze")
    return found

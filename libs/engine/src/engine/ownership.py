"""The view every service has: which employee looks after each customer now, and reading as that employee sees it."""

from collections.abc import Collection, Iterable
from typing import Any

import asyncpg
from sqlalchemy import Column, ColumnElement, Index, MetaData, Table, Text, event, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import HasCTE
from sqlalchemy.sql.visitors import iterate

from engine.projection import Key, Row, Rows
from events.customer import CustomerRegistered, CustomerUpdated, OwnerAssigned
from events.envelope import Envelope

ownership = Table(
    "ownership",
    MetaData(),
    Column("customer", Text, primary_key=True),
    Column("owner", Text),
    Index("owner", "owner"),
)
_OWNED = "select customer from ownership where owner = $1 and customer = any($2::text[])"


def _keys(envelope: Envelope[Any]) -> tuple[Key, ...]:
    return ((envelope.event.customer,),)


def _fold(key: Key, _: Row | None, envelope: Envelope[Any]) -> Row:
    stated: CustomerRegistered | CustomerUpdated | OwnerAssigned = envelope.event
    return (*key, stated.owner if isinstance(stated, OwnerAssigned) else stated.basics.owner)


OWNERSHIP = Rows(
    table=ownership,
    version=1,
    handles=(CustomerRegistered, CustomerUpdated, OwnerAssigned),
    keys=_keys,
    fold=_fold,
)


async def owned(pool: asyncpg.Pool, employee: str, customers: Collection[str]) -> frozenset[str]:
    """Those of `customers` that `employee` looks after, as far as this service has heard."""
    return frozenset(row["customer"] for row in await pool.fetch(_OWNED, employee, list(customers)))


def see_own(read: AsyncConnection, employee: str) -> None:
    """From here on every query of `read` finds rows about the customers of `employee` alone, whoever wrote it."""

    def narrow(_: Any, query: Any, many: Any, one: Any, __: Any) -> tuple[Any, Any, Any]:
        return narrowed(query, employee), many, one

    event.listen(read.sync_connection, "before_execute", narrow, retval=True)


def narrowed(query: Any, employee: str) -> HasCTE:
    """`query` with every table that names a customer replaced by its rows about the customers of `employee`.

    A common table expression hides the table of its name from the query. Raises TypeError where the query is a text,
    in which no table can be seen.
    """
    if not isinstance(query, HasCTE):
        raise TypeError(f"a query of {type(query).__name__} cannot be narrowed to one employee's customers")
    mine = select(ownership.c.customer).where(ownership.c.owner == employee)
    hiding = [select(t).where(t.c.customer.in_(mine)).cte(t.name) for t in _about_customers(query)]
    return query.add_cte(*hiding)


def _about_customers(query: ColumnElement[Any] | HasCTE) -> Iterable[Table]:
    found = {t.name: t for t in iterate(query) if isinstance(t, Table)}
    return [table for name, table in sorted(found.items()) if "customer" in table.c and name != ownership.name]

"""The same two folds written by hand: read a page, fold dicts, write it and the position in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import asyncpg
import orjson

PAGE = 2_000
READ = """select pos, id, customer, data, effective_at, recorded_at from events
    where pos > $1 and type = 'credit.PaymentReceived' order by pos limit $2"""
MOVE = "update hand_position set pos = $2 where view = $1"
TABLES = (
    "create table if not exists hand_position (view text primary key, pos bigint not null)",
    """create table if not exists hand_totals
        (customer text primary key, payments bigint not null, paid numeric not null)""",
    """create table if not exists hand_ledger (event uuid primary key, customer text not null, document text not null,
        amount numeric not null, currency text not null, effective date not null, recorded timestamptz not null)""",
    "create index if not exists hand_ledger_customer on hand_ledger (customer, effective)",
)
ADD = """insert into hand_totals as t select * from unnest($1::text[], $2::bigint[], $3::numeric[])
    on conflict (customer) do update set payments = t.payments + excluded.payments, paid = t.paid + excluded.paid"""

Rows = Sequence[Any]
Sums = dict[str, tuple[int, Decimal]]
Write = Callable[[asyncpg.pool.PoolConnectionProxy, Rows], Awaitable[None]]


async def prepare(pool: asyncpg.Pool) -> None:
    """Empty tables, and the position at the start."""
    for statement in TABLES:
        await pool.execute(statement)
    await pool.execute("truncate hand_position, hand_totals, hand_ledger")
    await pool.execute("insert into hand_position values ('totals', 0), ('ledger', 0)")


async def follow(pool: asyncpg.Pool, view: str, write: Write) -> int:
    """Fold the log to its end; how many events."""
    position, count = 0, 0
    while rows := await pool.fetch(READ, position, PAGE):
        position, count = rows[-1]["pos"], count + len(rows)
        async with pool.acquire() as connection, connection.transaction():
            await write(connection, rows)
            await connection.execute(MOVE, view, position)
    return count


async def add_totals(connection: asyncpg.pool.PoolConnectionProxy, rows: Rows) -> None:
    sums: Sums = {}
    fold(sums, rows)
    keys = sorted(sums)
    await connection.execute(ADD, keys, [sums[k][0] for k in keys], [sums[k][1] for k in keys])


async def add_entries(connection: asyncpg.pool.PoolConnectionProxy, rows: Rows) -> None:
    await connection.copy_records_to_table("hand_ledger", records=list(map(entry, rows)))


def fold(sums: Sums, rows: Rows) -> None:
    for row in rows:
        amount = Decimal(orjson.loads(row["data"])["amount"]["amount"])
        count, paid = sums.get(row["customer"], (0, Decimal(0)))
        sums[row["customer"]] = count + 1, paid + amount


def entry(row: Any) -> tuple[Any, ...]:
    data = orjson.loads(row["data"])
    amount = data["amount"]
    return (
        row["id"],
        row["customer"],
        data["payment"],
        -Decimal(amount["amount"]),
        amount["currency"],
        row["effective_at"],
        row["recorded_at"],
    )


async def rebuild_totals(pool: asyncpg.Pool) -> int:
    """All in memory, one COPY, then the key."""
    sums: Sums = {}
    position, count = 0, 0
    while rows := await pool.fetch(READ, position, 5 * PAGE):
        position, count = rows[-1]["pos"], count + len(rows)
        fold(sums, rows)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "create table new_hand_totals (customer text, payments bigint not null, paid numeric not null)"
        )
        await connection.copy_records_to_table("new_hand_totals", records=[(k, *v) for k, v in sums.items()])
        await connection.execute("alter table new_hand_totals add primary key (customer)")
        await swap(connection, "hand_totals")
    return count


async def rebuild_ledger(pool: asyncpg.Pool) -> int:
    """A COPY a page, then the key and the index."""
    position, count = 0, 0
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("create table new_hand_ledger (like hand_ledger)")
        while rows := await connection.fetch(READ, position, 5 * PAGE):
            position, count = rows[-1]["pos"], count + len(rows)
            await connection.copy_records_to_table("new_hand_ledger", records=list(map(entry, rows)))
        await connection.execute("alter table new_hand_ledger add primary key (event)")
        await connection.execute("create index on new_hand_ledger (customer, effective)")
        await swap(connection, "hand_ledger")
    return count


async def swap(connection: asyncpg.pool.PoolConnectionProxy, table: str) -> None:
    await connection.execute(f"drop table {table}")
    await connection.execute(f"alter table new_{table} rename to {table}")

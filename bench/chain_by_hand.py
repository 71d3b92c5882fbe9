"""The chain written by hand for one purpose: ERP topic -> events -> topic of events -> ledger and balances.

`python -m bench.chain_by_hand intake|relay|fold BOOTSTRAP URL TOPIC OF_EVENTS COUNT`: each role a process. Two events a
document, as the product makes. Nothing is checked, looked up or decided; positions are counted, one writer is alone.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from engine.ids import part_of
from engine.ports import PARTS

AT_ONCE = 5_000
TABLES = """
create table by_hand_events(pos bigint primary key, stream text not null, ver int not null, id uuid not null,
    type text not null, customer text not null, data jsonb not null, unique (stream, ver));
create table by_hand_cursor(pos bigint not null);
insert into by_hand_cursor values (0);
create table by_hand_ledger(customer text not null, invoice text not null, amount numeric not null, due date not null);
create table by_hand_balances(customer text primary key, balance numeric not null);
create table by_hand_open(customer text primary key, open numeric not null)"""
_BALANCES = """insert into by_hand_balances select * from unnest($1::text[], $2::numeric[])
    on conflict (customer) do update set balance = by_hand_balances.balance + excluded.balance"""
_OPEN = """insert into by_hand_open select * from unnest($1::text[], $2::numeric[])
    on conflict (customer) do update set open = by_hand_open.open + excluded.open"""
Row = tuple[Any, ...]


async def intake(bootstrap: str, url: str, topic: str, _: str, count: int) -> None:
    """Documents to events, a transaction a batch."""
    connection, consumer = await asyncpg.connect(url), await reading(bootstrap, topic)
    done, versions = 0, defaultdict[str, int](int)
    while done < count:
        rows: list[Row] = []
        for message in await fetched(consumer):
            rows += events(orjson.loads(message), 2 * done, versions)
            done += 1
        if rows:
            async with connection.transaction():
                await connection.execute("select pg_advisory_xact_lock(1)")
                await connection.copy_records_to_table("by_hand_events", records=rows)
    await consumer.stop()


def events(data: dict[str, Any], before: int, versions: defaultdict[str, int]) -> list[Row]:
    """What an invoice comes to, as the product says it."""
    customer, invoice, amount, due = data["customer"], data["invoice"], data["amount"], data["due"]
    versions[customer] += 1
    issued = {
        "customer": customer, "invoice": invoice, "order": None, "invoice_date": data["invoice_date"], "amount": amount,
        "instalments": [{"number": 1, "due": due, "amount": amount}], "lines": [], "rate": None,
    }  # fmt: skip
    moved = {
        "customer": customer, "document": invoice, "cause": "invoice_issued", "changes": {"open_invoices": amount},
        "due": [{"due": due, "amount": amount}], "order": None, "on": data["invoice_date"],
    }  # fmt: skip
    return [
        (before + 1, f"invoice-{invoice}", 1, uuid4(), "InvoiceIssued", customer, orjson.dumps(issued).decode()),
        (before + 2, f"exposure-{customer}", versions[customer], uuid4(), "ExposureChanged", customer,
         orjson.dumps(moved).decode()),
    ]  # fmt: skip


async def relay(bootstrap: str, url: str, _: str, topic: str, count: int) -> None:
    """Events to their topic, from a cursor."""
    connection, producer, position = await asyncpg.connect(url), await producing(bootstrap), 0
    while position < 2 * count:
        rows = await connection.fetch(
            "select pos, type, customer, data::text from by_hand_events where pos > $1 order by pos limit $2",
            position, AT_ONCE,
        )  # fmt: skip
        if not rows:
            await asyncio.sleep(0.01)
            continue
        await send(producer, topic, [(row[2], row[3].encode(), [("type", row[1].encode())]) for row in rows])
        position = rows[-1][0]
        await connection.execute("update by_hand_cursor set pos = $1", position)
    await producer.stop()


async def fold(bootstrap: str, url: str, _: str, topic: str, count: int) -> None:
    """Events to a ledger and two sums by customer."""
    connection, consumer = await asyncpg.connect(url), await reading(bootstrap, topic)
    done = 0
    while done < 2 * count:
        ledger: list[Row] = []
        balances, opened = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
        for message in await fetched(consumer):
            data = orjson.loads(message)
            done += 1
            if "instalments" in data:
                amount = Decimal(data["amount"]["amount"])
                ledger += [
                    (data["customer"], data["invoice"], Decimal(i["amount"]["amount"]), date.fromisoformat(i["due"]))
                    for i in data["instalments"]
                ]
                balances[data["customer"]] += amount
            else:
                opened[data["customer"]] += Decimal(data["changes"]["open_invoices"]["amount"])
        if ledger or opened:
            async with connection.transaction():
                await connection.copy_records_to_table("by_hand_ledger", records=ledger)
                for query, sums in ((_BALANCES, balances), (_OPEN, opened)):
                    keys = sorted(sums)
                    await connection.execute(query, keys, [sums[key] for key in keys])
    await consumer.stop()


async def reading(bootstrap: str, topic: str) -> AIOKafkaConsumer:
    """All parts of a topic, from the first record."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, part) for part in range(PARTS)])
    await consumer.seek_to_beginning()
    return consumer


async def fetched(consumer: AIOKafkaConsumer) -> Iterable[bytes]:
    """What is there, at most so many."""
    found = await consumer.getmany(timeout_ms=500, max_records=AT_ONCE)
    return [message.value for messages in found.values() for message in messages]


async def producing(bootstrap: str) -> AIOKafkaProducer:
    """As the product's: idempotent, zstd, acknowledged by all."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        max_batch_size=900_000,
    )
    await producer.start()
    return producer


async def send(
    producer: AIOKafkaProducer, topic: str, records: Sequence[tuple[str, bytes, list[tuple[str, bytes]]]]
) -> None:
    """In batches, each part in its order; acknowledged when this returns."""
    parts: defaultdict[int, list[tuple[str, bytes, list[tuple[str, bytes]]]]] = defaultdict(list)
    for record in records:
        parts[part_of(record[0])].append(record)

    async def one(part: int) -> None:
        batch, waiting = producer.create_batch(), []
        for key, value, headers in parts[part]:
            while batch.append(timestamp=None, key=key.encode(), value=value, headers=headers) is None:
                waiting.append(await producer.send_batch(batch, topic, partition=part))
                batch = producer.create_batch()
        waiting.append(await producer.send_batch(batch, topic, partition=part))
        await asyncio.gather(*waiting)

    await asyncio.gather(*map(one, parts))


if __name__ == "__main__":
    role, bootstrap, url, documents, of_events, total = sys.argv[1:]
    roles = {"intake": intake, "relay": relay, "fold": fold}
    uvloop.run(roles[role](bootstrap, url, documents, of_events, int(total)))

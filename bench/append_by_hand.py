"""Group commit as one writes it by hand for one purpose: a queue, one function, one connection, the same table."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from bench.facts import DAY
from engine.database import SETTINGS, Database
from engine.ids import part_of

FUNCTION = """
create function append_by_hand(streams text[], expected bigint[], ids uuid[], parts smallint[], customers text[],
    bodies text[], metas text[], day date, out base bigint, out conflicts int[]) language plpgsql as $$
begin
    perform pg_advisory_xact_lock(1);
    conflicts := array(select o from unnest(streams, expected) with ordinality u(s, e, o)
        where e <> coalesce((select h.ver from events h where h.stream = s order by h.ver desc limit 1), 0));
    base := coalesce((select h.pos from events h order by h.pos desc limit 1), 0);
    insert into events select base + row_number() over (order by o), part, stream, e + 1, id,
        'credit.PaymentReceived', 1, customer, 'kehu', body::jsonb, meta::jsonb, day, clock_timestamp()
    from unnest(streams, expected, ids, parts, customers, bodies, metas) with ordinality
        u(stream, e, id, part, customer, body, meta, o)
    where o <> all(conflicts);
end $$"""
CALL = "select * from append_by_hand($1, $2, $3, $4, $5, $6, $7, $8)"
MOST = 500

Item = tuple[str, int, UUID, int, str, str, str]


@dataclass(slots=True)
class HandStore:
    """Appends of one event each."""

    connection: asyncpg.Connection
    waiting: deque[tuple[Item, "asyncio.Future[int]"]]
    arrived: asyncio.Event
    task: "asyncio.Task[None] | None" = None

    @classmethod
    async def open(cls, database: Database) -> "HandStore":
        connection = await asyncpg.connect(database.url, server_settings=SETTINGS)
        await connection.execute("drop trigger events_by_function on events")
        await connection.execute(FUNCTION)
        store = cls(connection, deque(), asyncio.Event())
        store.task = asyncio.create_task(store._run())
        return store

    async def append(self, stream: str, version: int, content: dict[str, Any]) -> int:
        """The position. Raises ValueError where `version` does not hold."""
        about = {
            "actor": "bench",
            "correlation": str(uuid4()),
            "causation": None,
            "traceparent": None,
            "origin": "live",
        }
        customer = content["customer"]
        texts = orjson.dumps(content).decode(), orjson.dumps(about).decode()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waiting.append(((stream, version, uuid4(), part_of(customer), customer, *texts), answer))
        self.arrived.set()
        return await answer

    async def _run(self) -> None:
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            await asyncio.sleep(0)
            while self.waiting:
                batch = [self.waiting.popleft() for _ in range(min(MOST, len(self.waiting)))]
                columns = zip(*(item for item, _ in batch), strict=True)
                answer = await self.connection.fetchrow(CALL, *map(list, columns), DAY)
                assert answer is not None
                self._answer(batch, answer["base"], frozenset(answer["conflicts"]))

    @staticmethod
    def _answer(batch: list[tuple[Item, "asyncio.Future[int]"]], position: int, conflicts: frozenset[int]) -> None:
        for number, (item, answer) in enumerate(batch, 1):
            if number in conflicts:
                answer.set_exception(ValueError(f"{item[0]} is not at version {item[1]}"))
            else:
                position += 1
                answer.set_result(position)

    async def close(self) -> None:
        if self.task:
            self.task.cancel()
        await self.connection.close()

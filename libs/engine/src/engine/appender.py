"""Group commit: the concurrent appends of a process become one call of `append_events`, each with its own verdict."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from uuid import UUID

import asyncpg
import orjson

from engine.batches import Request, Row, arguments, expire, take, undone
from engine.meters import Appends
from engine.ports import Append, Appended, Conflict, StoreFailed, StoreFull, Verdict
from engine.tracing import TRACES

ANSWER = 10.0
"""Seconds for an answer to one call; the append function itself waits at most 4 s for the lane."""
PAUSE = 0.1

_CALL = "select * from append_events($1, $2, $3, $4, $5)"
_VERDICTS = "select * from verdicts where command = any($1::uuid[])"
_OURS = "select id, recorded_at from events where id = any($1::uuid[])"
_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)


class Appender:
    """Has one call in flight: what comes meanwhile goes together into the next."""

    def __init__(
        self,
        company: str,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        committed: Callable[[set[str]], None],
    ) -> None:
        self._company, self._connect, self._committed = company, connect, committed
        self.appends = Appends()
        self._waiting: deque[Request] = deque()
        self._arrived = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def submit(self, append: Append, rows: Sequence[Row], patience: float) -> "asyncio.Future[Appended]":
        """Queue an append; its future gives where it went, or raises Conflict or StoreFailed within `patience` s."""
        if self._closing:
            raise StoreFailed("the store is closed; not stored")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="appender")
        request = Request(append, rows, asyncio.get_running_loop().create_future(), monotonic() + patience)
        self._waiting.append(request)
        self._arrived.set()
        return request.answer

    async def close(self) -> None:
        """Store what is waiting, then give back the connection."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        self._drop()

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await asyncio.sleep(0)  # those just answered may ask again: they share the next call
                await self._store(take(self._waiting))

    async def _store(self, batch: list[Request]) -> None:
        if not batch:
            return
        try:
            await self._attempt(batch)
        except asyncpg.DiskFullError:
            for request in batch:
                request.fail(StoreFull("the disk of the database is full; not stored"))
        except _BUSY as error:
            await self._again(batch, error)
        except Exception as error:
            await (self._lost(batch, error) if is_lost(error) else self._bisect(batch, error))
        except BaseException:
            for request in batch:
                request.fail(StoreFailed("the store was stopped; whether this was stored is unknown"))
            raise

    async def _attempt(self, batch: list[Request]) -> None:
        connection = self._connection
        if connection is None or connection.is_closed():
            try:
                connection = self._connection = await self._connect()
            except (*_LOST, *_BUSY, asyncpg.PostgresError) as error:
                self._connection = None
                return await self._again(batch, error)
        answer = await connection.fetchrow(_CALL, *arguments(self._company, batch), timeout=ANSWER)
        assert answer is not None
        repeated = await self._repeated(connection, batch, answer["repeated"])
        self._answer(batch, answer, repeated)
        return None

    def _answer(self, batch: list[Request], answer: asyncpg.Record, repeated: dict[int, Appended]) -> None:
        position, recorded, conflicts = answer["base"], answer["recorded"], frozenset(answer["conflicts"])
        topics: set[str] = set()
        now, stored = monotonic(), self.appends.add
        for number, request in enumerate(batch, 1):
            if number in repeated:
                request.succeed(repeated[number])
            elif number in conflicts:
                request.fail(Conflict(f"not at the expected version: {', '.join(sorted(request.append.expected))}"))
            else:
                first, position = position + 1, position + len(request.rows)
                asserted = request.append.meta.asserted_recorded
                request.succeed(Appended(first, position, min(asserted, recorded) if asserted else recorded))
                topics.update([row.topic for row in request.rows])
                stored(now - request.asked, len(request.rows))
                if TRACES.tracer is not None:
                    _told(request, now - request.asked, len(batch))
        if topics:
            self._committed(topics)

    async def _repeated(
        self, connection: asyncpg.Connection, batch: list[Request], numbers: Sequence[int]
    ) -> dict[int, Appended]:
        if not numbers:
            return {}
        asked = {number: batch[number - 1] for number in numbers}
        rows = await connection.fetch(_VERDICTS, [c for r in asked.values() for c in r.commands], timeout=ANSWER)
        stored = {row["command"]: row for row in rows}
        doubtful = [r.rows[0].id for r in asked.values() if r.in_doubt and r.rows]
        ours = {row["id"] for row in await connection.fetch(_OURS, doubtful, timeout=ANSWER)} if doubtful else set()
        return {number: _known(request, stored, ours) for number, request in asked.items()}

    async def _bisect(self, batch: list[Request], error: Exception) -> None:
        """One of them is bad: each half on its own, until it is alone with its error."""
        if len(batch) == 1:
            failed = undone(batch[0], f"the database refused: {type(error).__name__}")
            failed.__cause__ = error
            return batch[0].fail(failed)
        middle = len(batch) // 2
        await self._store(batch[:middle])
        await self._store(batch[middle:])
        return None

    async def _lost(self, batch: list[Request], error: Exception) -> None:
        """The database had it and the answer is lost: only what carries a verdict can be asked again."""
        self._drop()
        for request in batch:
            request.in_doubt = True
            if not request.append.verdicts:
                request.fail(StoreFailed("the connection was lost; whether this was stored is unknown"))
        await self._again([r for r in batch if r.append.verdicts], error)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _again(self, batch: list[Request], error: Exception) -> None:
        self._waiting.extendleft(reversed(batch))
        expire(self._waiting, f"the database does not answer ({type(error).__name__})")
        if self._waiting:
            self._arrived.set()
            await asyncio.sleep(PAUSE)


def _told(request: Request, seconds: float, batch: int) -> None:
    append = request.append
    metas = (append.meta, *(new.meta for new in append.events if new.meta))
    about = {"kehu.events": len(request.rows), "kehu.batch": batch}
    TRACES.tell("append", [meta.traceparent for meta in metas], seconds, about)


def is_lost(error: Exception) -> bool:
    """Whether the connection, not the content, is the matter: several of the driver's classes are both."""
    return isinstance(error, _LOST) and not isinstance(error, ValueError)


def _known(request: Request, stored: dict[UUID, asyncpg.Record], ours: set[UUID]) -> Appended:
    rows = [stored[c] for c in request.commands if c in stored]
    first = min((row["first_pos"] for row in rows if row["first_pos"]), default=0)
    last = max((row["last_pos"] for row in rows if row["last_pos"]), default=0)
    mine = request.in_doubt and (not request.rows or request.rows[0].id in ours)
    return Appended(first, last, rows[0]["decided_at"], None if mine else read_verdict(rows[0]))


def read_verdict(row: asyncpg.Record) -> Verdict:
    """A row of `verdicts`, as the answer to a repetition."""
    return Verdict(
        command=row["command"],
        outcome=row["outcome"],
        digest=row["digest"],
        rule=row["rule"],
        params=orjson.loads(row["params"]) if row["params"] else None,
        streams=dict(orjson.loads(row["streams"])) if row["streams"] else None,
        positions=(row["first_pos"], row["last_pos"]) if row["first_pos"] else None,
        repeated=True,
    )

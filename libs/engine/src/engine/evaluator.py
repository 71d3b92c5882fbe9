"""Judges customers anew: those something happened to, and on a new business day everybody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import asyncpg

from engine.database import Database
from engine.faults import is_transient
from engine.handle import Asked, Handler
from engine.keeper import TOUCHED
from engine.ports import Conflict, StoreFailed
from engine.wakeups import Wakeups

log = logging.getLogger("kehu.evaluator")

Evaluate = Callable[[Sequence[str | None], date], Awaitable[Sequence[Asked]]]
"""(customers, open day) -> what is to be decided, under ids that the same findings always get. None: the company."""

_NEXT = """
(select customer, mark from touched where mark > done and customer <> '' and ($3 or not loading)
    order by mark limit $2)
union
(select customer, mark from touched where customer <> '' and (evaluated_on < $1 or evaluated_on is null)
    and ($3 or not loading) order by evaluated_on nulls first limit $2)
limit $2"""
_COMPANY = "select mark from touched where customer = '' and mark > done and ($1 or not loading)"
_DONE = """
update touched t set done = greatest(t.done, n.mark), evaluated_on = $3
from unnest($1::text[], $2::bigint[]) n(customer, mark) where t.customer = n.customer"""


class Evaluator:
    """Worker. A customer touched again while being judged is judged again; of several workers one works at a time.

    The company itself is judged after each burst of customers, when something happened to it and on each new day. What
    the initial load brings is judged once the company is live: as of today, not document by document.
    """

    name = "evaluator"

    def __init__(
        self,
        database: Database,
        evaluate: Evaluate,
        handler: Handler,
        today: Callable[[], Awaitable[date]],
        live: Callable[[], Awaitable[bool]],
        *,
        wakeups: Wakeups | None = None,
        limit: int = 200,
        pause: float = 0.25,
    ) -> None:
        self.failed = 0
        self._database, self._evaluate, self._handler, self._today = database, evaluate, handler, today
        self._live = live
        self._wakeups, self._limit, self._pause = wakeups or Wakeups(), limit, pause
        self._company_on: date | None = None
        self._burst = False

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluate until `stop`."""
        while not stop.is_set():
            count = self._wakeups.count(TOUCHED)
            if not await self.step():
                await self._wakeups.wait(TOUCHED, self._pause, count)

    async def step(self) -> bool:
        """Judge the next customers, or after the last of them the company. False: there was nothing to do."""
        async with self._database.pool.acquire() as session, session.transaction():
            if not await session.fetchval("select pg_try_advisory_xact_lock(5348007)"):
                return False
            day, live = await self._today(), await self._live()
            rows = await session.fetch(_NEXT, day, self._limit, live)
            if rows:
                self._burst = True
                await self._judge([r["customer"] for r in rows], day)
                await session.execute(_DONE, [r["customer"] for r in rows], [r["mark"] for r in rows], day)
                return True
            mark = await session.fetchval(_COMPANY, live)
            if mark or self._burst or self._company_on != day:
                await self._judge([None], day)
                self._burst, self._company_on = False, day
                await session.execute(_DONE, [""], [mark or 0], day)
            return False

    async def _judge(self, customers: Sequence[str | None], day: date) -> None:
        """All at once; where that breaks one by one, so that one customer does not stand in the way of the others."""
        try:
            await self._decide(customers, day)
        except Exception as error:
            if is_transient(error) or isinstance(error, (Conflict, StoreFailed)):
                raise
            if len(customers) > 1:
                for customer in customers:
                    await self._judge([customer], day)
                return
            self.failed += 1
            log.exception("evaluating a customer failed; it is evaluated again when touched, or on the next day")

    async def _decide(self, customers: Sequence[str | None], day: date) -> None:
        if asked := await self._evaluate(customers, day):
            await self._handler.handle_many(asked)


async def pending(home: asyncpg.Pool) -> int:
    """Customers touched and not yet judged."""
    found: int = await home.fetchval("select count(*) from touched where mark > done")
    return found

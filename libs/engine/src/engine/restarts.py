"""A worker that halted is started again in whichever processes it runs: asked for in the service's database."""

from typing import cast

from engine.database import Database

_ASK = """
insert into restarts as r (worker, asked) values ($1, 1)
on conflict (worker) do update set asked = r.asked + 1, asked_at = clock_timestamp()"""


class Restarts:
    """How often each worker was to be started again; who halted waits for the next time."""

    def __init__(self, home: Database) -> None:
        self._pool = home.pool

    async def ask(self, worker: str) -> None:
        """Have `worker` started again wherever it has halted; nothing happens where it runs."""
        await self._pool.execute(_ASK, worker)

    async def asked(self, worker: str) -> int:
        """How often that was asked for."""
        found = await self._pool.fetchval("select asked from restarts where worker = $1", worker)
        return cast(int, found or 0)

"""Workers at work while a test looks at what comes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from engine.lifecycle import Worker


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[None]:
    """All of them, until the block ends; what they raise shows there."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.run(stop))
        try:
            yield
        finally:
            stop.set()


async def eventually(holds: Callable[[], Awaitable[object]], within: float = 15.0) -> None:
    """Waits until `holds`. Raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - anything a test can ask
            await asyncio.sleep(0.02)


async def blocked(home: asyncpg.Pool) -> bool:
    """Whether a session of this database waits for a lock."""
    return bool(
        await home.fetchval(
            "select exists (select from pg_locks l join pg_database d on d.oid = l.database "
            "where d.datname = current_database() and not l.granted)"
        )
    )


async def gone(home: asyncpg.Pool, name: str) -> None:
    """Waits until no session of that application is left: what a killed process sent is stored by then, or never."""

    async def none() -> bool:
        sessions = "select from pg_stat_activity where datname = current_database() and application_name = $1"
        return bool(await home.fetchval(f"select not exists ({sessions})", name))

    await eventually(none, 60)


async def caught_up(home: asyncpg.Pool, group: str, log: asyncpg.Pool, *contexts: str, within: float = 15.0) -> None:
    """Waits until `group` has dealt with everything `log` holds of `contexts` now."""
    goals = await log.fetch(
        "select split_part(type, '.', 1), part, max(pos) from events "
        "where split_part(type, '.', 1) = any($1) group by 1, 2",
        contexts,
    )

    async def there() -> bool:
        rows = await home.fetch("select topic, part, last_pos from consumers where grp = $1", group)
        last = {(r[0], r[1]): r[2] for r in rows}
        return all(last.get((g[0], g[1]), 0) >= g[2] for g in goals)

    await eventually(there, within)

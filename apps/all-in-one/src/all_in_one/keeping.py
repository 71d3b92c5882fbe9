"""What we started beside ourselves is started again when it dies: processes of ours, the database, the brokers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Protocol

from engine.embedded_home import CannotStart

SHORTEST, LONGEST, LOOK = 0.5, 15.0, 0.1
"""Seconds before one that died is started again, twice as many each time it does so soon; between two looks."""
log = logging.getLogger("kehu.keeping")


class Beside(Protocol):
    """A process that we started."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def ended(self) -> int | None: ...
    async def again(self) -> None: ...


@asynccontextmanager
async def kept_up(servers: Sequence[Beside], say: Callable[[str], None] = log.error) -> AsyncIterator[None]:
    """While the block lasts one of `servers` that dies is started again, and that is said."""
    watching = [asyncio.create_task(_kept(server, say), name=server.name) for server in servers]
    try:
        yield
    finally:
        for watch in watching:
            watch.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _kept(server: Beside, say: Callable[[str], None]) -> None:
    pause, began = SHORTEST, monotonic()
    while True:
        while (code := server.ended()) is None:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(LOOK)
        ran = monotonic() - began
        pause = SHORTEST if ran > LONGEST else pause
        say(f"{server.name} died ({told(code)}) after {ran:.0f} s; it is started again in {pause:g} s: {server.log}")
        await asyncio.sleep(pause)
        pause, began = min(pause * 2, LONGEST), monotonic()
        try:
            await server.again()
        except (CannotStart, OSError) as failed:
            say(str(failed))


def told(code: int) -> str:
    """How it ended."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"

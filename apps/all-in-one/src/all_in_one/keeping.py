"""The servers we started beside ourselves, the database and the brokers, are started again when they die."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Protocol

from all_in_one.processes import LONGEST, told
from engine.embedded_home import CannotStart

SHORTEST, LOOK = 1.0, 0.2
"""Seconds before one that died is started again, twice as many each time it does so soon; between two looks."""
log = logging.getLogger("kehu.keeping")


class Beside(Protocol):
    """A server that we started."""

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
        pause = SHORTEST if monotonic() - began > LONGEST else pause
        say(f"{server.name} died ({told(code)}); it is started again in {pause:g} s: {server.log}")
        await asyncio.sleep(pause)
        pause, began = min(pause * 2, LONGEST), monotonic()
        try:
            await server.again()
        except (CannotStart, OSError) as failed:
            say(str(failed))

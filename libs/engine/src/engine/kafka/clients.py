"""Clients of aiokafka started and stopped so that none hangs for ever and none is left half open."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

CLOSING = 5.0
"""Seconds a client gets to stop."""
TRIES = 20


class Client(Protocol):
    """A producer, a consumer, an administrator."""

    async def start(self) -> None: ...


async def started(client: Client) -> None:
    """Start `client`; where we are cancelled meanwhile it ends its start first, so that stopping finds all of it."""
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await _over(starting, CLOSING)
        raise


async def bounded(closing: Coroutine[Any, Any, object], patience: float = CLOSING) -> None:
    """Wait for a client to stop, but not for ever; what it has against that no longer matters."""
    await _over(asyncio.create_task(closing), patience)


async def _over(task: "asyncio.Future[Any]", patience: float) -> None:
    """Cancel `task` when it has had its time, or we have.

    More than once: a client that ends tasks of its own takes our cancelling for theirs, and then waits for an answer of
    its broker, for 40 seconds.
    """
    try:
        await asyncio.wait({task}, timeout=patience)
    finally:
        for _ in range(TRIES):
            if task.done():
                break
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that nobody tells of it

"""Clients of aiokafka started and stopped so that none hangs for ever and none is left half open."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

CLOSING = 5.0
"""Seconds a client gets to stop."""


class Client(Protocol):
    """A producer, a consumer, an administrator."""

    async def start(self) -> None: ...


async def started(client: Client) -> None:
    """Start `client`; where we are cancelled meanwhile it ends its start first, so that stopping finds all of it."""
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=CLOSING)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise


async def bounded(closing: Coroutine[Any, Any, object], patience: float = CLOSING) -> None:
    """Wait for a client to stop, but not for ever; what it has against that no longer matters."""
    task = asyncio.create_task(closing)
    await asyncio.wait({task}, timeout=patience)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

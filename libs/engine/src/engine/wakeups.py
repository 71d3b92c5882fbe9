"""Wakes those who tail a topic of this process after an append, so that they need not poll. A hint, never a promise."""

import asyncio
from collections import defaultdict


class Wakeups:
    """One for each process and event loop; appends of other processes are found by the waiter's timeout."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def count(self, topic: str) -> int:
        """How often `topic` was notified. Take it before reading and pass it to `wait`: nothing in between is lost."""
        return self._counts[topic]

    def notify(self, topic: str) -> None:
        """Wake everyone who waits for `topic`."""
        self._counts[topic] += 1
        self._events.pop(topic, asyncio.Event()).set()

    async def wait(self, topic: str, timeout: float, since: int | None = None) -> bool:
        """Wait for the next notification, at most `timeout` seconds; at once if there was one after `since`.

        True if there was one.
        """
        if since is not None and since != self._counts[topic]:
            return True
        try:
            await asyncio.wait_for(self._events[topic].wait(), timeout)
        except TimeoutError:
            return False
        return True

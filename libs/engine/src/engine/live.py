"""The service's own events as they happen, from any position on: what live streams to people are made of."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from engine.store import PostgresStore
from events.base import Event
from events.envelope import Envelope

LOOK = 0.1
"""Seconds between two looks for events that another process appended."""


class Live:
    """Tails one service's log. `topics` are the contexts kept in it; every tailer keeps its own position."""

    def __init__(self, store: PostgresStore, topics: Sequence[str], look: float = LOOK) -> None:
        self._store, self._topics, self._look = store, topics, look

    async def events(
        self, after: int, handles: Sequence[type[Event]], customer: str | None = None, limit: int = 500
    ) -> AsyncIterator[Envelope[Any]]:
        """The events of these types (and this customer) above position `after`, and then each one that is appended.

        Ends only when closed. Going on after the last position got misses and repeats nothing.
        """
        async for event in self.beats(after, handles, customer, limit):
            if event is not None:
                yield event

    async def beats(
        self, after: int, handles: Sequence[type[Event]], customer: str | None = None, limit: int = 500
    ) -> AsyncIterator[Envelope[Any] | None]:
        """As `events`, and None each time there was nothing new: time to see whether anybody still listens."""
        types = [e.type for e in handles]
        own = sorted({t.partition(".")[0] for t in types}) or list(self._topics)
        while True:
            count = self._store.wakeups.count(own[0])
            head = await self._store.head()
            while head > after:
                page = await self._store.read_all(after, limit, types=types)
                for event in page:
                    if customer is None or event.customer == customer:
                        yield event
                after = page[-1].position if len(page) == limit else max(head, after, page[-1].position if page else 0)
            yield None
            await self._store.wakeups.wait(own[0], self._look, count)

"""Stretches of an owner's log in memory: read once for all who follow the log in this process."""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from uuid import UUID

from engine.ports import RawEvent

SIZE = 2_000
"""Positions of a stretch: as many as a consumer takes at once."""
KEPT = 6
"""Stretches held at a time: readers further apart than that read for themselves."""

Fetch = Callable[[int, int], Awaitable[tuple[UUID, Sequence[RawEvent]]]]
"""(after, upto) -> the life of the store that answered, and its events above `after` and not above `upto`, in order."""
_position = itemgetter(0)


class Stretches:
    """`fetch` reads the log. What is committed never changes: a stretch is good until the store begins another life."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._held: OrderedDict[int, _Stretch] = OrderedDict()

    async def read(self, topic: str, after: int, upto: int) -> tuple[UUID, Sequence[RawEvent], int]:
        """The events of `topic` above `after` and not above `upto`, at most to the end of one stretch; and how far.

        All up to `upto` must be committed. The first is the life of the store when it was read.
        """
        number = after // SIZE
        stretch = self._held.get(number) or self._begin(number, after)
        self._held.move_to_end(number)
        upto = min(upto, (number + 1) * SIZE)
        async with stretch.reading:
            if after < stretch.floor or stretch.reach < upto:
                await self._extend(stretch, after, upto)
            assert stretch.life is not None
            events = stretch.events.get(topic, [])
            first, last = (bisect_right(events, at, key=_position) for at in (after, upto))
            return stretch.life, events[first:last], upto

    def forget(self) -> None:
        """Hold nothing any more."""
        self._held.clear()

    def _begin(self, number: int, after: int) -> "_Stretch":
        made = self._held[number] = _Stretch(after)
        if len(self._held) > KEPT:
            self._held.popitem(last=False)
        return made

    async def _extend(self, stretch: "_Stretch", after: int, upto: int) -> None:
        """Read on; all anew where somebody is further back, or the store began another life."""
        if after >= stretch.floor and stretch.life is not None:
            life, more = await self._fetch(stretch.reach, upto)
            if life == stretch.life:
                return stretch.add(more, upto)
        floor, upto = min(after, stretch.floor), max(upto, stretch.reach)
        life, events = await self._fetch(floor, upto)
        stretch.begin(life, floor)
        return stretch.add(events, upto)


class _Stretch:
    """All events above `floor` and not above `reach`, by topic."""

    def __init__(self, floor: int) -> None:
        self.floor = self.reach = floor
        self.events: dict[str, list[RawEvent]] = {}
        self.life: UUID | None = None
        self.reading = asyncio.Lock()

    def begin(self, life: UUID, floor: int) -> None:
        self.life, self.floor, self.events = life, floor, {}

    def add(self, events: Sequence[RawEvent], upto: int) -> None:
        for raw in events:
            self.events.setdefault(raw[5].partition(".")[0], []).append(raw)
        self.reach = upto

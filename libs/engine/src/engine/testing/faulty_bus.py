"""A bus that repeats records at new offsets and loses some on the way, as a broker's relay may."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded
from uuid import UUID

from engine.ports import Behind, Bus, Delivery, Place, Subscription
from engine.tablebus import TableBus


@dataclass(slots=True)
class FaultyBus:
    """`repeats` and `losses` are the shares of records hit."""

    bus: TableBus
    dice: Random
    repeats: float = 0.0
    losses: float = 0.0
    lost: int = 0
    repeated: int = 0

    async def at_work(self) -> bool:
        """Whether it has lost and repeated something yet."""
        return self.lost > 0 and self.repeated > 0

    def narrowed(self, types: Iterable[str]) -> Bus:
        """Faults remain those of this bus."""
        return self

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Faulty deliveries."""
        return _Faulty(self, await self.bus.subscribe(group, topics, member))

    async def feed(self, topic: str, part: int, after: int, limit: int) -> Sequence[Delivery]:
        """The owner's feed has no faults."""
        return await self.bus.feed(topic, part, after, limit)

    async def incarnation(self, topic: str) -> UUID:
        """As it is."""
        return await self.bus.incarnation(topic)

    async def head(self, topic: str) -> Mapping[int, int]:
        """As it is."""
        return await self.bus.head(topic)

    async def behind(self, topic: str, last: Mapping[int, int], most: int) -> Behind:
        """As it is."""
        return await self.bus.behind(topic, last, most)


class _Faulty:
    def __init__(self, faults: FaultyBus, inner: Subscription) -> None:
        self._faults, self._inner = faults, inner
        self._offset = 0
        self._seen: list[Delivery] = []

    async def fetch(self, limit: int, timeout: float) -> Sequence[Delivery]:
        faults, found = self._faults, []
        for delivery in await self._inner.fetch(limit, timeout):
            if faults.dice.random() < faults.losses:
                faults.lost += 1
                continue
            found.append(self._numbered(delivery))
            self._seen.append(delivery)
            if faults.dice.random() < faults.repeats:
                faults.repeated += 1
                found.append(self._numbered(faults.dice.choice(self._seen)))
        return found

    async def assigned(self) -> Mapping[tuple[str, int], int]:
        return await self._inner.assigned()

    async def seek(self, place: Place) -> None:
        await self._inner.seek(replace(place, next_offset=0))

    async def close(self) -> None:
        await self._inner.close()

    def _numbered(self, delivery: Delivery) -> Delivery:
        self._offset += 1
        return delivery._replace(offset=self._offset)

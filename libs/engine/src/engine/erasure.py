"""Destroys the key this service holds of a person as soon as the person is erased, wherever that was decided."""

import asyncio
from collections.abc import Sequence

from engine.consumer import Batch, Consumer, start_over
from engine.decoding import Decoder, Letter, narrowed
from engine.keeper import Means
from engine.keys import PersonalKeys
from events.customer import PersonErased

HANDLES = (PersonErased,)
TOPIC = PersonErased.context()


class Eraser:
    """Worker: every service that seals personal data has one. Repeating an erasure finds nothing left to destroy.

    It destroys the key there was when the person was erased, never a newer one: an erasure is read again when the log
    of customers lives another life. The clocks of the databases are taken to agree.
    """

    name = "erasure"

    def __init__(self, keys: PersonalKeys, means: Means) -> None:
        self._keys, self._means = keys, means

    async def run(self, stop: asyncio.Event) -> None:
        """Erase until `stop`. Raises Halted."""
        means, bus, decoder = self._means, narrowed(self._means.bus, HANDLES), Decoder(self._means.serde, HANDLES)
        home = means.database.pool
        await Consumer(self.name, (TOPIC,), bus, home, means.member, decoder, self, means.limit).run(stop)

    async def settle(self) -> None:
        """Nothing is kept but positions."""

    async def stale(self, topic: str) -> None:
        """The log of customers lives another life: go through its erasures again."""
        await start_over(self._means.database.pool, self._means.bus, self.name, topic)

    def passed(self, letters: Sequence[Letter]) -> None:
        """Nobody is erased in these."""

    async def take(self, batch: Batch) -> None:
        """Destroy the keys first, then move the positions: a crash between them erases again, never too little."""
        for letter in batch.letters:
            if letter.error is not None:
                raise letter.error
            if letter.event is not None:
                await self._keys.erase(letter.event.event.person, letter.event.recorded)
        async with self._means.database.pool.acquire() as session, session.transaction():
            moved = await batch.commit(session)
        batch.committed(moved)

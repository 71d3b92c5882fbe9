"""Answers other contexts' events with commands of this service, each decided exactly once."""

import asyncio
from collections.abc import Iterator, Sequence

from engine import ids
from engine.consumer import Batch, Consumer, start_over
from engine.database import Database
from engine.decider import Actor
from engine.decoding import Decoder, Letter, narrowed
from engine.faults import Lost, is_transient
from engine.folding import Session
from engine.handle import Asked, Handler
from engine.keeper import Means, Tally
from engine.parking import Parked, hold, one_more, park
from engine.ports import Bus, Conflict, Meta, StoreFailed
from engine.reaction import Reaction
from engine.serde import Serde
from engine.tracing import TRACES

TRIES = 5
"""How often a command whose decision broke (was not refused) is tried before its event is parked."""
_OPEN = "select distinct customer from dead_letters where grp = $1 and discarded_at is null"


class Reactor:
    """Worker for one reaction. Positions move after the commands are decided; ids make repetition harmless."""

    def __init__(
        self,
        reaction: Reaction,
        bus: Bus,
        handler: Handler,
        database: Database,
        serde: Serde,
        *,
        member: str = "main",
        limit: int = 200,
    ) -> None:
        self.name, self.tally = f"reaction:{reaction.name}", Tally()
        self._reaction, self._handler = reaction, handler
        self._means = Means(database, bus, serde, member, limit=limit)
        self._in_a_row = 0

    async def run(self, stop: asyncio.Event) -> None:
        """React until `stop`. Raises Halted."""
        means, bus = self._means, narrowed(self._means.bus, self._reaction.handles)
        topics, home = self._reaction.topics, means.database.pool
        decoder = Decoder(means.serde, self._reaction.handles, shared=True)
        await Consumer(self.name, topics, bus, home, means.member, decoder, self, means.limit).run(stop)

    async def settle(self) -> None:
        """Nothing is kept but positions."""

    async def stale(self, topic: str) -> None:
        """Start the topic over: commands that were decided before are answered from their verdicts."""
        await start_over(self._means.database.pool, self._means.bus, self.name, topic)

    async def take(self, batch: Batch) -> None:
        """React to the batch, then move the positions."""
        letters, pool = batch.letters, self._means.database.pool
        held: set[str] = {r[0] for r in await pool.fetch(_OPEN, self.name)}
        before = frozenset(held)
        parked = await self._react_all(letters, held)
        async with pool.acquire() as session, session.transaction():
            if await hold(session, self.name, exclusive=any(p.error for p in parked)) != before:
                raise Lost(f"{self.name}: letters were replayed or discarded meanwhile")
            await park(session, self.name, parked)
            moved = await batch.commit(session)
        batch.committed(moved)

    def passed(self, letters: Sequence[Letter]) -> None:
        """Nothing of these calls for anything."""
        self._count(len(letters), (), 0)

    async def again(self, session: Session, letters: Sequence[Letter]) -> None:
        """React to parked letters. Raises what a decision, or the reaction itself, broke with."""
        for letter in letters:
            if letter.error is not None:
                raise letter.error
            await self._handler.handle_many(list(self._asked(letter)))

    async def _react_all(self, letters: Sequence[Letter], held: set[str]) -> list[Parked]:
        """All at once; where something breaks, one after the other, so that it shows on whom."""
        asked: list[Asked] = []
        try:
            for letter in letters:
                if letter.error is not None:
                    return await self._one_by_one(letters, held)
                if letter.event is not None and letter.customer not in held:
                    asked += self._asked(letter)
            await self._decide(asked)
        except Exception as error:
            if is_transient(error):
                raise
            return await self._one_by_one(letters, held)
        late = [Parked(x, None) for x in letters if x.event is not None and x.customer in held]
        self._count(len(letters), late, len(asked))
        return late

    async def _one_by_one(self, letters: Sequence[Letter], held: set[str]) -> list[Parked]:
        parked: list[Parked] = []
        for letter in letters:
            if letter.event is None and letter.error is None:
                continue
            if letter.customer in held:
                parked.append(Parked(letter, None))
                continue
            error = letter.error or await self._tried(letter)
            if error is None:
                self._in_a_row = 0
                continue
            self._in_a_row = one_more(self.name, self._in_a_row, error)
            held.add(letter.customer)
            parked.append(Parked(letter, error))
        self._count(len(letters), parked, 0)
        return parked

    async def _tried(self, letter: Letter) -> Exception | None:
        try:
            await self._decide(list(self._asked(letter)))
        except Exception as error:
            if is_transient(error):
                raise
            return error
        return None

    async def _decide(self, asked: Sequence[Asked]) -> None:
        """Refusals are answers. What the store did not take is tried some times more."""
        for attempt in range(TRIES):
            try:
                if asked:
                    await self._handler.handle_many(asked)
                return
            except (Conflict, StoreFailed):
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)

    def _asked(self, letter: Letter) -> Iterator[Asked]:
        event = letter.event
        assert event is not None
        known = event.recorded if event.origin == "initial_load" else None
        trace, commands = event.traceparent, list(self._reaction.react(event))
        if commands and (span := TRACES.begin(f"react {self._reaction.name}", trace, {}, "consumer")):
            trace = span.traceparent
            span.end({"kehu.commands": len(commands)})
        meta = Meta(self.name, event.correlation, event.id, trace, event.origin, known)
        for n, command in enumerate(commands):
            key = ids.named("reaction", self._reaction.name, event.id, n)
            yield Asked(command, key, meta, Actor(self.name))

    def _count(self, letters: int, parked: Sequence[Parked], asked: int) -> None:
        self.tally.folded += asked
        self.tally.parked += len(parked)
        self.tally.skipped += letters - len(parked) - asked if asked <= letters else 0

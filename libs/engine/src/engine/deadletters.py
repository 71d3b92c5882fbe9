"""What was parked, and what a person does about it: look, try again, discard. Letters hold positions, never content."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import asyncpg

from engine.decoding import Decoder, Letter
from engine.faults import described, where
from engine.folding import Session
from engine.parking import hold
from engine.ports import Bus
from engine.serde import Serde
from events.registry import BY_TYPE

_COLUMNS = "id, grp, customer, topic, part, pos, type, kind, error, place, attempts, parked_at, tried_at"
_LIST = f"""
select {_COLUMNS} from dead_letters
where discarded_at is null and ($1::text is null or grp = $1) and ($2::text is null or customer = $2) and id > $3
order by id limit $4"""  # noqa: S608
_DISCARD = """
update dead_letters set discarded_by = $4, discarded_at = clock_timestamp()
where grp = $1 and customer = $2 and ($3::bigint is null or id = $3) and discarded_at is null"""
_FAILED = """
update dead_letters set attempts = attempts + 1, tried_at = clock_timestamp(), error = $3, place = $4
where grp = $1 and customer = $2 and discarded_at is null and kind = 'poison'"""


_UNTOLD = f"""
select {_COLUMNS} from dead_letters where told_at is null order by id limit $1 for update skip locked"""  # noqa: S608
_TOLD = "update dead_letters set told_at = clock_timestamp() where id = any($1)"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One parked event: `kind` poison failed itself, behind waits for those before it of the same customer."""

    id: int
    group: str
    customer: str
    topic: str
    part: int
    position: int
    type: str
    kind: str
    error: str | None
    place: str | None
    attempts: int
    parked_at: datetime
    tried_at: datetime


class Replayer(Protocol):
    """The worker of a group, running or not."""

    @property
    def name(self) -> str: ...

    async def again(self, session: Session, letters: Sequence[Letter]) -> None:
        """Deal with these letters, all or none, in the transaction of `session` as far as it writes there."""
        ...


async def letters(
    home: asyncpg.Pool, group: str | None = None, customer: str | None = None, after: int = 0, limit: int = 100
) -> list[DeadLetter]:
    """Open letters in the order they were parked, above id `after`."""
    return [DeadLetter(*row) for row in await home.fetch(_LIST, group, customer, after, limit)]


async def tell(home: asyncpg.Pool, give: Callable[[Sequence[DeadLetter]], Awaitable[None]], limit: int) -> int:
    """Have `give` publish letters nobody was told of yet, at most `limit`; how many. What fails is given again."""
    async with home.acquire() as session, session.transaction():
        found = [DeadLetter(*row) for row in await session.fetch(_UNTOLD, limit)]
        if found:
            await give(found)
            await session.execute(_TOLD, [letter.id for letter in found])
    return len(found)


async def replay(home: asyncpg.Pool, bus: Bus, serde: Serde, worker: Replayer, customer: str) -> int | None:
    """Have `worker` deal with all letters of `customer`, in order; how many there were.

    None: it failed again, everything stays parked. While it runs the rest of the group waits.
    """
    async with home.acquire() as session, session.transaction():
        await hold(session, worker.name, exclusive=True)
        parked = [DeadLetter(*row) for row in await session.fetch(_LIST, worker.name, customer, 0, 2**31)]
        again = await _decoded(bus, serde, parked)
        try:
            async with session.transaction():
                await worker.again(session, again)
        except Exception as error:
            await session.execute(_FAILED, worker.name, customer, described(error), where(error))
            return None
        await session.execute("delete from dead_letters where id = any($1)", [x.id for x in parked])
        return len(parked)


async def discard(home: asyncpg.Pool, group: str, customer: str, by: str, letter: int | None = None) -> int:
    """Take `letter` (None: all) of `customer` as never to be dealt with, on the word of `by`; how many there were.

    They are kept, so that a rebuild leaves them out, too. What is still open stays parked until replayed.
    """
    async with home.acquire() as session, session.transaction():
        await hold(session, group, exclusive=True)
        status = await session.execute(_DISCARD, group, customer, letter, by)
        return int(status.rpartition(" ")[2])


async def _decoded(bus: Bus, serde: Serde, parked: Sequence[DeadLetter]) -> list[Letter]:
    """The letters' events, from the owners' logs."""
    found = [d for x in parked for d in await bus.feed(x.topic, x.part, x.position - 1, 1)]
    again, halted = await Decoder(serde, [BY_TYPE[x.type] for x in parked if x.type in BY_TYPE]).decode(found)
    if halted:
        raise halted
    return again

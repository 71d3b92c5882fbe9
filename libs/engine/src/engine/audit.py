"""The reads of personal data: who, when, about whom, through which route; never what was read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engine.database import Database
from engine.personal import holds_personal, spots
from events.base import Event
from events.envelope import Envelope

_NOTE = "insert into personal_reads (actor, route, customer, persons, correlation) values ($1, $2, $3, $4, $5)"
_PAGE = """
select id, read_at, actor, route, customer, persons, correlation from personal_reads
where id > $1 and ($2::text is null or actor = $2) and ($3::text is null or customer = $3) order by id limit $4"""
_FORGET = "select forget_personal_reads($1)"


@dataclass(frozen=True, slots=True)
class Read:
    """`persons` are those something was told of; those who were erased before are not among them."""

    id: int
    read_at: datetime
    actor: str
    route: str
    customer: str | None
    persons: Sequence[str]
    correlation: UUID


@dataclass(frozen=True, slots=True)
class Audit:
    """What is noted in one service's database. Its sessions add to it; they cannot change it."""

    database: Database

    async def note(self, actor: str, route: str, events: Sequence[Envelope[Any]], correlation: UUID) -> None:
        """Write down that `actor` is about to be shown what `events` say of persons, if they say anything.

        Raises what the database has against it: then nothing may be shown.
        """
        persons = persons_in(events)
        if persons:
            customer = next((e.customer for e in events if e.customer), None)
            await self.database.pool.execute(_NOTE, actor, route, customer, persons, correlation)

    async def page(self, after: int, actor: str | None, customer: str | None, limit: int) -> list[Read]:
        """Reads above id `after`, the oldest first; of one actor, of one customer."""
        return [Read(*row) for row in await self.database.pool.fetch(_PAGE, after, actor, customer, limit)]

    async def forget(self, older: timedelta) -> int:
        """Reads longer ago than that, 30 days at least, are gone; how many."""
        return int(await self.database.pool.fetchval(_FORGET, older))


def persons_in(events: Iterable[Envelope[Any]]) -> list[str]:
    """Those of whom the events say something that is still readable."""
    found: set[str] = set()
    for envelope in events:
        event: Event = envelope.event
        if holds_personal(type(event)):
            found |= {spot.person for spot in spots(event, event.model_dump(mode="json"))}
    return sorted(found)

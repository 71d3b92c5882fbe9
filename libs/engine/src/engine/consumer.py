"""Exactly once: positions identify deliveries, and change by compare-and-swap together with what they led to."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, cast
from uuid import UUID

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential_jitter

from engine.decoding import Decoder, Letter
from engine.faults import Halted, Lost, Stale, is_transient
from engine.ports import PARTS, Bus, Delivery, Place, Subscription
from engine.serde import read_meta

log = logging.getLogger("kehu.consumer")

At = tuple[str, int]
"""A topic and one of its parts."""

GATHER = 0.15
"""Seconds in which what follows of an initial load is gathered: nobody waits for it, and a transaction costs as much
for a hundred events as for a thousand."""

_LOAD = "select topic, part, incarnation, last_pos, next_offset, epoch from consumers where grp = $1"
_SWAP = """
update consumers c set last_pos = n.new, next_offset = n.next, moved_at = clock_timestamp()
from unnest($2::text[], $3::smallint[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
    n(topic, part, incarnation, last, epoch, new, next)
where c.grp = $1 and c.topic = n.topic and c.part = n.part and c.incarnation = n.incarnation
    and c.last_pos = n.last and c.epoch = n.epoch"""
_PASS = _SWAP.replace(
    "from unnest", "from (select set_config('synchronous_commit', 'off', true) as off) lazy, unnest"
).replace("where", "where lazy.off = 'off' and", 1)
"""The same in one round trip, without waiting for the disk: what nothing came of may be passed over again."""
_RESTART = """
update consumers set incarnation = $3, last_pos = 0, next_offset = 0, epoch = epoch + 1 where grp = $1 and topic = $2
    and incarnation <> $3"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a group is in one part, as kept with its state."""

    incarnation: UUID
    last: int
    next_offset: int
    epoch: int


def judged(life: UUID, last: int, delivery: Delivery) -> Literal["new", "seen", "gap", "stale"]:
    """What a delivery is to one who has dealt with `last` of incarnation `life`: one of the four cases, or the next."""
    incarnation, position, previous = delivery[3:6]
    if incarnation != life:
        return "stale"
    if position <= last:
        return "seen"
    return "new" if previous == last else "gap"


class Batch:
    """Letters without gap or repetition, and the positions they move: `commit` belongs in the same transaction."""

    def __init__(self, group: str, standings: dict[At, Standing], letters: Sequence[Letter], *, whole: bool) -> None:
        self.group, self.letters, self.whole = group, letters, whole
        """`whole`: this member has all parts, nobody else works for the group."""
        self._standings = standings

    async def commit(self, connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> Mapping[At, Standing]:
        """Move the positions past these letters. Raises Lost where they were not where we left them."""
        return await self._moved(connection, _SWAP)

    async def passed(self, home: asyncpg.Pool) -> None:
        """As `commit`, where nothing was to be done: nothing else has to happen in the same transaction."""
        self.committed(await self._moved(home, _PASS))

    async def _moved(
        self, connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy | asyncpg.Pool, swap: str
    ) -> Mapping[At, Standing]:
        moved = advanced(self._standings, self.letters)
        ats = sorted(moved)
        olds, news = [self._standings[at] for at in ats], [moved[at] for at in ats]
        status = await connection.execute(
            swap,
            self.group,
            [t for t, _ in ats],
            [p for _, p in ats],
            [o.incarnation for o in olds],
            [o.last for o in olds],
            [o.epoch for o in olds],
            [n.last for n in news],
            [n.next_offset for n in news],
        )
        if int(status.rpartition(" ")[2]) != len(ats):
            raise Lost(f"{self.group}: a position was moved by another owner")
        return moved

    def committed(self, moved: Mapping[At, Standing]) -> None:
        """The transaction that held `commit` is durable: remember where we stand."""
        self._standings.update(moved)

    def split(self) -> tuple["Batch", "Batch"]:
        """Two halves, to be committed one after the other."""
        half = len(self.letters) // 2
        return self._of(self.letters[:half]), self._of(self.letters[half:])

    def _of(self, letters: Sequence[Letter]) -> "Batch":
        return Batch(self.group, self._standings, letters, whole=self.whole)


def advanced(standings: Mapping[At, Standing], letters: Sequence[Letter]) -> dict[At, Standing]:
    """Where the parts of `letters` stand after them."""
    last: dict[At, Delivery] = {}
    for letter in reversed(letters):
        last.setdefault(letter.delivery[:2], letter.delivery)
        if len(last) == len(standings):
            break
    return {at: replace(standings[at], last=d.position, next_offset=d.offset + 1) for at, d in last.items()}


def trickles(letters: Sequence[Letter], limit: int) -> bool:
    """Whether this is the end of the log, where an initial load goes on: much less than `limit`, which a reader that is
    behind would have been given."""
    if not letters or letters[-1].delivery.position - letters[0].delivery.position >= limit // 2:
        return False
    return read_meta(letters[-1].delivery.raw.meta)[-1] == "initial_load"


Fetched = tuple[Sequence[Letter], Halted | None]
"""Letters, and why there are no more: an event of a version this reader does not know follows."""


class Work(Protocol):
    """What a consumer does with its letters."""

    async def settle(self) -> None:
        """Parts were assigned, or positions lost: look anew at what the state is kept in."""
        ...

    async def take(self, batch: Batch) -> None:
        """Do the work of `batch` and commit its positions with it."""
        ...

    def passed(self, letters: Sequence[Letter]) -> None:
        """Letters with which there was nothing to do, positions moved: count them, tell whoever waits for that."""
        ...

    async def stale(self, topic: str) -> None:
        """`topic` has another incarnation than the positions: start over, or raise Halted."""
        ...


class Consumer:
    """Member `member` of `group`: fetches, judges, hands on, and starts again where it stands after any failure.

    While the database writes one batch the next is fetched and decoded.
    """

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        bus: Bus,
        home: asyncpg.Pool,
        member: str,
        decoder: Decoder,
        work: Work,
        limit: int = 2000,
    ) -> None:
        self.group = group
        self._topics, self._bus, self._home, self._member, self._work = topics, bus, home, member, work
        self._decoder, self._limit = decoder, limit
        self._standings: dict[At, Standing] = {}
        self._epochs: Mapping[At, int] = {}
        self._ahead: asyncio.Task[Fetched] | None = None
        self._trickles = False

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`. Transient failures are retried; what a person must look at is raised."""
        while not stop.is_set():
            with contextlib.suppress(_Again):
                async for attempt in _retrying(stop):
                    with attempt:
                        await self._membership(stop)

    async def _membership(self, stop: asyncio.Event) -> None:
        subscription = await self._bus.subscribe(self.group, self._topics, self._member)
        self._epochs = {}
        try:
            await self._same_lives(subscription)
            while not stop.is_set():
                await self._step(subscription, stop)
        finally:
            await self._drop_ahead()
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await subscription.close()

    async def _same_lives(self, subscription: Subscription) -> None:
        """After a restore: start over at once, not with the first event of the new life."""
        for topic in self._topics:
            life = await self._bus.incarnation(topic)
            kept = await standings(self._home, self.group)
            if any(s.incarnation != life for (t, _), s in kept.items() if t == topic):
                log.warning("%s: %s lives another life", self.group, topic)
                await self._work.stale(topic)
                await self._start_again(subscription)
            else:
                beyond(self.group, topic, kept, await self._bus.head(topic))

    async def _step(self, subscription: Subscription, stop: asyncio.Event) -> None:
        letters, halted = await self._next(subscription, stop)
        try:
            await self._settle(subscription)
            admitted = await self._admit(letters)
            if admitted:
                whole = len(self._standings) == PARTS * len(self._topics)
                await self._taken(Batch(self.group, self._standings, admitted, whole=whole))
            if halted:
                raise halted
        except Lost as lost:
            log.info("%s", lost)
            await self._start_again(subscription)
        except Stale as stale:
            log.warning("%s: %s", self.group, stale)
            await self._drop_ahead()
            await self._work.stale(stale.topic)
            await self._start_again(subscription)

    async def _taken(self, batch: Batch) -> None:
        """Most readers have nothing to do with most events: they pass them by."""
        if any(x.event is not None or x.error is not None for x in batch.letters):
            return await self._work.take(batch)
        await batch.passed(self._home)
        self._work.passed(batch.letters)
        return None

    async def _next(self, subscription: Subscription, stop: asyncio.Event) -> Fetched:
        """What was fetched ahead; while it is worked on the next is fetched."""
        ahead = self._ahead or asyncio.create_task(self._fetched(subscription))
        self._ahead = ahead
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((ahead, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if not ahead.done():
            return (), None
        self._ahead = None
        letters, halted = ahead.result()
        if letters and not halted:
            self._ahead = asyncio.create_task(self._fetched(subscription))
        return letters, halted

    async def _fetched(self, subscription: Subscription) -> Fetched:
        if self._trickles:
            await asyncio.sleep(GATHER)
        letters, halted = await self._decoder.decode(await subscription.fetch(self._limit, 5.0))
        self._trickles = trickles(letters, self._limit)
        return letters, halted

    async def _drop_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await ahead

    async def _settle(self, subscription: Subscription) -> None:
        assigned = await subscription.assigned()
        if assigned == self._epochs and self._standings:
            return
        rows = await standings(self._home, self.group)
        self._standings.clear()
        self._standings.update({at: s for at, s in rows.items() if assigned.get(at) == s.epoch})
        self._epochs = assigned
        await self._work.settle()

    async def _start_again(self, subscription: Subscription) -> None:
        await self._drop_ahead()
        self._epochs = {}
        for (topic, part), s in (await standings(self._home, self.group)).items():
            await subscription.seek(Place(topic, part, s.last, s.next_offset))

    async def _admit(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Only what is new and ours, gaps filled from the owner's feed."""
        admitted: list[Letter] = []
        last = {at: s.last for at, s in self._standings.items()}
        lives = {at: s.incarnation for at, s in self._standings.items()}
        for letter in letters:
            delivery = letter.delivery
            at = delivery[:2]
            done = last.get(at)
            if done is None:
                continue
            verdict = judged(lives[at], done, delivery)
            if verdict == "seen":
                continue
            if verdict == "stale":
                raise Stale(delivery.topic)
            if verdict == "gap":
                admitted += await self._missing(lives[at], done, delivery)
            admitted.append(letter)
            last[at] = delivery.position
        return admitted

    async def _missing(self, life: UUID, last: int, delivery: Delivery) -> Sequence[Letter]:
        """All between position `last` and `delivery`, from the owner's feed."""
        log.info("%s: gap in %s/%s after %s", self.group, delivery.topic, delivery.part, last)
        found: list[Delivery] = []
        while last < delivery.previous:
            page = await self._bus.feed(delivery.topic, delivery.part, last, self._limit)
            if not page:
                raise TimeoutError(f"{delivery.topic}: the feed has not yet reached {delivery.previous}")
            if judged(life, last, page[0]) != "new":
                raise Stale(delivery.topic)
            found += [d._replace(offset=delivery.offset - 1) for d in page if d.position <= delivery.previous]
            last = page[-1].position
        if not found:
            raise Stale(delivery.topic)
        letters, halted = await self._decoder.decode(found)
        if halted:
            raise halted
        return letters


def beyond(group: str, topic: str, kept: Mapping[At, Standing], head: Mapping[int, int]) -> None:
    """Raises Halted where a position lies beyond the end of the log: what is appended next would be taken for seen."""
    ahead = {part: s.last for (t, part), s in kept.items() if t == topic and s.last > head.get(part, 0)}
    if ahead:
        part, last = max(ahead.items(), key=lambda found: found[1])
        raise Halted(
            f"{group} has read {topic} up to {last} in part {part}, and its log ends at {head.get(part, 0)} there: the "
            "database was restored, or a standby promoted, without beginning a new life. Begin one as its owner "
            "(python -m <service>_svc renew), then start this worker again"
        )


class _Again(Exception):
    """Asked to stop while waiting to try again."""


def _retrying(stop: asyncio.Event) -> AsyncRetrying:
    async def pause(seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
            raise _Again

    return AsyncRetrying(
        retry=retry_if_exception(is_transient),
        wait=wait_exponential_jitter(multiplier=0.05, max=5.0),
        sleep=pause,
        reraise=True,
        before_sleep=lambda state: log.warning("trying again: %r", state.outcome and state.outcome.exception()),
    )


async def standings(home: asyncpg.Pool, group: str) -> dict[At, Standing]:
    """Where `group` stands in every part."""
    rows = await home.fetch(_LOAD, group)
    return {(r[0], r[1]): Standing(*tuple(r)[2:]) for r in rows}


async def start_over(home: asyncpg.Pool, bus: Bus, group: str, topic: str) -> None:
    """Begin `topic` again from its first event, under its present incarnation; for work that repetition cannot harm."""
    if await home.execute(_RESTART, group, topic, await bus.incarnation(topic)) == "UPDATE 0":
        raise Halted(f"{group}: the positions in {topic} are not in its owner's log")


async def reached(home: asyncpg.Pool, group: str, topic: str, part: int, position: int) -> bool:
    """Whether `group` has dealt with the event at `position`, which lies in `part` of `topic`."""
    query = "select last_pos >= $4 from consumers where grp = $1 and topic = $2 and part = $3"
    return bool(cast(bool | None, await home.fetchval(query, group, topic, part, position)))

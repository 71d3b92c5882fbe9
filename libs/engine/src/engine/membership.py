"""Who of a group reads which parts: leases in the consuming service's database, fenced by epochs.

A member lives as long as it renews its row. Parts (the same number over all topics, so that a customer has one reader)
are dealt out by rank among the live members; whoever sees that a part is not its own any more gives it back, whoever
sees one of its own free takes it. Every change of owner raises the epoch of the position.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg

from engine import ids
from engine.faults import TRANSIENT
from engine.ports import PARTS, Place

LEASE = timedelta(seconds=10)
"""How long a member that fell silent keeps its parts."""

_JOIN = """
insert into members (grp, member, session, expires_at) values ($1, $2, $3, clock_timestamp() + $4)
on conflict (grp, member) do update set session = excluded.session, expires_at = excluded.expires_at"""
_ROWS = """
insert into consumers (grp, topic, part, incarnation)
select $1, t, p, i from unnest($2::text[], $3::uuid[]) u(t, i), generate_series(0, $4::int - 1) p
on conflict do nothing"""
_BEAT = """
with beat as (update members set expires_at = clock_timestamp() + $3 where grp = $1 and session = $2 returning 1)
select set_config('synchronous_commit', 'off', true), (select count(*) from beat) as alive,
    (select array_agg(session order by member) from members where grp = $1 and expires_at > clock_timestamp()) as live,
    (select sum(epoch) from consumers where grp = $1)::bigint as epochs"""
_RELEASE = """
update consumers set owner = null, epoch = epoch + 1 where grp = $1 and owner = $2 and part <> all($3::smallint[])"""
_TAKE = """
update consumers c set owner = $2, epoch = epoch + 1
where c.grp = $1 and c.topic = any($4) and c.part = any($3::smallint[]) and (c.owner is null or c.owner <> $2
    and not exists (select from members m
        where m.grp = $1 and m.session = c.owner and m.expires_at > clock_timestamp()))"""
_HELD = """
select topic, part, epoch, last_pos, next_offset from consumers
where grp = $1 and owner = $2 and topic = any($3)"""
_LEAVE = "delete from members where grp = $1 and session = $2"


@dataclass(frozen=True, slots=True)
class Held:
    """A part that is ours: under which epoch, and where the group is in it."""

    epoch: int
    place: Place


def share(parts: int, members: Sequence[UUID], mine: UUID) -> list[int]:
    """The parts of `mine` when `parts` are dealt out to `members` in order."""
    if mine not in members:
        return []
    rank, count = members.index(mine), len(members)
    return [p for p in range(parts) if p % count == rank]


async def begun(home: asyncpg.Pool, group: str, incarnations: Mapping[str, UUID]) -> None:
    """A place in every part of these topics: at 0 of the present incarnation where the group has none yet."""
    topics = sorted(incarnations)
    await home.execute(_ROWS, group, topics, [incarnations[t] for t in topics], PARTS)


class Membership:
    """One member of a group. A name is one member: who joins under a name that is taken puts the older one out."""

    def __init__(
        self, home: asyncpg.Pool, group: str, topics: Sequence[str], member: str, lease: timedelta = LEASE
    ) -> None:
        self.held: Mapping[tuple[str, int], Held] = {}
        self._home, self._group, self._topics, self._member, self._lease = home, group, list(topics), member, lease
        self._session = ids.new()
        self._known: tuple[list[UUID], int] | None = None
        self._beating = asyncio.Lock()

    async def join(self, incarnations: Mapping[str, UUID]) -> None:
        """Become a member; the group's positions start at 0 of the present incarnation where it has none yet."""
        await begun(self._home, self._group, incarnations)
        await self._enter()
        await self.beat()

    async def keep(self, news: asyncio.Event) -> None:
        """Renew the lease for ever; sets `news` when what is held may have changed."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 5)
            with contextlib.suppress(*TRANSIENT, asyncpg.InterfaceError):
                if await self.beat():
                    news.set()

    def doubt(self) -> None:
        """Have `settle` look at the leases anew."""
        self._known = None

    async def settle(self) -> None:
        """Beat now if there is doubt about what is held."""
        if self._known is None:
            await self.beat()

    async def beat(self) -> bool:
        """Renew the lease; deal out the parts again if anything changed. True if what is held may have changed."""
        async with self._beating:
            return await self._beat()

    async def _beat(self) -> bool:
        row = await self._home.fetchrow(_BEAT, self._group, self._session, self._lease)
        if row is None or not row["alive"]:
            self._member = f"{self._member.partition('~')[0]}~{self._session.hex[-8:]}"
            await self._enter()
            self._known = None
            return await self._beat()
        live, epochs = cast(list[UUID], row["live"] or []), cast(int, row["epochs"] or 0)
        if self._known == (live, epochs):
            return False
        self._known = (live, epochs + await self._deal(live))
        return True

    async def leave(self) -> None:
        """Give back all parts and go."""
        self.held = {}
        async with self._home.acquire() as connection, connection.transaction():
            await connection.execute(_RELEASE, self._group, self._session, [])
            await connection.execute(_LEAVE, self._group, self._session)

    async def _enter(self) -> None:
        self._session = ids.new()
        await self._home.execute(_JOIN, self._group, self._member, self._session, self._lease)

    async def _deal(self, live: list[UUID]) -> int:
        """Give back and take what our share asks for. How many epochs that raised: any more are the doing of others."""
        mine = share(PARTS, live, self._session)
        async with self._home.acquire() as connection, connection.transaction():
            released = await connection.execute(_RELEASE, self._group, self._session, mine)
            taken = await connection.execute(_TAKE, self._group, self._session, mine, self._topics)
            rows = await connection.fetch(_HELD, self._group, self._session, self._topics)
        self.held = {(r["topic"], r["part"]): _held(r) for r in rows}
        return sum(int(status.rpartition(" ")[2]) for status in (released, taken))


def _held(row: asyncpg.Record) -> Held:
    return Held(row["epoch"], Place(row["topic"], row["part"], row["last_pos"], row["next_offset"]))

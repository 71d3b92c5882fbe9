"""How far the consumers of one service are: what they have reached together, and how far behind they lie."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import asyncpg

from engine.ports import PARTS, Bus
from engine.projection import View
from engine.views import group_of

MOST = 10_000
"""Events a lag is counted up to."""
MOST_NAMED = 100
"""Parked customers that are named."""
IN_FLIGHT = timedelta(seconds=1)
"""An append has its recorded time a moment before it can be read: so far back everything is readable."""

_TARGETS = """
select split_part(e.type, '.', 1) as topic, p.part, (
    select max(b.pos) from events b where b.part = p.part and b.pos <= $1
    and b.type >= split_part(e.type, '.', 1) || '.' and b.type < split_part(e.type, '.', 1) || '/') as pos
from events e cross join generate_series(0, 11) p(part) where e.pos = $1"""
_REACHED = """
select not exists (
    select 1 from unnest($1::text[]) g(grp) cross join unnest($3::smallint[], $4::bigint[]) t(part, pos)
    left join consumers c on c.grp = g.grp and c.topic = $2 and c.part = t.part
    where coalesce(c.last_pos, -1) < t.pos)"""
_PLACES = "select grp, topic, part, last_pos from consumers"
_TOGETHER = """
select topic, part, min(last_pos) as last_pos, max(moved_at) as moved_at from consumers
where grp = any($1::text[]) group by topic, part"""
_WAITING = """
select distinct customer from dead_letters where grp = any($1::text[]) and discarded_at is null
order by customer limit $2"""
_PARKED = "select grp, count(distinct customer) from dead_letters where discarded_at is null group by grp"


_SHOWN = """
select name, version, to_regclass(quote_ident(table_name)) is not null from views where name = any($1::text[])"""
_LIVES = "select distinct grp, topic, incarnation from consumers where grp = any($1::text[])"


@dataclass(frozen=True, slots=True)
class Target:
    """The last positions, by part, that a topic had reached at some position of its log."""

    topic: str
    parts: Mapping[int, int]


async def target(owner: asyncpg.Pool, position: int) -> Target | None:
    """What a consumer must have dealt with to know the event at `position`, and all before it of its topic.

    None where there is no such event (yet).
    """
    rows = await owner.fetch(_TARGETS, position)
    if not rows:
        return None
    return Target(rows[0]["topic"], {r["part"]: r["pos"] for r in rows if r["pos"] is not None})


async def reached(home: asyncpg.Pool, groups: Sequence[str], goal: Target) -> bool:
    """Whether all `groups` have dealt with everything up to `goal`."""
    found = await home.fetchval(_REACHED, list(groups), goal.topic, list(goal.parts), list(goal.parts.values()))
    return bool(found)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group lies behind: events not dealt with (counted up to 10,000), since when, customers parked.

    `since` is when the oldest of them was appended, whatever day it is dated.
    """

    events: int
    since: datetime | None
    parked: int


async def lags(home: asyncpg.Pool, bus: Bus, topics: Collection[str]) -> dict[str, Lag]:
    """The lag of each group over `topics`."""
    places: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for row in await home.fetch(_PLACES):
        places[row["grp"], row["topic"]][row["part"]] = row["last_pos"]
    parked = dict(cast(Sequence[tuple[str, int]], await home.fetch(_PARKED)))
    found: dict[str, Lag] = {}
    for (group, topic), last in places.items():
        if topic in topics:
            behind = await bus.behind(topic, last, MOST)
            before = found.get(group, Lag(0, None, parked.get(group, 0)))
            since = _earlier(before.since, behind.appended)
            found[group] = Lag(before.events + behind.events, since, before.parked)
    return found


async def stale(home: asyncpg.Pool, bus: Bus, views: Sequence[View]) -> dict[str, bool]:
    """Of each view whether what is read from it is of another version of its fold, or of another life of a store."""
    groups = {group_of(view): view.name for view in views}
    rows = await home.fetch(_SHOWN, list(groups.values()))
    shown = {(name, version) for name, version, stands in cast(Sequence[tuple[str, int, bool]], rows) if stands}
    found = {view.name: (view.name, view.version) not in shown for view in views}
    lives = {topic: await bus.incarnation(topic) for topic in sorted({t for view in views for t in view.topics})}
    for group, topic, life in cast(Sequence[tuple[str, str, UUID]], await home.fetch(_LIVES, list(groups))):
        found[groups[group]] |= topic in lives and lives[topic] != life
    return found


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((t for t in (one, other) if t is not None), default=None)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far some views reach together: as far as the slowest of them.

    `through`: by topic the position up to which all is folded. `watermark`: what was recorded by then is known.
    `parked`: customers (100 at most) of whom something waits for a person, so that it is in none of it.
    """

    through: Mapping[str, int]
    watermark: datetime
    parked: Sequence[str]


async def reach(home: asyncpg.Pool, bus: Bus, views: Sequence[View]) -> Reach:
    """How far `views` of the service behind `home` reach. What is read from them afterwards reaches at least there."""
    before = cast(datetime, await home.fetchval("select clock_timestamp()"))
    groups = [group_of(view) for view in views]
    places, moved = await _together(home, groups, sorted({t for view in views for t in view.topics}))
    parked = [row[0] for row in await home.fetch(_WAITING, groups, MOST_NAMED)]
    through: dict[str, int] = {}
    oldest: datetime | None = None
    for topic, last in places.items():
        behind = await bus.behind(topic, last, MOST)
        through[topic] = await _lowest(bus, topic, last) if behind.events else max(last.values())
        oldest = _earlier(oldest, behind.recorded)
    if oldest is not None:
        return Reach(through, oldest - timedelta(microseconds=1), parked)
    return Reach(through, max(before - IN_FLIGHT, min(before, moved or before)), parked)


async def _together(
    home: asyncpg.Pool, groups: Sequence[str], topics: Sequence[str]
) -> tuple[dict[str, dict[int, int]], datetime | None]:
    """The lowest position of all groups in each part, and when the last of them moved."""
    places = {topic: dict.fromkeys(range(PARTS), 0) for topic in topics}
    moved: list[datetime] = []
    for row in await home.fetch(_TOGETHER, groups):
        places.setdefault(row["topic"], dict.fromkeys(range(PARTS), 0))[row["part"]] = row["last_pos"]
        moved.append(row["moved_at"])
    return places, max(moved, default=None)


async def _lowest(bus: Bus, topic: str, last: Mapping[int, int]) -> int:
    """The lowest position of the parts that have more to come."""
    behind = [position for part, position in last.items() if (await bus.behind(topic, {part: position}, 1)).events]
    return min(behind, default=max(last.values()))

"""What came in from each sender as a whole: how many messages of which fate, and which numbers never came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from engine.database import Database

LEAST = 10
"""Numbers from which on they may be a series."""
GAPS = 100
"""Gaps of a series that are listed, the first ones."""
SERIES = 50
"""Series of a sender and type that are listed, those with the most missing numbers."""

_FATES = """
select i.source, i.type, count(*)::bigint as messages,
    (count(*) filter (where verdict = 'accepted'))::bigint as accepted,
    (count(*) filter (where verdict = 'waiting'))::bigint as waiting, sum(repeated)::bigint as duplicates,
    sum(conflicts)::bigint as conflicts, max(decided_at) as last_decided,
    (select min(w.since) from waiting w where w.source = i.source and w.type = i.type) as waiting_since,
    (select coalesce(jsonb_object_agg(r.rule, r.n), '{}') from (select rule, count(*) n from inbox x
        where x.verdict = 'rejected' and x.source = i.source and x.type = i.type group by rule) r)::text as rejected
from inbox i
where ($1::text is null or i.source = $1) and ($2::text is null or i.type = $2)
    and ($3::text is null or (i.source, i.type) > ($3, $4))
group by i.source, i.type order by i.source, i.type limit $5"""

_NUMBERS = """
with asked as (select * from unnest($1::text[], $2::text[]) k(source, type)),
numbered as (
    select source, type, 'document' as by, coalesce(m[1], '') as prefix, m[2] as digits
    from inbox join asked using (source, type),
        regexp_match(document, '^(.*[^0-9])?([0-9]{1,15})$') m
    where m is not null
    union all
    select source, type, 'sequence', '', sequence from inbox join asked using (source, type)
    where sequence ~ '^[0-9]{1,18}$'),
single as (select source, type, by, prefix, digits::bigint as n, min(length(digits)) as width from numbered
    group by source, type, by, prefix, digits::bigint),
stepped as (select *, lead(n) over (partition by source, type, by, prefix order by n) as following from single)
select source, type, by, prefix, count(*)::bigint as numbers, min(n) as first, max(n) as last, min(width) as width,
    (max(n) - min(n) + 1 - count(*))::bigint as missing,
    ((array_agg(n + 1 order by n) filter (where following > n + 1)))[1:$3] as gap_from,
    ((array_agg(following - 1 order by n) filter (where following > n + 1)))[1:$3] as gap_to
from stepped group by source, type, by, prefix
having count(*) >= $4 and count(*) * 2 >= max(n) - min(n) + 1
order by source, type, max(n) - min(n) + 1 - count(*) desc, by, prefix"""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers that follow each other: `by` document number or by the CloudEvents attribute sequence.

    `gaps` are the runs (first, last) of those that never came, GAPS at most; `missing` counts all.
    """

    by: str
    prefix: str
    numbers: int
    first: str
    last: str
    missing: int
    gaps: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of the messages of one sender and type; `rejected` by rule; `duplicates` and `conflicts` came again.

    `series` is empty where the numbers make none: fewer than LEAST, or less than half of those in between came.
    """

    source: str
    type: str
    messages: int
    accepted: int
    waiting: int
    waiting_since: datetime | None
    duplicates: int
    conflicts: int
    rejected: Mapping[str, int]
    last_decided: datetime
    series: Sequence[Series]


async def report(
    database: Database, source: str | None, kind: str | None, after: tuple[str, str] | None, limit: int
) -> Sequence[Fates]:
    """By sender and type, those behind `after`."""
    rows = await database.pool.fetch(_FATES, source, kind, *(after or (None, None)), limit)
    numbers = await database.pool.fetch(_NUMBERS, [r["source"] for r in rows], [r["type"] for r in rows], GAPS, LEAST)
    found: dict[tuple[str, str], list[Series]] = {}
    for row in numbers:
        found.setdefault((row["source"], row["type"]), []).append(_series(row))
    return [
        Fates(
            **{**dict(row), "rejected": orjson.loads(row["rejected"])},
            series=found.get((row["source"], row["type"]), [])[:SERIES],
        )
        for row in rows
    ]


def _series(row: Any) -> Series:
    def told(number: int) -> str:
        return f"{row['prefix']}{number:0{row['width']}d}"

    gaps = zip(row["gap_from"] or (), row["gap_to"] or (), strict=True)
    return Series(
        row["by"],
        row["prefix"],
        row["numbers"],
        told(row["first"]),
        told(row["last"]),
        row["missing"],
        [(told(a), told(b)) for a, b in gaps],
    )

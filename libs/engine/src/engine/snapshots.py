"""States of long streams, kept so that loading does not read all their events. Never needed: only faster."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, get_type_hints

import asyncpg
from pydantic import TypeAdapter

from engine.cache import Folded
from engine.decider import Aggregate, Ref
from engine.personal import holds_personal

EVERY = 100
"""Events of a stream between two snapshots."""

_LOAD = "select stream, ver, state, fold from snapshots where stream = any($1::text[])"
_WRITE = """insert into snapshots (stream, ver, fold, state) values ($1, $2, $3, $4)
    on conflict (stream) do update
        set ver = excluded.ver, fold = excluded.fold, state = excluded.state, written_at = now()
    where snapshots.fold <> excluded.fold or snapshots.ver < excluded.ver"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Codec:
    """How states of one aggregate are written; `fold` names the fold that made them."""

    fold: str
    adapter: TypeAdapter[Any]


@cache
def state_type(aggregate: Aggregate[Any]) -> Any:
    """The type of the aggregate's states: what `evolve` says it gives, else the class of the initial state."""
    return get_type_hints(aggregate.evolve).get("return", type(aggregate.initial))


@cache
def keeps_personal(aggregate: Aggregate[Any]) -> bool:
    """Whether its states hold personal data: they are then neither kept in a snapshot nor in memory."""
    return holds_personal(state_type(aggregate))


@cache
def codec(aggregate: Aggregate[Any]) -> Codec:
    """The codec of `aggregate`'s states."""
    of = state_type(aggregate)
    named = f"{aggregate.category}/{aggregate.fold_version}/{of!r}"
    return Codec(sha256(named.encode()).hexdigest()[:16], TypeAdapter(of))


class Snapshots:
    """Written in the background: a lost one is written again EVERY events later."""

    def __init__(self, pool: asyncpg.Pool, every: int = EVERY) -> None:
        self._pool, self._every = pool, every
        self._writing: set[asyncio.Task[None]] = set()

    async def load(self, refs: Sequence[Ref[Any]]) -> dict[str, Folded]:
        """The states kept of these streams, made by today's folds."""
        kept = {r.stream: r for r in refs if not keeps_personal(r.aggregate)}
        if not kept:
            return {}
        rows = await self._pool.fetch(_LOAD, list(kept))
        return {
            row["stream"]: Folded(row["ver"], codec(kept[row["stream"]].aggregate).adapter.validate_json(row["state"]))
            for row in rows
            if row["fold"] == codec(kept[row["stream"]].aggregate).fold
        }

    def passed(self, ref: Ref[Any], before: int, after: Folded) -> None:
        """Keep the state where the stream passed another EVERY events between version `before` and `after`."""
        if before // self._every == after.version // self._every or keeps_personal(ref.aggregate):
            return
        task = asyncio.create_task(self._write(ref, after), name=f"snapshot {ref.stream}")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def settled(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writing)

    async def _write(self, ref: Ref[Any], folded: Folded) -> None:
        kept = codec(ref.aggregate)
        try:
            state = kept.adapter.dump_json(folded.state)
            if kept.adapter.validate_json(state) != folded.state:
                raise ValueError("the state does not read back as it was written")
            await self._pool.execute(_WRITE, ref.stream, folded.version, kept.fold, state)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _log.warning("no snapshot of %s: %s", ref.aggregate.category, type(error).__name__)

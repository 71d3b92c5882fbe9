"""Which parts of a group this process works on, where somebody else dealt them out: each has its epoch from here.

A claim raises the epoch, which fences whoever had the part before. It is made once for an assignment: who was fenced
looks again, and finds what is still its own.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast
from uuid import UUID

import asyncpg

from engine import ids
from engine.membership import Held, begun
from engine.ports import Place

At = tuple[str, int]

_CLAIM = """
update consumers c set owner = $2, epoch = epoch + 1
from unnest($3::text[], $4::smallint[]) n(topic, part)
where c.grp = $1 and c.topic = n.topic and c.part = n.part
returning c.topic, c.part, c.epoch, c.last_pos, c.next_offset"""
_OWNED = "select topic, part, epoch, last_pos, next_offset from consumers where grp = $1 and owner = $2"


class Claims:
    """Those of one member of `group`, kept in the database behind `home`."""

    def __init__(self, home: asyncpg.Pool, group: str) -> None:
        self._home, self._group, self._session = home, group, ids.new()

    async def begin(self, incarnations: Mapping[str, UUID]) -> None:
        """The group's positions start at 0 of the present incarnation where it has none yet."""
        await begun(self._home, self._group, incarnations)

    async def claim(self, parts: Collection[At]) -> Mapping[At, Held]:
        """Take these parts over, from whomever."""
        topics, numbers = [topic for topic, _ in parts], [part for _, part in parts]
        return _held(await self._home.fetch(_CLAIM, self._group, self._session, topics, numbers))

    async def owned(self) -> Mapping[At, Held]:
        """What nobody has taken over since."""
        return _held(await self._home.fetch(_OWNED, self._group, self._session))


def _held(rows: Sequence[asyncpg.Record]) -> dict[At, Held]:
    found = cast(Sequence[tuple[str, int, int, int, int]], rows)
    return {(topic, part): Held(epoch, Place(topic, part, last, at)) for topic, part, epoch, last, at in found}

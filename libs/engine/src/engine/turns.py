"""Turns on streams: commands on a common stream are decided one after the other, those that wait for it together."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from engine.ports import StoreFailed, Verdict
from engine.runs import Planned


@dataclass(eq=False, slots=True)
class Turn:
    """Commands of one caller, to be decided in order; `fresh`: on states read anew. `alone` joins no other's run.

    Once taken by the run of another caller, `made` holds the verdicts of the first of them (none: ask again), or
    `failed` why nothing could be stored.
    """

    planned: Sequence[Planned]
    fresh: bool = False
    alone: bool = False
    streams: list[str] = field(init=False)
    held: set[str] = field(init=False, default_factory=set)
    taken: bool = field(init=False, default=False)
    made: Sequence[Verdict] = field(init=False, default=())
    failed: StoreFailed | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.streams = sorted({ref.stream for p in self.planned for ref in p.refs})


class Turns:
    """Who holds which stream in this process, and who waits. Against other processes versions decide, not turns."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._waiting: dict[str, dict[Turn, None]] = {}

    @asynccontextmanager
    async def wait(self, turn: Turn) -> AsyncIterator[None]:
        """Hold all streams of `turn`; always taken in the same order, so that no two wait for each other."""
        for stream in turn.streams:
            self._waiting.setdefault(stream, {})[turn] = None
        try:
            for stream in turn.streams:
                await self._acquire(stream)
                turn.held.add(stream)
            self._called(turn)
            yield
        finally:
            self._called(turn)
            for stream in turn.held:
                self._release(stream)

    def join(self, turn: Turn, most: int) -> list[Turn]:
        """Who waits for a stream that `turn` holds and can be decided with it now; `most` commands in all.

        Their other streams must be free, or be held by themselves: `turn` never waits for anything here.
        """
        joined: list[Turn] = []
        commands = {p.asked.id for p in turn.planned}
        for other in [t for stream in turn.streams for t in self._waiting.get(stream, ())]:
            theirs = {p.asked.id for p in other.planned}
            more = [s for s in other.streams if s not in turn.held and s not in other.held]
            if other.taken or other.alone or turn.alone or any(s in self._queues for s in more):
                continue
            if len(commands) + len(theirs) <= most and commands.isdisjoint(theirs):
                self._queues |= {stream: deque() for stream in more}
                turn.held.update(more)
                commands |= theirs
                other.taken = True
                joined.append(other)
        return joined

    def _called(self, turn: Turn) -> None:
        for stream in turn.streams:
            waiting = self._waiting.get(stream, {})
            waiting.pop(turn, None)
            if not waiting:
                self._waiting.pop(stream, None)

    async def _acquire(self, stream: str) -> None:
        queue = self._queues.get(stream)
        if queue is None:
            self._queues[stream] = deque()
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                self._release(stream)
            raise

    def _release(self, stream: str) -> None:
        """Hand the stream to who waits longest."""
        queue = self._queues[stream]
        while queue:
            following = queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._queues[stream]

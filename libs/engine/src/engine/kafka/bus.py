"""The bus on Kafka: what happens arrives there, what happened before is read where it lies, in the owners' logs."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg

from engine.claims import At, Claims
from engine.kafka.admin import Layout
from engine.kafka.line import Line
from engine.membership import Held
from engine.ports import Delivery, Place, RawEvent, Subscription
from engine.tablebus import Cursor, TableBus, cursor_at, handed
from engine.tail import POLL
from engine.wakeups import Wakeups

log = logging.getLogger("kehu.kafka")


class KafkaBus(TableBus):
    """`name` is that of the reading service; all processes with its readers of one kind are one Kafka group.

    The kind is what a group's name begins with (``view:ageing``: view): these readers share one look at Kafka, and have
    the same parts. So all members of the same kind must run the same readers.
    """

    def __init__(
        self,
        layout: Layout,
        name: str,
        owners: Mapping[str, asyncpg.Pool],
        home: asyncpg.Pool,
        *,
        wakeups: Wakeups | None = None,
    ) -> None:
        super().__init__(owners, home, wakeups=wakeups, lease=timedelta(seconds=layout.access.session), poll=POLL)
        self._layout, self._access, self._name = layout, layout.access, name
        self._lines: dict[tuple[str, str], Line] = {}

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Join `group`; its members share the parts of `topics`. Raises KeyError for a topic nobody owns."""
        claims = Claims(self._home, group)
        await claims.begin({t: await self.incarnation(t) for t in topics})
        key = group.partition(":")[0], member
        line = self._lines.get(key)
        if line is None:
            named = self._access.named(f"kehu.{self._name}.{key[0]}")
            line = self._lines[key] = Line(self._layout, named, member, self)
        subscription = KafkaSubscription(self, topics, claims, line, self._access.session)
        line.join(subscription)
        return subscription

    async def left(self, line: Line, subscription: "KafkaSubscription") -> None:
        """`subscription` reads no more; the last one of a line ends it."""
        key = next((k for k, found in self._lines.items() if found is line), None)
        if await line.leave(subscription) and key is not None:
            self._lines.pop(key, None)


class KafkaSubscription:
    """One reader on a line; not for use by several tasks at a time."""

    def __init__(self, bus: KafkaBus, topics: Sequence[str], claims: Claims, line: Line, session: float) -> None:
        self._bus, self._topics, self._claims, self._line, self._session = bus, list(topics), claims, line, session
        self._cursors: dict[At, Cursor] = {}
        self._held: Mapping[At, Held] = {}
        self._lives: Mapping[str, UUID] = {}
        self._generation, self._doubt, self._fenced = -1, False, 0.0
        self._news = asyncio.Event()

    async def fetch(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """The next records of the parts held, at most `limit`, waiting at most `timeout` seconds for the first."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            self._news.clear()
            await self._settle()
            found = await self._read(limit)
            left = deadline - loop.time()
            if found or left <= 0:
                return found
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    async def assigned(self) -> Mapping[At, int]:
        """The (topic, part) pairs held, each with its epoch, as of the last fetch."""
        return {at: held.epoch for at, held in self._held.items()}

    async def seek(self, place: Place) -> None:
        """Go on reading this part at `place`; also looks whether it is still ours before the next read."""
        if (place.topic, place.part) in self._cursors:
            self._cursors[place.topic, place.part] = cursor_at(place)
        self._doubt = True

    async def close(self) -> None:
        """Read no more; where that was the line's last reader the parts go to the others."""
        await self._bus.left(self._line, self)

    def news(self) -> None:
        """Something came, or the parts are others now."""
        self._news.set()

    def read_to(self, at: At) -> int | None:
        """Up to which position this part was read; None where it is not ours."""
        cursor = self._cursors.get(at)
        return None if cursor is None else cursor.scanned

    async def _settle(self) -> None:
        """Claim what was newly assigned; where there is doubt, look what is still ours. Raises Halted."""
        if self._line.broken is not None:
            raise self._line.broken
        line, now = self._line, asyncio.get_running_loop().time()
        if self._generation != line.generation:
            await self._claim()
            return
        if self._doubt:
            owned = await self._claims.owned()
            self._adopt({at: held for at, held in owned.items() if at in line.windows})
            self._doubt, self._fenced = False, now
        if len(self._held) < len(self._mine()) and now - self._fenced > self._session:
            log.warning("parts were claimed by one who does not have them; claiming them again")
            await self._claim()

    async def _claim(self) -> None:
        """Once for each assignment. Raises ConnectionResetError where a log lives another life than before."""
        generation, mine = self._line.generation, self._mine()
        lives = self._line.lives(self._topics)
        if any(self._lives.get(topic, life) != life for topic, life in lives.items()):
            raise ConnectionResetError(f"{', '.join(self._topics)}: a log lives another life")
        held = await self._claims.claim(mine) if mine else {}
        if generation == self._line.generation:
            self._adopt(held)
            self._lives = {**self._lives, **lives}
            self._generation, self._doubt = generation, False

    def _mine(self) -> list[At]:
        return sorted(at for at in self._line.windows if at[0] in self._topics)

    def _adopt(self, held: Mapping[At, Held]) -> None:
        """A part keeps its cursor only while its epoch stays the same."""
        before = self._held
        same = {at for at, h in held.items() if at in self._cursors and before[at].epoch == h.epoch}
        self._cursors = {at: self._cursors[at] if at in same else cursor_at(h.place) for at, h in held.items()}
        self._held = held

    async def _read(self, limit: int) -> Sequence[Delivery]:
        found: list[Delivery] = []
        for topic in self._topics:
            if len(found) < limit:
                found += await self._read_topic(topic, limit - len(found))
        self._topics.append(self._topics.pop(0))
        if found:
            self._line.moved()
        return found

    async def _read_topic(self, topic: str, limit: int) -> Sequence[Delivery]:
        cursors = {part: c for (t, part), c in self._cursors.items() if t == topic}
        while behind := self._below(topic, cursors):
            found = await self._catch_up(topic, behind, limit)
            if found:
                return found
        return self._live(topic, cursors, limit)

    def _below(self, topic: str, cursors: Mapping[int, Cursor]) -> dict[int, Cursor]:
        """The parts whose next events lie below their windows."""
        windows = self._line.windows
        return {p: c for p, c in cursors.items() if (topic, p) in windows and c.scanned < windows[topic, p].floor}

    async def _catch_up(self, topic: str, behind: Mapping[int, Cursor], limit: int) -> Sequence[Delivery]:
        """From the owner's log: of the parts least far read, up to where the next ones are or a window begins."""
        start = min(c.scanned for c in behind.values())
        first = {p: c for p, c in behind.items() if c.scanned == start}
        floors = [self._line.windows[topic, p].floor for p in first]
        upto = min([*floors, *(c.scanned for c in behind.values() if c.scanned > start)])
        life, raws, reached = await self._bus.tail(topic).stretches.read(topic, start, upto)
        return handed(topic, life, raws, reached, first, self._bus.wanted, limit)

    def _live(self, topic: str, cursors: Mapping[int, Cursor], limit: int) -> Sequence[Delivery]:
        """From the windows, in the order of the log as far as it came."""
        found: list[RawEvent] = []
        ends: dict[int, int] = {}
        for part, cursor in cursors.items():
            window = self._line.windows.get((topic, part))
            same = window is not None and window.life == self._lives[topic]  # another life may have begun just now
            raws = window.above(cursor.scanned, limit) if window is not None and same else ()
            if raws:
                found += raws
                ends[part] = raws[-1][0]
        if not found:
            return ()
        found.sort(key=lambda raw: raw[0])
        moving = {part: cursors[part] for part in ends}
        handing = handed(topic, self._lives[topic], found, found[-1][0], moving, self._bus.wanted, limit)
        for part, end in ends.items():
            moving[part].scanned = min(moving[part].scanned, end)
        return handing

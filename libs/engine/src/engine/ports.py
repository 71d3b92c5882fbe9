"""The two ports of the engine, the store and the bus, and what passes through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from events.base import Event
from events.envelope import Envelope, Origin
from events.topics import PARTS as PARTS  # `part_of` a customer never changes


class Conflict(Exception):
    """A stream is not at the version the decision was made on."""


class StoreFailed(Exception):
    """The store could not take the append; whether it did is unknown if the connection broke."""


class StoreFull(StoreFailed):
    """The disk of the database is full; not stored. A person has to make room."""


class Meta(NamedTuple):
    """Who and why, of a command: copied onto every event it leads to."""

    actor: str
    correlation: UUID
    causation: UUID | None = None
    traceparent: str | None = None
    origin: Origin = "live"
    asserted_recorded: datetime | None = None
    """Recorded time asserted by an initial load; the database's clock otherwise."""


class NewEvent(NamedTuple):
    """An event on its way into `stream`, effective on `effective`; `meta` where it is not that of the whole append."""

    stream: str
    event: Event
    effective: date
    meta: Meta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a command: the answer to its repetition, too. Holds no personal data.

    `rule` and `params` are set when refused; `streams` are the versions reached, `positions` first and last position
    (on the way into an append: counted from its own first event, which is 1; None there means all of them).
    """

    command: UUID
    outcome: Literal["accepted", "nothing", "rejected"]
    digest: bytes
    rule: str | None = None
    params: Mapping[str, Any] | None = None
    streams: Mapping[str, int] | None = None
    positions: tuple[int, int] | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """One decision to be stored: all or nothing. `expected` names the version of every stream that must hold."""

    expected: Mapping[str, int]
    events: Sequence[NewEvent]
    meta: Meta
    verdicts: Sequence[Verdict] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """Where the events of an append went; `repeated` holds the stored verdict when the command was known already."""

    first: int
    last: int
    recorded: datetime
    repeated: Verdict | None = None


class Streams(Protocol):
    """Streams that can be read."""

    async def read_stream(self, stream: str, after: int = 0) -> Sequence[Envelope[Any]]:
        """The events of `stream` above version `after`, in order."""
        ...


class Store(Protocol):
    """The append-only log of one service."""

    async def append(self, append: Append) -> Appended:
        """Store all events or none. Raises Conflict where an expected version does not hold, StoreFailed otherwise."""
        ...

    async def read_stream(self, stream: str, after: int = 0) -> Sequence[Envelope[Any]]:
        """The events of `stream` above version `after`, in order."""
        ...

    async def versions(self, streams: Sequence[str]) -> Mapping[str, int]:
        """The present version of each stream; 0 for one that does not exist."""
        ...

    async def customers(self, streams: Sequence[str]) -> frozenset[str | None]:
        """Whom these streams are about, None among them where one is about no customer; those not begun count not."""
        ...

    async def verdict(self, command: UUID) -> Verdict | None:
        """What became of a command, if it was decided before."""
        ...

    async def read_all(
        self, after: int, limit: int, *, types: Sequence[str] | None = None, topic: str | None = None
    ) -> Sequence[Envelope[Any]]:
        """Events above position `after`, in commit order. Never passes one that is not committed yet."""
        ...

    async def head(self) -> int:
        """The highest position; 0 for an empty store."""
        ...


class Delivery(NamedTuple):
    """A record of a topic as a consumer gets it.

    `position` is its identity; `previous` the position before it in its topic and part (0: the first). `offset` is
    where the broker keeps it and proves nothing. The raw fields are decoded by the consumer, so that a record it cannot
    read is its to park. `passed` counts those left out at the same time because their reader declared other types.
    """

    topic: str
    part: int
    offset: int
    incarnation: UUID
    position: int
    previous: int
    raw: "RawEvent"
    passed: int = 0


class RawEvent(NamedTuple):
    """An event as stored, not decoded: `data` and `meta` are JSON text.

    A tuple, as `Delivery` and `Envelope` are: one is made for each event that is read, and a frozen dataclass takes
    ten times as long to make.
    """

    position: int
    part: int
    stream: str
    version: int
    id: UUID
    type: str
    schema_version: int
    customer: str | None
    company: str
    data: str
    meta: str
    effective: date
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a consumer is in one part of a topic: the last position it has dealt with, the offset to read next."""

    topic: str
    part: int
    last_position: int
    next_offset: int


class Subscription(Protocol):
    """Membership of one consumer in a group: some parts are its own until they are taken away."""

    async def fetch(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """The next records of the parts held, at most `limit`, waiting at most `timeout` seconds for the first."""
        ...

    async def assigned(self) -> Mapping[tuple[str, int], int]:
        """The (topic, part) pairs held now, each with the epoch under which it is held."""
        ...

    async def seek(self, place: Place) -> None:
        """Go on reading this part at `place`."""
        ...

    async def close(self) -> None:
        """Leave the group; the parts go to the others."""
        ...


class Behind(NamedTuple):
    """What a reader has yet to deal with: how many events, of the oldest when it was recorded, and appended.

    They differ in an initial load, which asserts when something was recorded: how long a reader is behind is told from
    the second, what may be missing in a figure from the first.
    """

    events: int
    recorded: datetime | None
    appended: datetime | None


class Bus(Protocol):
    """Topics of 12 parts, read by groups. Two implementations behind one behaviour suite: tables and Kafka."""

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> Subscription:
        """Join `group`; its members share the parts of `topics`."""
        ...

    async def feed(self, topic: str, part: int, after: int, limit: int) -> Sequence[Delivery]:
        """The owner's own record of a part above position `after`: closes gaps, feeds rebuilds. Never misses one."""
        ...

    async def incarnation(self, topic: str) -> UUID:
        """Which life of the owner's store this topic comes from; another one after a restore."""
        ...

    async def head(self, topic: str) -> Mapping[int, int]:
        """The highest position of each part that has any."""
        ...

    async def behind(self, topic: str, last: Mapping[int, int], most: int) -> Behind:
        """What of `topic` lies above `last` (by part); counted up to `most`."""
        ...

"""The port of stored topics: messages that are not events of ours, in 12 parts, read by groups that commit offsets.

Such a topic has no positions: an offset only says where to go on. Whoever reads it may get a message again and has to
know it by what is in it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

Header = tuple[str, bytes]


class Message(NamedTuple):
    """What is published. Messages of one key lie in one part, in their order; without a key in any part."""

    key: bytes | None
    value: bytes
    headers: tuple[Header, ...] = ()


class Record(NamedTuple):
    """A message as it is kept. `headers` in their order, names may repeat."""

    topic: str
    part: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[Header, ...]
    published: datetime

    @property
    def place(self) -> str:
        """Where it lies, as text: topic, part, offset."""
        return f"{self.topic}/{self.part}/{self.offset}"


class Reading(Protocol):
    """Membership of one reader in a group: some parts are its own until they are taken away."""

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:
        """The next records of the parts held, at most `limit`, those of a part in order.

        Waits at most `timeout` seconds for the first. A part that is newly held is read from where its group committed,
        or from the oldest that is still kept.
        """
        ...

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Whoever reads these (topic, part) next begins there. Raises Lost where one is not held any more."""
        ...

    async def assigned(self) -> Sequence[tuple[str, int]]:
        """The (topic, part) pairs held now."""
        ...

    async def close(self) -> None:
        """Leave the group; the parts go to the others."""
        ...


class Topics(Protocol):
    """Two implementations behind one behaviour suite: tables and Kafka."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Add the messages in their order; durable when this returns. Repeated after a failure they may be doubled."""
        ...

    async def read(self, group: str, topics: Sequence[str], member: str) -> Reading:
        """Join `group`; its members share the parts of `topics`."""
        ...

    async def sweep(self, keep: timedelta, topics: Sequence[str] | None = None) -> int:
        """Remove messages of `topics` (None: of all) older than `keep` that no group has still to read; how many."""
        ...

    async def close(self) -> None:
        """Nothing more is published."""
        ...


def following(records: Sequence[Record]) -> dict[tuple[str, int], int]:
    """The offsets to commit when all of `records` are dealt with."""
    return {(r.topic, r.part): r.offset + 1 for r in records}

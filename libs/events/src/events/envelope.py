"""What is known about an event besides what it says: who, when, where in which log."""

from datetime import date, datetime
from typing import Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from events.base import Event

Origin = Literal["live", "initial_load"]
E = TypeVar("E", bound=Event, covariant=True)


class Envelope(NamedTuple, Generic[E]):
    """A stored event.

    ``effective`` is the business date in the company's time zone, ``recorded`` the instant (UTC) at which the store
    learned it. ``position`` orders the events of one store in commit order, ``version`` those of one stream.
    """

    id: UUID
    type: str
    schema_version: int
    stream: str
    version: int
    position: int
    part: int
    customer: str | None
    company: str
    effective: date
    recorded: datetime
    actor: str
    correlation: UUID
    causation: UUID | None
    traceparent: str | None
    origin: Origin
    event: E

    @property
    def topic(self) -> str:
        """The context that published it, which is also its topic: ``credit``."""
        return self.type.partition(".")[0]

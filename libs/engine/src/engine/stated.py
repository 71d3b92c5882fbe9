"""How a topic of states is told: after which events, from which streams, as what. Pure; `kafka.states` sends it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from engine.decider import Ref, States
from events.base import Event
from events.states import State


class Told(NamedTuple):
    """A state; `until`: the business day from which on it is another although nothing happens, None: no such day."""

    state: State
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A topic of states.

    `handles` are the events of the service's own log that change what is told of their customer; `refs` the streams it
    is told from; `tell` is given them, the open business day and the position that is in them. None: there is no such
    customer, and its record in the topic is removed.
    """

    shape: type[State]
    handles: tuple[type[Event], ...]
    refs: Callable[[str], Sequence[Ref[Any]]]
    tell: Callable[[str, States, date, int], Told | None]

    @property
    def topic(self) -> str:
        return self.shape.topic

    @property
    def types(self) -> list[str]:
        """The names of the events, without version."""
        return [event.type for event in self.handles]

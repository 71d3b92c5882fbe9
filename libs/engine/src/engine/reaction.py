"""How one service answers another's events: event in, its own commands out. Pure; `engine.reactor` runs it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.decider import Command
from events.base import Event
from events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Reaction:
    """`react` gives the commands an event calls for; command n of an event is decided exactly once."""

    name: str
    handles: tuple[type[Event], ...]
    react: Callable[[Envelope[Any]], Iterable[Command]]

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(sorted({e.context() for e in self.handles}))


@dataclass(frozen=True, slots=True)
class Due:
    """A command that becomes due on a business date; `key` makes it the one it is (``invoice-4711/1/30``).

    `command` makes it, where it is to be kept: of a history loaded at once hardly any is.
    """

    key: str
    on: date
    command: Callable[[], Command]


@dataclass(frozen=True, slots=True)
class Timer:
    """`plan` gives the commands an event makes due later; each is decided exactly once when its day opens.

    A timer is never cancelled: the decision finds out whether there is still something to do.
    """

    name: str
    handles: tuple[type[Event], ...]
    plan: Callable[[Envelope[Any]], Iterable[Due]]

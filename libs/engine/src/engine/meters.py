"""What the engine counts of its own work: plain numbers, so that a hot path pays next to nothing for them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.ports import Conflict, Verdict

BOUNDS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds of what durations are sorted into; what takes longer is counted behind the last."""


@dataclass(slots=True)
class Durations:
    """How long something took, each time: counted by bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """It took so long once more."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class Appends:
    """What was stored: `took` is the time of an append until it is durable, waiting for others included."""

    took: Durations = field(default_factory=Durations)
    events: int = 0

    def add(self, seconds: float, events: int) -> None:
        """One more append, with so many events."""
        self.took.add(seconds)
        self.events += events


def count(outcomes: Counter[str], found: Sequence[Verdict | BaseException]) -> None:
    """Add what became of commands to `outcomes`: accepted, nothing, rejected, repeated, conflict or failed."""
    for one in found:
        outcomes[outcome(one)] += 1


def outcome(found: Verdict | BaseException) -> str:
    """What became of a command, in a word."""
    if isinstance(found, Verdict):
        return "repeated" if found.repeated else found.outcome
    return "conflict" if isinstance(found, Conflict) else "failed"

"""What a case measures and what it comes to: samples of interleaved rounds, medians, gates."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how much. `seconds` of one sample of a timed case, `events` of a counted one."""

    rounds: int
    seconds: float
    events: int
    peer_events: int
    invoices: int
    checks: int
    facts: int
    imported: int
    seed: int


FULL = Plan(
    rounds=3,
    seconds=2.0,
    events=100_000,
    peer_events=1_000,
    invoices=20_000,
    checks=200,
    facts=1_000_000,
    imported=1_000_000,
    seed=20_260_101,
)
QUICK = Plan(
    rounds=1,
    seconds=0.4,
    events=12_000,
    peer_events=300,
    invoices=1_000,
    checks=40,
    facts=50_000,
    imported=6_000,
    seed=20_260_101,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender: so much done in so many seconds, and how long each took where that was timed."""

    done: int
    seconds: float
    latencies: Sequence[float] = ()


@dataclass(slots=True)
class Contender:
    """One who is measured, over all rounds."""

    name: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median over the rounds, per second."""
        return statistics.median(s.done / s.seconds for s in self.samples)

    def latency(self, share: float) -> float | None:
        """Seconds that `share` of all stay below; None where none were timed."""
        found = sorted(x for s in self.samples for x in s.latencies)
        return found[min(int(len(found) * share), len(found) - 1)] if found else None


@dataclass(frozen=True, slots=True)
class Target:
    """`value` must be at least (`most`: at most) `goal`. One that does not gate is printed only."""

    what: str
    value: float
    goal: float
    unit: str = "x"
    most: bool = False
    gates: bool = True

    @property
    def met(self) -> bool:
        return self.value <= self.goal if self.most else self.value >= self.goal


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case, measured."""

    case: str
    contenders: Sequence[Contender]
    targets: Sequence[Target]
    told: Sequence[str] = ()
    """What else is to be said of it, each a line."""


def ratio(of: Contender, to: Contender) -> float:
    """How many times faster `of` is."""
    return of.rate / to.rate


def ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f}"


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Rates and latencies, as a Markdown table."""
    head = ["| case | who | per second | p50 ms | p99 ms |", "|---|---|--:|--:|--:|"]
    return head + [
        f"| {o.case} | {c.name} | {c.rate:,.0f} | {ms(c.latency(0.5))} | {ms(c.latency(0.99))} |"
        for o in outcomes
        for c in o.contenders
    ]


def targets(outcomes: Iterable[Outcome]) -> list[str]:
    """What was to be reached and what was, as a Markdown table."""
    lines = ["| target | reached | goal | |", "|---|--:|--:|---|"]
    for outcome in outcomes:
        for t in outcome.targets:
            sign, word = "<=" if t.most else ">=", "met" if t.met else "MISSED" if t.gates else "missed (no gate)"
            lines.append(
                f"| {outcome.case}: {t.what} | {t.value:,.2f} {t.unit} | {sign} {t.goal:,g} {t.unit} | {word} |"
            )
    return lines


def failed(outcomes: Iterable[Outcome]) -> bool:
    """Whether a gate is missed."""
    return any(t.gates and not t.met for o in outcomes for t in o.targets)

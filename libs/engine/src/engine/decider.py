"""How a service decides: commands, aggregates, rules. Pure; `engine.handle` does the loading and storing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Generic, TypeVar

from events.base import Event, Value

S = TypeVar("S")
F = TypeVar("F", bound="Facts")


class Command(Value):
    """Something asked for; also the body of the request that asks."""


class Rejected(Exception):
    """A rule refused. A subclass is a rule: its docstring is the sentence people read, its fields fill the sentence.

    Fields hold plain values (str, int, Decimal, date) and never personal data: they are kept with the verdict.
    `zh` is the sentence in Chinese, with the same placeholders.
    """

    zh: ClassVar[str] = ""

    def __init__(self, **params: Any) -> None:
        super().__init__(self.__doc__)
        self.params = params

    @classmethod
    def code(cls) -> str:
        """The rule's name in kebab case: ``OverAllocation`` -> ``over-allocation``."""
        return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(cls.__name__))


class NotFound(Rejected):
    """A rule that refused because what the command names does not exist (answered 404)."""


class Waits(Rejected):
    """What the document refers to has not arrived yet."""

    zh: ClassVar[str] = "单据所引用的对象尚未到达。"


class StaleFacts(Exception):
    """Raised by `decide` where facts, which come from views, leave out what the states show: load and decide anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Generic[S]):
    """What is decided about as one: how its state starts and how each event changes it.

    `fold_version` rises whenever `evolve` or the state's shape changes: snapshots of older folds are then ignored.
    """

    category: str
    initial: S
    evolve: Callable[[S, Event], S]
    fold_version: int = 1

    def __call__(self, key: str) -> "Ref[S]":
        return Ref(self, key)

    def fold(self, events: Iterable[Event], state: S | None = None) -> S:
        """`state` (the initial one by default) after `events`."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current


class Ref(Generic[S]):
    """One aggregate by its key; `stream` is the name of its stream: ``invoice-4711``, which makes it the one it is."""

    __slots__ = ("aggregate", "key", "stream")

    def __init__(self, aggregate: Aggregate[S], key: str) -> None:
        self.aggregate, self.key, self.stream = aggregate, key, f"{aggregate.category}-{key}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.stream == other.stream

    def __hash__(self) -> int:
        return hash(self.stream)

    def __repr__(self) -> str:
        return f"Ref({self.stream})"


class States:
    """The states a decision may look at: those of the streams its command named, nothing else."""

    def __init__(self, loaded: Mapping[str, Any]) -> None:
        self._loaded = loaded

    def __getitem__(self, ref: Ref[S]) -> S:
        """The state of `ref`. Raises KeyError where the command did not name the stream (a bug of the decider)."""
        found: S = self._loaded[ref.stream]
        return found


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person or a part of the system, with the roles it has."""

    id: str
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision may know besides the states: the open business day, the instant, who asks.

    Services derive their own with facts of their views. During the initial load checks, holds and notices are skipped.
    """

    today: date
    now: datetime
    actor: Actor
    initial_load: bool = False


Decision = Sequence[tuple[Ref[Any], Event]]
"""What happened, in order; empty: nothing to do."""


@dataclass(frozen=True, slots=True)
class Candidates(Generic[F]):
    """Facts that say no more than which streams to look at.

    `decide` proves by the states that no candidate is missing, and raises StaleFacts where one is. So it is tried with
    `unasked` facts first, before any view was read. `carried` are the facts with what earlier commands of the same
    append came to, their events of the types in `heeds` about the same customer as the command is `about`: no view and
    no log can know of them yet.
    """

    unasked: Callable[[Facts], F]
    heeds: tuple[type[Event], ...]
    about: Callable[[Any], str | None]
    carried: Callable[[F, Sequence[Event]], F]


@dataclass(frozen=True, slots=True)
class Decider(Generic[F]):
    """Which streams a command needs, and what it comes to.

    `streams` names every stream whose version must hold when the decision is stored. `decide` returns what happened or
    raises the rule (`Rejected`) that refuses; `streams` may, too. Facts are loaded before, by the loader the service
    wires in; where they are `candidates`, only when they are needed.
    """

    commands: tuple[type[Command], ...]
    streams: Callable[[Any, F], Sequence[Ref[Any]]]
    decide: Callable[[Any, States, F], Decision]
    rules: tuple[type[Rejected], ...] = ()
    candidates: Candidates[F] | None = None

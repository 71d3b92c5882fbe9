"""What each process notes of what it was told, as lines of JSON: one file a process, in the order it happened there.

A line is a list that begins with a word. A process that is killed leaves a begun line, which was told to nobody.

    ask, OP                                         an append was asked for
    ok, OP, POSITION | fail, OP | unknown, OP       what its writer was told
    took, EPOCH, POSITION, LIFE                     a relay got the cursor
    sent, LIFE, TOPIC, PART, POSITIONS, MARKS       acknowledged by the broker
    moved, EPOCH, POSITION                          the cursor was moved
    got, READER, GROUP, EPOCH, LIFE, TOPIC, PART, PREVIOUS, POSITIONS, MARKS      delivered to a reader
    sought, READER, TOPIC, PART                     that reader begins somewhere else
    committing, N, GROUP, LIFE, TOPIC, PART, FROM, POSITIONS                      about to be committed
    committed, N | refused, N                       what became of it; neither: unknown
    anew, GROUP                                     the group's state is built again from the log
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

At = tuple[str, int]
"""A topic and one of its parts."""
Note = Sequence[Any]


class Recorder:
    """Writes the notes of this process; each is in the file when `note` returns, whatever kills the process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, *said: Any) -> None:
        """One line."""
        os.write(self._file, orjson.dumps(said) + b"\n")


def notes(path: Path) -> Iterator[Note]:
    """The lines of a process; one that was cut by a kill was told to nobody."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield orjson.loads(line)


def mark(event: UUID) -> int:
    """Which event it is, besides its position: another one at the same position has another mark."""
    return event.int & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Committing:
    """Positions of a part that a group was about to move past, from `start`; `result`: ok, fail or unknown."""

    start: int
    positions: Sequence[int]
    result: str


@dataclass(slots=True)
class Publishing:
    """What one relay did under one epoch, in order: stretches acknowledged, and where it moved the cursor."""

    epoch: int
    start: int
    life: str
    steps: list[tuple[str, Any]] = field(default_factory=list)
    """("sent", batch) and ("moved", position)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of a part as they were sent or delivered together; `previous` is empty where they were sent."""

    life: str
    at: At
    positions: Sequence[int]
    marks: Sequence[int]
    previous: Sequence[int] = ()


@dataclass(slots=True)
class History:
    """The notes of all processes, by what they are about."""

    appends: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Operation to result (ok, fail, unknown) and position."""
    void: set[str] = field(default_factory=set)
    """Acknowledged, and then taken back by a restore of an older log."""
    publishing: list[Publishing] = field(default_factory=list)
    sent: list[Batch] = field(default_factory=list)
    reading: list[tuple[str, Sequence[Batch]]] = field(default_factory=list)
    """What a reader got one after the other without seeking; the name says who."""
    commits: dict[tuple[str, str, At], list[Committing]] = field(default_factory=dict)
    """By group, life and part."""
    anew: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, eras: Sequence[tuple[Iterable[Path], int | None]]) -> "History":
        """Of each era the writers' files and where the log it was restored to ends (None: it was not)."""
        history = cls()
        for paths, upto in eras:
            told = History()
            for path in paths:
                told.add(path.name, notes(path))
            if upto is not None:
                told.void |= {op for op, (result, at) in told.appends.items() if result != "ok" or at > upto}
            history.join(told)
        return history

    def join(self, other: "History") -> None:
        """All that `other` holds, too."""
        self.appends |= other.appends
        self.void |= other.void
        self.publishing += other.publishing
        self.sent += other.sent
        self.reading += other.reading
        for key, found in other.commits.items():
            self.commits.setdefault(key, []).extend(found)
        self.anew.update(other.anew)

    def add(self, name: str, said: Iterable[Note]) -> None:
        """The notes of one process."""
        process = _Process(self, name)
        for word, *rest in said:
            getattr(process, word)(*rest)
        process.end()

    def counts(self) -> Mapping[str, int]:
        """Commands asked for, acknowledged, records published, delivered, committed."""
        results = Counter(result for result, _ in self.appends.values())
        return {
            "asked": len(self.appends),
            "acknowledged": results["ok"],
            "refused": results["fail"],
            "unknown": results["unknown"],
            "taken back": len([op for op in self.void if self.appends[op][0] == "ok"]),
            "epochs": len(self.publishing),
            "published": sum(len(b.positions) for b in self.sent),
            "delivered": sum(len(b.positions) for _, batches in self.reading for b in batches),
            "committed": sum(len(c.positions) for cs in self.commits.values() for c in cs if c.result == "ok"),
        }


class _Process:
    """Reads the notes of one process into a history."""

    def __init__(self, history: History, name: str) -> None:
        self._history, self._name = history, name
        self._committing: dict[int, list[tuple[tuple[str, str, At], int, Sequence[int]]]] = {}
        self._reading: dict[tuple[int, At], tuple[int, str, list[Batch]]] = {}

    def ask(self, op: str) -> None:
        self._history.appends.setdefault(op, ("unknown", 0))

    def ok(self, op: str, position: int) -> None:
        self._history.appends[op] = "ok", position

    def fail(self, op: str) -> None:
        self._history.appends[op] = "fail", 0

    def unknown(self, op: str) -> None:
        self._history.appends[op] = "unknown", 0

    def took(self, epoch: int, position: int, life: str) -> None:
        self._history.publishing.append(Publishing(epoch, position, life))

    def sent(self, life: str, topic: str, part: int, positions: Sequence[int], marks: Sequence[int]) -> None:
        self._history.sent.append(batch := Batch(life, (topic, part), positions, marks))
        self._history.publishing[-1].steps.append(("sent", batch))

    def moved(self, epoch: int, position: int) -> None:
        assert self._history.publishing[-1].epoch == epoch
        self._history.publishing[-1].steps.append(("moved", position))

    def got(
        self, reader: int, group: str, epoch: int, life: str, topic: str, part: int,
        previous: Sequence[int], positions: Sequence[int], marks: Sequence[int],
    ) -> None:  # fmt: skip
        key = reader, (topic, part)
        found = self._reading.get(key)
        if found is None or found[:2] != (epoch, life):
            found = self._reading[key] = epoch, life, []
            self._history.reading.append((f"{self._name} {group}", found[2]))
        found[2].append(Batch(life, (topic, part), positions, marks, previous))

    def sought(self, reader: int, topic: str, part: int) -> None:
        self._reading.pop((reader, (topic, part)), None)

    def committing(
        self, n: int, group: str, life: str, topic: str, part: int, start: int, positions: Sequence[int]
    ) -> None:
        self._committing.setdefault(n, []).append(((group, life, (topic, part)), start, positions))

    def committed(self, n: int) -> None:
        self._ended(n, "ok")

    def refused(self, n: int) -> None:
        self._ended(n, "fail")

    def anew(self, group: str) -> None:
        self._history.anew[group] += 1

    def end(self) -> None:
        """What has no result has an unknown one."""
        for n in list(self._committing):
            self._ended(n, "unknown")

    def _ended(self, n: int, result: str) -> None:
        for key, start, positions in self._committing.pop(n, ()):
            self._history.commits.setdefault(key, []).append(Committing(start, positions, result))

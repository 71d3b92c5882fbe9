"""Everything that is wrong with a history, held against the log: an empty list says that nothing is.

The kinds of wrong are those of Jepsen's checks of logs: lost, duplicated, reordered, skipped (also inside a batch),
seen but rolled back (G1a: what somebody saw is not in the log), and positions that go back.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.history import At, Batch, Committing, History, Publishing


@dataclass(slots=True)
class Part:
    """The log's events in one part of a topic, in order."""

    positions: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)

    def between(self, after: int, before: int) -> list[int]:
        """The positions that lie between two."""
        return self.positions[bisect_right(self.positions, after) : bisect_left(self.positions, before)]

    def holds(self, position: int, mark: int) -> bool:
        """Whether this very event is there."""
        at = bisect_left(self.positions, position)
        return self.positions[at : at + 1] == [position] and self.marks[at] == mark

    def exactly(self, positions: Sequence[int], marks: Sequence[int]) -> bool:
        """Whether these are events of the log without gap: the usual case, quickly."""
        at = bisect_left(self.positions, positions[0])
        end = at + len(positions)
        return self.positions[at:end] == positions and self.marks[at:end] == marks


@dataclass(slots=True)
class Log:
    """What one life of the log holds: of each part its events, of each operation where its events are."""

    life: str
    parts: defaultdict[At, Part] = field(default_factory=lambda: defaultdict(Part))
    operations: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, position: int, at: At, mark: int, operation: str) -> None:
        """The next event."""
        part = self.parts[at]
        part.positions.append(position)
        part.marks.append(mark)
        self.operations[operation].append(position)


def check(history: History, lives: Sequence[Log], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """All that is wrong. `lives`: the log in each of its lives, in their order; `groups`: who reads what topics.

    Every group has to be at the end of the log: whoever asks waits for that.
    """
    logs, present = {log.life: log for log in lives}, lives[-1]
    return [
        *_appends(history, present),
        *_sent(history.sent, logs),
        *(wrong for one in history.publishing for wrong in _publishing(one, logs)),
        *_epochs(history.publishing),
        *(wrong for who, batches in history.reading for wrong in _reading(who, batches, logs)),
        *_commits(history, logs, present, groups),
    ]


def _appends(history: History, log: Log) -> Iterator[str]:
    """What was acknowledged is there, once, where its writer was told; what was refused is not."""
    for operation, (result, position) in history.appends.items():
        found = log.operations.get(operation, [])
        if len(found) > 1:
            yield f"duplicated: {operation} is in the log at {found}"
        elif result == "fail" and found:
            yield f"refused and stored: {operation} at {found[0]}"
        elif result == "ok" and operation not in history.void and found != [position]:
            yield f"lost: {operation} was acknowledged at {position}, the log has it at {found}"
    for operation in log.operations.keys() - history.appends.keys():
        yield f"never asked for: {operation} is in the log"


def _sent(batches: Iterable[Batch], logs: Mapping[str, Log]) -> Iterator[str]:
    for batch in batches:
        yield from _whole("a relay", batch, logs)


def _whole(who: str, batch: Batch, logs: Mapping[str, Log]) -> Iterator[str]:
    """A batch is a stretch of the log's part: in order, nothing left out, nothing that the log does not hold."""
    log = logs.get(batch.life)
    if log is None:
        yield f"seen but rolled back: {who} saw a life {batch.life} of the log that never was"
        return
    part = log.parts[batch.at]
    if part.exactly(batch.positions, batch.marks):
        return
    for position, mark in zip(batch.positions, batch.marks, strict=True):
        if not part.holds(position, mark):
            yield f"seen but rolled back: {who} saw {position} of {batch.at}, which the log does not hold"
    for one, other in pairwise(batch.positions):
        if other <= one:
            yield f"reordered: {who} saw {other} of {batch.at} after {one}"
        elif left := part.between(one, other):
            yield f"skipped: {who} saw {one} of {batch.at} and then {other}, inside one batch, without {left[:5]}"


def _publishing(one: Publishing, logs: Mapping[str, Log]) -> Iterator[str]:
    """The cursor passes only what this relay has had acknowledged since it took it, and goes forward."""
    acknowledged: defaultdict[At, set[int]] = defaultdict(set)
    cursor, log = one.start, logs.get(one.life)
    for kind, what in one.steps:
        if kind == "sent":
            acknowledged[what.at].update(what.positions)
            continue
        if what < cursor:
            yield f"went back: the cursor of epoch {one.epoch} from {cursor} to {what}"
        for at, part in log.parts.items() if log else ():
            if missing := set(part.between(cursor, what + 1)) - acknowledged[at]:
                yield f"skipped: the cursor of epoch {one.epoch} passed {sorted(missing)[:5]} of {at} unacknowledged"
        cursor = max(cursor, what)


def _epochs(publishing: Iterable[Publishing]) -> Iterator[str]:
    """Two relays never have the cursor under the same epoch; a restored log gives epochs out again."""
    seen = set[tuple[str, int]]()
    for one in publishing:
        if (one.life, one.epoch) in seen:
            yield f"two relays had the cursor in epoch {one.epoch}"
        seen.add((one.life, one.epoch))


def _reading(who: str, batches: Sequence[Batch], logs: Mapping[str, Log]) -> Iterator[str]:
    """A reader gets a part in order; what it is told came before is what came before."""
    last = 0
    for batch in batches:
        if batch.positions[0] <= last:
            yield f"went back: {who} got {batch.positions[0]} of {batch.at} after {last}"
        last = batch.positions[-1]
        yield from _whole(who, batch, logs)
        if (log := logs.get(batch.life)) is None:
            continue
        part = log.parts[batch.at]
        if [*batch.previous[1:]] == [*batch.positions[:-1]]:
            told = [(batch.previous[0], batch.positions[0])]
        else:
            told = list(zip(batch.previous, batch.positions, strict=True))
        for previous, position in told:
            if left := part.between(previous, position):
                yield f"skipped: {who} was told that {previous} precedes {position} of {batch.at}, and {left[:5]} does"


def _commits(
    history: History, logs: Mapping[str, Log], present: Log, groups: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    for (group, life, at), commits in history.commits.items():
        if life not in logs:
            yield f"seen but rolled back: {group} committed {at} of a life {life} that never was"
            continue
        anew = 0 if life == next(iter(logs)) else history.anew[group]  # only another life makes a state begin again
        yield from _committed(f"{group} in {at}", commits, logs[life].parts[at], anew)
    for group, topics in groups.items():
        for at, part in present.parts.items():
            if at[0] in topics and part.positions:
                yield from _ended(history, group, present.life, at, part)


def _committed(who: str, commits: Sequence[Committing], part: Part, anew: int) -> Iterator[str]:
    """Commits follow each other: each begins where one before ended, and passes every event of the log once.

    A state that was built again goes on wherever that building ended, so often as that was done.
    """
    unknown = defaultdict[int, list[Committing]](list)
    for commit in commits:
        if commit.result != "fail":
            yield from _stretch(who, commit, part)
        if commit.result == "unknown":
            unknown[commit.start].append(commit)
    at, jumps = 0, list[int]()
    for commit in sorted((c for c in commits if c.result == "ok"), key=lambda c: (c.start, c.positions[-1])):
        if commit.start < at:
            yield f"duplicated: {who} committed {commit.start} to {commit.positions[-1]} having been at {at}"
        elif part.between(at, commit.start + 1) and not _bridged(at, commit.start, unknown):
            jumps.append(commit.start)
        at = max(at, commit.positions[-1])
    if len(jumps) > anew:
        yield f"lost: {who} went on from {jumps[0]} where nothing had led to, {len(jumps)} times"


def _stretch(who: str, commit: Committing, part: Part) -> Iterator[str]:
    for one, other in pairwise([commit.start, *commit.positions]):
        if other <= one:
            yield f"reordered: {who} committed {other} after {one}"
        elif left := part.between(one, other):
            yield f"skipped: {who} committed {one} and then {other} without {left[:5]}"


def _bridged(at: int, goal: int, unknown: Mapping[int, Sequence[Committing]]) -> bool:
    """Whether commits whose end nobody was told lead from one position to another."""
    reached, seen = [at], {at}
    while reached:
        here = reached.pop()
        if here == goal:
            return True
        ends = {c.positions[-1] for c in unknown.get(here, ())} - seen
        seen |= ends
        reached += ends
    return False


def _ended(history: History, group: str, life: str, at: At, part: Part) -> Iterator[str]:
    """In the present life a group ends where the log does."""
    commits = [c for c in history.commits.get((group, life, at), ()) if c.result != "fail"]
    end = max((c.positions[-1] for c in commits), default=0)
    if end < part.positions[-1] and not history.anew[group]:
        yield f"lost: {group} ended at {end} of {at}, where the log goes on to {part.positions[-1]}"

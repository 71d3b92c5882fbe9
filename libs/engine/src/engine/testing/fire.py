"""The store under fire: a writer that records what it was told, and a checker of such histories against the log.

python -m engine.testing.fire <url> <history file> <seed>      # writes until it is killed
"""

import asyncio
import itertools
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
import orjson

from engine import ids
from engine.database import SETTINGS, Database
from engine.ports import Append, Conflict, Meta, NewEvent, RawEvent, StoreFailed, Verdict
from engine.serde import Serde
from engine.store import PostgresStore
from events.complaint import CauseAnalysed

STREAMS = 12
TASKS = 16
DAY = date(2026, 3, 1)
WRITER = "writer"
"""The sessions of processes that write go by this name."""
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a database answers that is stopped, stopping or recovering."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event of the log: which one of which operation it is, and where it went."""

    position: int
    stream: str
    version: int
    operation: str
    number: int
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """An append as its writer recorded it; `result`: ok, fail, or unknown (also where the writer was killed)."""

    name: str
    expected: dict[str, int]
    events: list[str]
    result: str = "unknown"
    first: int = 0


class Writer:
    """Appends to hot streams, one or two at once, some with a command id; notes each before and after."""

    def __init__(self, store: PostgresStore, history: BinaryIO, seed: int) -> None:
        self._store, self._history, self._seed = store, history, seed

    async def run(self) -> None:
        """Until killed."""
        await asyncio.gather(*(self._task(n) for n in range(TASKS)))

    async def _task(self, task: int) -> None:
        for n in itertools.count(1):
            draw = self._seed * 7919 + task * 104_729 + n * 31
            streams = sorted({f"hot-{draw % STREAMS}", f"hot-{(draw if n % 4 else draw + 5) % STREAMS}"})
            events = [s for s in streams for _ in range(1 + draw % 2)]
            await self._once(f"{self._seed}-{task}-{n}", streams, events, named=n % 3 != 0)

    async def _once(self, name: str, streams: list[str], events: list[str], named: bool) -> None:
        try:
            expected = dict(await self._store.versions(streams))
        except Exception:  # the database is away: so is what there was to say
            await asyncio.sleep(0.05)
            return
        self._note(op=name, expected=expected, events=events)
        verdicts = (Verdict(ids.named("fire", name), "accepted", b""),) if named else ()
        made = [NewEvent(s, said(f"{name}/{i}"), DAY) for i, s in enumerate(events)]
        try:
            done = await self._store.append(Append(expected, made, Meta(name, ids.named(name)), verdicts))
        except Conflict:
            self._note(op=name, result="fail")
        except StoreFailed as failed:
            self._note(op=name, result="fail" if "not stored" in str(failed) else "unknown")
        else:
            self._note(op=name, result="ok", first=done.first)

    def _note(self, **line: Any) -> None:
        self._history.write(orjson.dumps(line) + b"\n")
        self._history.flush()


def said(text: str) -> CauseAnalysed:
    """An event that carries `text`."""
    return CauseAnalysed(customer="C1", complaint="K1", departments=("qa",), cause=text)


def stored(raws: Iterable[RawEvent]) -> list[Stored]:
    """The events of the log in the checker's terms."""
    found = []
    for raw in raws:
        operation, _, number = str(orjson.loads(raw.data)["cause"]).partition("/")
        found.append(Stored(raw.position, raw.stream, raw.version, operation, int(number), raw.recorded))
    return found


def read_history(paths: Iterable[Path]) -> list[Operation]:
    """What the writers recorded; a line cut by the kill was never told to anybody."""
    begun: dict[str, dict[str, Any]] = {}
    for path in paths:
        for line in path.read_bytes().split(b"\n")[:-1]:
            note = orjson.loads(line)
            begun.setdefault(note.pop("op"), {}).update(note)
    return [Operation(name, **note) for name, note in begun.items()]


def check(operations: Sequence[Operation], log: Sequence[Stored], tailed: Sequence[Stored]) -> list[str]:
    """Everything that is wrong: nothing may be missed, doubled, reordered, or stored without having been sent."""
    return [
        *_order(log),
        *(
            []
            if list(tailed) == list(log)
            else [f"the tail read {len(tailed)} events otherwise than the {len(log)} stored"]
        ),
        *_operations(operations, log),
    ]


def _order(log: Sequence[Stored]) -> Iterable[str]:
    versions: defaultdict[str, int] = defaultdict(int)
    for expected, event in enumerate(log, 1):
        if event.position != expected:
            yield f"position {event.position} where {expected} comes"
            return
        versions[event.stream] += 1
        if event.version != versions[event.stream]:
            yield f"{event.stream} has version {event.version} where {versions[event.stream]} comes"
    for before, after in itertools.pairwise(log):
        if after.recorded < before.recorded:
            yield f"position {after.position} was recorded before {before.position}"


def _operations(operations: Sequence[Operation], log: Sequence[Stored]) -> Iterable[str]:
    by_operation: defaultdict[str, list[Stored]] = defaultdict(list)
    for event in log:
        by_operation[event.operation].append(event)
    for operation in operations:
        found = by_operation.pop(operation.name, [])
        yield from (f"{operation.name} ({operation.result}): {wrong}" for wrong in _wrong(operation, found))
    yield from (f"{name} was stored and never sent" for name in by_operation)


def _wrong(operation: Operation, found: Sequence[Stored]) -> Iterable[str]:
    if operation.result == "ok" and not found:
        yield "acknowledged and not stored"
    if operation.result == "fail" and found:
        yield "refused and stored"
    if not found:
        return
    if [e.number for e in found] != list(range(len(operation.events))):
        yield f"stored in part, twice or out of order: {[e.number for e in found]}"
    if [e.position for e in found] != list(range(found[0].position, found[0].position + len(found))):
        yield "torn apart"
    if operation.result == "ok" and found[0].position != operation.first:
        yield f"told to be at {operation.first}, stored at {found[0].position}"
    firsts = {e.stream: e.version for e in reversed(found)}
    if any(firsts[s] != operation.expected[s] + 1 for s in firsts):
        yield f"stored at {firsts} although {operation.expected} was expected"


async def opened(url: str) -> Database:
    """The database, as soon as it is there: one that is being stopped or recovers is asked again."""
    while True:
        try:
            return await Database.open(url)
        except AWAY:
            await asyncio.sleep(0.05)


async def main(url: str, history: str, seed: str) -> None:
    SETTINGS["application_name"] = WRITER
    database = await opened(url)
    with Path(history).open("ab") as file:  # noqa: ASYNC230 - a test's own small file
        await Writer(PostgresStore(database, Serde(), "kehu"), file, int(seed)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

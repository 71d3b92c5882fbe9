"""What goes into one call of `append_events`: which appends go together, and how they are written for it. Pure."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from engine.ports import Append, Appended, StoreFailed, Verdict

MAX_APPENDS = 500
MAX_EVENTS = 5_000
SCAN = 2_000
"""Waiting appends looked at for one batch: behind many of one hot stream the others are found a batch later."""


class Row(NamedTuple):
    """An event on its way: `text` is its entry for the function (migration 0001) from `stream` on."""

    stream: str
    id: UUID
    topic: str
    text: bytes


@dataclass(eq=False, slots=True)
class Request:
    """An append on its way, `asked` for then; `in_doubt` once a connection was lost while the database had it."""

    append: Append
    rows: Sequence[Row]
    answer: "asyncio.Future[Appended]"
    deadline: float
    writes: Collection[str] = field(init=False)
    commands: Sequence[UUID] = field(init=False)
    in_doubt: bool = False
    asked: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        rows, verdicts = self.rows, self.append.verdicts
        self.writes = (rows[0].stream,) if len(rows) == 1 else {row.stream for row in rows}
        self.commands = [v.command for v in verdicts] if verdicts else ()

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def succeed(self, result: Appended) -> None:
        if not self.answer.done():
            self.answer.set_result(result)


def take(waiting: deque[Request]) -> list[Request]:
    """The next batch, oldest first: no stream that one append writes is named by another, no command comes twice.

    A stream that is only checked may be named by several. One that has to wait is not overtaken by its own streams'.
    """
    batch: list[Request] = []
    skipped: list[Request] = []
    written: set[str] = set()
    named: set[str] = set()
    commands: set[UUID] = set()
    events, now = 0, monotonic()
    while waiting and len(batch) < MAX_APPENDS and len(skipped) < SCAN and events < MAX_EVENTS:
        request = waiting.popleft()
        if request.answer.done():
            continue
        if request.deadline < now:
            request.fail(undone(request, "the store is too busy"))
            continue
        writes, expected = request.writes, request.append.expected
        if named.isdisjoint(writes) and written.isdisjoint(expected) and commands.isdisjoint(request.commands):
            batch.append(request)
            events += len(request.rows)
        else:
            skipped.append(request)
        written.update(writes)
        named.update(writes)
        named.update(expected)
        commands.update(request.commands)
    waiting.extendleft(reversed(skipped))
    return batch


def expire(waiting: deque[Request], why: str) -> None:
    """Answer those whose deadline has passed."""
    now = monotonic()
    for request in [r for r in waiting if r.deadline < now]:
        request.fail(undone(request, why))
        waiting.remove(request)


def undone(request: Request, why: str) -> StoreFailed:
    """Why this was not stored, and whether that is certain."""
    return StoreFailed(f"{why}; whether this was stored is unknown" if request.in_doubt else f"{why}; not stored")


def arguments(company: str, batch: Sequence[Request]) -> list[Any]:
    """What `append_events` takes (migration 0001)."""
    heads: list[tuple[int, str, int | None]] = []
    entries: list[bytes] = []
    answers: list[tuple[Any, ...]] = []
    for n, request in enumerate(batch, 1):
        expected, rows, before = request.append.expected, request.rows, len(entries)
        streams = [*expected, *(stream for stream in request.writes if stream not in expected)]
        at = {stream: x for x, stream in enumerate(streams, len(heads) + 1)}
        heads += [(n, stream, expected.get(stream)) for stream in streams]
        entries += [b"[%d,%d,%b" % (n, at[row.stream], row.text) for row in rows]
        answers += [(n, *_answer(v, before, len(rows))) for v in request.append.verdicts]
    counts = ",".join([str(len(r.rows)) for r in batch])
    return [
        company,
        f"{{{counts}}}",
        orjson.dumps(heads).decode(),
        (b"[" + b",".join(entries) + b"]").decode(),
        orjson.dumps(answers, default=str).decode() if answers else None,
    ]


def _answer(verdict: Verdict, before: int, rows: int) -> tuple[Any, ...]:
    first, last = verdict.positions or (None, None)
    if verdict.outcome == "accepted" and first is None and rows:
        first, last = 1, rows
    return (
        verdict.command,
        verdict.outcome,
        verdict.digest.hex(),
        verdict.rule,
        verdict.params,
        None if verdict.streams is None else list(verdict.streams.items()),  # an object's keys would be reordered
        None if first is None else before + first,
        None if last is None else before + last,
    )

"""Sends drafted documents through the intake, as an ERP without Kafka would: CloudEvents in batches over HTTP."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import groupby
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from all_in_one.mapping import Drafted

BATCH = 200
PATIENCE = 60.0
TYPE = "application/cloudevents-batch+json"


class ImportStopped(Exception):
    """The intake cannot go on: the message says what it answered and what to do. A repeated import resumes."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that did not become a document, or a document the intake refused."""

    file: str
    line: int
    document: str
    rule: str
    sentence: str


@dataclass(slots=True)
class Outcome:
    """What became of every drafted document: the four parts add up to the number drafted."""

    accepted: int = 0
    duplicate: int = 0
    waiting: dict[str, Drafted] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def add(self, draft: Drafted, receipt: Mapping[str, Any]) -> None:
        """Count the verdict on `draft`; one that waited before is counted anew."""
        self.waiting.pop(draft.id, None)
        match receipt["verdict"]:
            case "accepted":
                self.accepted += 1
            case "duplicate":
                self.duplicate += 1
            case "waiting":
                self.waiting[draft.id] = draft
            case _:
                refused = Refused(draft.file, draft.line, draft.id, receipt["rule"], receipt["sentence"])
                self.refused.append(refused)


@dataclass(frozen=True, slots=True)
class Intake:
    """Where documents go: the server, the path of the service that takes each type, the token of role integration."""

    client: httpx.AsyncClient
    prefixes: Mapping[str, str]
    source: str
    zone: ZoneInfo
    initial_load: bool


async def send(intake: Intake, drafts: Sequence[Drafted], progress: Callable[[int], None]) -> Outcome:
    """Send every draft, service by service; within a service in the order of `drafts`. Raises ImportStopped."""
    outcome = Outcome()
    for draft in drafts:
        if draft.problem:
            outcome.refused.append(Refused(draft.file, draft.line, draft.id, "malformed", draft.problem))
    progress(len(outcome.refused))
    for prefix in dict.fromkeys(intake.prefixes.values()):
        await _settled(intake)
        mine = [d for d in drafts if not d.problem and intake.prefixes[d.type] == prefix]
        for start in range(0, len(mine), BATCH):
            batch = mine[start : start + BATCH]
            for draft, receipt in zip(batch, await _post(intake, prefix, batch), strict=True):
                outcome.add(draft, receipt)
            progress(len(batch))
        await _settled(intake)
        await _look_again(intake, prefix, outcome)
    return outcome


async def _look_again(intake: Intake, prefix: str, outcome: Outcome) -> None:
    """The present verdicts on what was waiting."""
    after = 0
    while outcome.waiting:
        asked: dict[str, str | int] = {"after": after, "source": intake.source, "limit": 1000}
        page = (await intake.client.get(f"{prefix}/intake/receipts", params=asked)).raise_for_status().json()
        for receipt in page["items"]:
            if receipt["id"] in outcome.waiting:
                outcome.add(outcome.waiting[receipt["id"]], receipt)
        if not page["items"]:
            return
        after = page["next"]


async def _post(intake: Intake, prefix: str, batch: Sequence[Drafted]) -> Sequence[Mapping[str, Any]]:
    answer = await intake.client.post(
        f"{prefix}/intake",
        params={"origin": "initial_load"} if intake.initial_load else None,
        json=[_cloud_event(intake, d) for d in batch],
        headers={"Content-Type": TYPE},
    )
    if answer.status_code >= 400:
        raise ImportStopped(f"{prefix}/intake answered {answer.status_code}: {answer.text[:500]}")
    receipts: Sequence[Mapping[str, Any]] = answer.json()["items"]
    return receipts


def _cloud_event(intake: Intake, draft: Drafted) -> dict[str, Any]:
    instant = datetime.combine(draft.effective, time(), intake.zone).isoformat()
    known = datetime.combine(draft.recorded or draft.effective, time(), intake.zone).isoformat()
    recorded = {"recordedtime": known} if intake.initial_load else {}
    return {
        "specversion": "1.0",
        "id": draft.id,
        "source": intake.source,
        "type": draft.type,
        "time": instant,
        "datacontenttype": "application/json",
        "data": draft.data,
        **recorded,
    }


async def _settled(intake: Intake) -> None:
    """Wait until every reader has folded what is stored: the next service then finds what it refers to.

    Raises ImportStopped where a reader has made no progress for a while.
    """
    least, since = -1, monotonic()
    while behind := await _behind(intake):
        left = sum(behind.values())
        if left < least or least < 0:
            least, since = left, monotonic()
        elif monotonic() - since > PATIENCE:
            raise ImportStopped(f"{', '.join(behind)} made no progress for {PATIENCE:.0f} s; see /health/ready")
        await asyncio.sleep(0.1)


async def _behind(intake: Intake) -> dict[str, int]:
    """Events not dealt with yet, by reader."""
    health = (await intake.client.get("/health/ready")).json()
    lags = {f"{s}/{group}": c["events"] for s, h in health["services"].items() for group, c in h["consumers"].items()}
    return {group: events for group, events in lags.items() if events}


def by_line(refused: Iterable[Refused]) -> list[tuple[str, list[Refused]]]:
    """Refused rows by file, in the order of their lines."""
    ordered = sorted(refused, key=lambda r: (r.file, r.line))
    return [(file, list(rows)) for file, rows in groupby(ordered, key=lambda r: r.file)]

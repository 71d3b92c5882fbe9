"""Sends drafted documents through the intake, as an ERP without Kafka would: CloudEvents in batches over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from all_in_one.mapping import Drafted
from all_in_one.refusals import Refusals, Refused
from all_in_one.spool import LANES, Queued, Spool

PATIENCE = 60.0
"""Seconds without progress until an import stops."""
PAUSE = wait_exponential(max=8)
"""Seconds until a batch that was turned away is sent again."""
BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same batch is sent again: what was taken of it is then a duplicate."""
TYPE = "application/cloudevents-batch+json"


class ImportStopped(Exception):
    """The intake cannot go on: the message says what it answered and what to do. A repeated import resumes."""


class _Busy(Exception):
    """The intake answered that it cannot take a batch at the moment."""


@dataclass(slots=True)
class Outcome:
    """What became of every document: the four parts add up to the number drafted."""

    refusals: Refusals
    accepted: int = 0
    duplicate: int = 0
    waiting: int = 0

    @property
    def refused(self) -> int:
        """Documents the intake refused, and rows that did not become any."""
        return self.refusals.count

    @property
    def documents(self) -> int:
        return self.accepted + self.duplicate + self.waiting + self.refused

    def add(self, file: str, line: int, receipt: Mapping[str, Any]) -> None:
        """Count a verdict that stands."""
        match receipt["verdict"]:
            case "accepted":
                self.accepted += 1
            case "duplicate":
                self.duplicate += 1
            case _:
                self.refusals.add(Refused(file, line, receipt["id"], receipt["rule"], _sentence(receipt)))


def _sentence(receipt: Mapping[str, Any]) -> str:
    defects = [f"{d['pointer']}: {d['message']}" for d in receipt.get("errors", ())]
    return " ".join([receipt["sentence"], *defects])


@dataclass(frozen=True, slots=True)
class Intake:
    """Where documents go: the server, the path of the service that takes each type, the token of role integration.

    `produce`: another way in than HTTP, whose receipts are the same.
    """

    client: httpx.AsyncClient
    prefixes: Mapping[str, str]
    source: str
    zone: ZoneInfo
    initial_load: bool
    produce: "Produce | None" = None


Produce = Callable[[Intake, Sequence[Queued]], Awaitable[Sequence[Mapping[str, Any]]]]
"""Sends a batch and waits for its receipts, in its order. Raises ImportStopped."""


async def send(intake: Intake, drafts: Iterable[Drafted], progress: Callable[[int], None]) -> Outcome:
    """Send every draft, service by service; within a service in the order of `drafts`. Raises ImportStopped."""
    refusals = Refusals()
    with Spool(intake.prefixes) as spool:
        await asyncio.to_thread(spool.fill, drafts, refusals, by_date=False)
        progress(refusals.count)
        return await deliver(intake, spool, refusals, progress)


async def deliver(intake: Intake, spool: Spool, refusals: Refusals, progress: Callable[[int], None]) -> Outcome:
    """Send what lies in the spool, service by service: each has heard what the one before it decided.

    Raises ImportStopped.
    """
    outcome = Outcome(refusals)
    for prefix in dict.fromkeys(intake.prefixes.values()):
        await _settled(intake)
        lanes = [asyncio.create_task(_lane(intake, spool, prefix, n, outcome, progress)) for n in range(LANES)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
        await _settled(intake)
        await _look_again(intake, prefix, spool, outcome)
    return outcome


async def _lane(
    intake: Intake, spool: Spool, prefix: str, lane: int, outcome: Outcome, progress: Callable[[int], None]
) -> None:
    """One batch after the other: a customer's documents are decided in their order."""
    batches = spool.lane(prefix, lane)
    while batch := await asyncio.to_thread(next, batches, None):
        for queued, receipt in zip(batch, await _post(intake, prefix, batch), strict=True):
            if receipt["verdict"] == "waiting":
                spool.waits(queued)
            else:
                outcome.add(queued.file, queued.line, receipt)
        outcome.waiting = spool.waiting
        progress(len(batch))


async def _look_again(intake: Intake, prefix: str, spool: Spool, outcome: Outcome) -> None:
    """The present verdicts on what was waiting."""
    after = 0
    while outcome.waiting:
        asked: dict[str, str | int] = {"after": after, "source": intake.source, "limit": 1000}
        page = (await intake.client.get(f"{prefix}/intake/receipts", params=asked)).raise_for_status().json()
        for receipt in page["items"]:
            if receipt["verdict"] != "waiting" and (place := spool.waited(receipt["id"])):
                outcome.add(*place, receipt)
        outcome.waiting = spool.waiting
        if not page["items"]:
            return
        after = page["next"]


async def _post(intake: Intake, prefix: str, batch: Sequence[Queued]) -> Sequence[Mapping[str, Any]]:
    """The receipts of a batch, which is sent again while the intake is busy. Raises ImportStopped."""
    if intake.produce is not None:
        return await intake.produce(intake, batch)
    body = b"[" + b",".join(_cloud_event(intake, queued) for queued in batch) + b"]"
    again = retry_if_exception_type((_Busy, httpx.TransportError))
    patience = AsyncRetrying(retry=again, stop=stop_after_delay(PATIENCE), wait=PAUSE, reraise=True)
    try:
        return await patience(_sent, intake, f"{prefix}/intake", body)
    except _Busy as busy:
        raise ImportStopped(str(busy)) from None


async def _sent(intake: Intake, path: str, body: bytes) -> Sequence[Mapping[str, Any]]:
    origin = {"origin": "initial_load"} if intake.initial_load else None
    answer = await intake.client.post(path, params=origin, content=body, headers={"Content-Type": TYPE})
    if answer.status_code in BUSY:
        raise _Busy(f"{path} answered {answer.status_code} for {PATIENCE:.0f} s: {answer.text[:500]}")
    if answer.status_code >= 400:
        raise ImportStopped(f"{path} answered {answer.status_code}: {answer.text[:500]}")
    receipts: Sequence[Mapping[str, Any]] = orjson.loads(answer.content)["items"]
    return receipts


def attributes(intake: Intake, queued: Queued) -> dict[str, str]:
    """Those of the CloudEvent that a document becomes, whichever way it goes: so it is the same message on each."""
    instant = _midnight(queued.effective, intake.zone)
    said = {
        "specversion": "1.0",
        "id": queued.id,
        "source": intake.source,
        "type": queued.type,
        "time": instant,
        "datacontenttype": "application/json",
    }
    if intake.initial_load:
        said["recordedtime"] = _midnight(queued.recorded, intake.zone) if queued.recorded else instant
    return said


def _cloud_event(intake: Intake, queued: Queued) -> bytes:
    return orjson.dumps(attributes(intake, queued))[:-1] + b',"data":' + queued.data + b"}"


@lru_cache(4096)
def _midnight(day: str, zone: ZoneInfo) -> str:
    return datetime.combine(date.fromisoformat(day), time(), zone).isoformat()


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

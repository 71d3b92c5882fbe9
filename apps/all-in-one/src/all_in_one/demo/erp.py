"""The demo's ERP, as far as it speaks to Kehu: documents through the intake, complaints, days and receipts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from all_in_one import importing
from all_in_one.demo.company.complaints import Act
from all_in_one.demo.company.document import Document
from all_in_one.intakes import intake_prefixes
from all_in_one.mapping import Drafted
from chassis.context import POSITION

PAGE, LISTED = 1000, 500
ERP = {"Authorization": "Bearer dev-integration"}
OFFICE = {"Authorization": "Bearer dev-office"}
"""Names of tokens, taken on development machines only."""
BATCH = {"Content-Type": importing.TYPE}
BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Erp:
    """Speaks to Kehu as one system, named by `source` in every document; what people enter it enters for the office."""

    client: httpx.AsyncClient
    source: str
    zone: ZoneInfo

    async def load(self, documents: Sequence[Document], progress: Callable[[int], None]) -> int:
        """Import the documents as history, service by service; how many were refused. Raises ImportStopped."""
        intake = importing.Intake(self.client, intake_prefixes(), self.source, self.zone, initial_load=True)
        drafts = [_draft(n, document) for n, document in enumerate(documents, 1)]
        return (await importing.send(intake, drafts, progress)).refused

    async def send(self, documents: Sequence[Document], progress: Callable[[int], None]) -> int:
        """Send the documents of a day, as they come; how many were refused. Raises httpx.HTTPStatusError."""
        refused, prefixes = 0, intake_prefixes()
        for prefix in dict.fromkeys(prefixes.values()):
            batch = [self._cloud_event(d) for d in documents if prefixes[d.type] == prefix]
            for start in range(0, len(batch), PAGE):
                some = batch[start : start + PAGE]
                answer = await self._asked("POST", f"{prefix}/intake", json=some, headers=BATCH)
                refused += sum(r["verdict"] == "rejected" for r in answer.raise_for_status().json()["items"])
                progress(len(some))
        return refused

    def _cloud_event(self, document: Document) -> Mapping[str, Any]:
        return {
            "specversion": "1.0",
            "id": document.id,
            "source": self.source,
            "type": document.type,
            "time": datetime.combine(document.effective, time(), self.zone).isoformat(),
            "data": document.data,
        }

    async def enter(self, act: Act) -> bool:
        """Enter a step of a complaint; False where it is refused, because somebody has gone on with it by hand."""
        answer = await self._post(f"/api/complaints{act.path}", act.key, act.body)
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        answer.raise_for_status()
        return True

    async def open(self, day: date) -> None:
        """Open a business day, unless it is open or past; complaint-svc knows of it. Raises httpx.HTTPStatusError."""
        answer = await self._post("/api/customers/days/open", f"day/{day}", {"day": str(day)})
        if answer.status_code != httpx.codes.CONFLICT:
            position = answer.raise_for_status().headers[POSITION]
            await self._get("/api/complaints/", OFFICE | {POSITION: position}, limit=1)

    async def go_live(self, documents: int) -> None:
        """End the initial load of so many documents. Raises httpx.HTTPStatusError."""
        (await self._post("/api/customers/days/live", "live", {"loaded_documents": documents})).raise_for_status()

    async def taken(self) -> set[str]:
        """The ids of all documents of this source that were ever answered."""
        found: set[str] = set()
        for prefix in dict.fromkeys(intake_prefixes().values()):
            after = 0
            while items := (page := await self._receipts(prefix, after))["items"]:
                found.update(receipt["id"] for receipt in items)
                after = page["next"]
        return found

    async def _receipts(self, prefix: str, after: int) -> Mapping[str, Any]:
        return await self._get(f"{prefix}/intake/receipts", {}, after=after, limit=PAGE, source=self.source)

    async def steps(self) -> dict[str, int]:
        """How many steps of each complaint there are."""
        return {row["complaint"]: row["version"] async for row in self._rows("/api/complaints")}

    async def held(self) -> frozenset[str]:
        """The orders that credit holds: of these nothing leaves."""
        return frozenset([row["order"] async for row in self._rows("/api/customers/orders", state="held")])

    async def _rows(self, path: str, **asked: Any) -> AsyncIterator[Mapping[str, Any]]:
        page = await self._get(path, OFFICE, limit=LISTED, **asked)
        for row in page["items"]:
            yield row
        while page["next"]:
            page = await self._get(path, OFFICE, limit=LISTED, cursor=page["next"], **asked)
            for row in page["items"]:
                yield row

    async def _get(self, path: str, headers: Mapping[str, str], **parameters: Any) -> Mapping[str, Any]:
        answer = await self._asked("GET", path, params=parameters, headers=headers)
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    async def _post(self, path: str, key: str, body: Mapping[str, Any]) -> httpx.Response:
        """The answer to a command, which is decided once under `key`, however often it is sent."""
        return await self._asked("POST", path, json=body, headers=OFFICE | {"Idempotency-Key": f"demo/{key}"})

    async def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = await self.client.request(method, path, **more)
        if answer.status_code in BUSY:
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
            return await self._asked(method, path, **more)
        return answer


def _draft(number: int, document: Document) -> Drafted:
    return Drafted(
        "demo", number, document.type, document.id, document.effective, document.data, recorded=document.known
    )

"""The demo's ERP, as far as it speaks to Kehu: documents through the intake, days and receipts over HTTP."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from all_in_one import importing
from all_in_one.demo.company.document import Document
from all_in_one.mapping import Drafted
from all_in_one.services import intake_prefixes

PAGE = 1000
BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Erp:
    """Speaks to Kehu as one system: `client` holds the token, `source` names it in every document."""

    client: httpx.AsyncClient
    source: str
    zone: ZoneInfo

    async def send(
        self, documents: Sequence[Document], progress: Callable[[int], None], *, initial_load: bool
    ) -> importing.Outcome:
        """Send the documents in their order. Raises importing.ImportStopped."""
        intake = importing.Intake(self.client, intake_prefixes(), self.source, self.zone, initial_load)
        drafts = [_draft(n, document) for n, document in enumerate(documents, 1)]
        return await importing.send(intake, drafts, progress)

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
        return await self.get(f"{prefix}/intake/receipts", after=after, limit=PAGE, source=self.source)

    async def get(self, path: str, **parameters: Any) -> Mapping[str, Any]:
        """The answer to a question. Raises httpx.HTTPStatusError."""
        answer = await self._asked("GET", path, params=parameters)
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    async def post(self, path: str, key: str, body: Mapping[str, Any]) -> httpx.Response:
        """The answer to a command, which is decided once under `key`, however often it is sent."""
        return await self._asked("POST", path, json=body, headers={"Idempotency-Key": f"demo/{key}"})

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

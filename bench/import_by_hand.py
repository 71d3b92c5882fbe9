"""An import written by hand for one purpose: the same documents, parsed and copied as the rows they come to.

Nothing is checked, looked up or decided: no document is known already, none is refused, no customer has an account,
an order or waiting money. It writes the events and one ledger, the product beside it all its views.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from time import perf_counter
from typing import Any
from uuid import uuid4

import asyncpg
import orjson

from analytics_svc.projections.receivables import VIEW
from bench.documents import batches
from bench.ground import Ground
from bench.measure import Sample
from engine.database import SETTINGS
from engine.ids import new, part_of
from engine.store import COLUMNS
from engine.views import ViewRegistry

_EVENTS = COLUMNS.split(", ")
_SAID = """select count(*), sum(hashtextextended(concat_ws('|', stream, type, schema_ver, part, customer, data,
    effective_at, recorded_at), 0)) from events where type in ('credit.InvoiceIssued', 'credit.ExposureChanged')"""
_OWED = """select count(*), sum(hashtextextended(concat_ws('|', n, customer, effective, recorded, topic, kind, document,
    item, due, amount, currency), 0)) from receivables"""
_META = orjson.dumps(
    {
        "actor": "bench",
        "origin": "initial_load",
        "causation": None,
        "correlation": str(uuid4()),
        "traceparent": None,
    }
).decode()
Row = tuple[Any, ...]


@dataclass
class HandImport:
    """Into a database of its own, a transaction a batch of documents."""

    connection: asyncpg.Connection
    ledger: str
    at: int = 0
    versions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    async def to(cls, ground: Ground) -> "HandImport":
        registry = ViewRegistry((await ground.database("by_hand")).pool)
        await registry.ensure([VIEW])
        live = await registry.live(VIEW.name)
        assert live is not None
        connection = await asyncpg.connect(ground.server.url("by_hand"), server_settings=SETTINGS)
        await connection.execute("drop trigger events_by_function on events")
        return cls(connection, live.table)

    async def load(self, documents: Iterator[object]) -> Sample:
        """Batches as they would come over HTTP; what it takes from their bytes to the commit is timed."""
        done, latencies = 0, list[float]()
        for batch in batches(documents):
            body = orjson.dumps(batch)
            began = perf_counter()
            await self._copy(body)
            latencies.append(perf_counter() - began)
            done += len(batch)
        return Sample(done, sum(latencies), latencies)

    async def said(self) -> tuple[Row, Row]:
        """How many events and rows of the ledger there are, and what they say, whatever their order."""
        return await said(self.connection, self.connection)

    async def close(self) -> None:
        await self.connection.close()

    async def _copy(self, body: bytes) -> None:
        events: list[Row] = []
        owed: list[Row] = []
        for document in orjson.loads(body):
            self._add(events, owed, document["data"], datetime.fromisoformat(document["recordedtime"]))
        async with self.connection.transaction():
            await self.connection.copy_records_to_table("events", records=events, columns=_EVENTS)
            await self.connection.copy_records_to_table(self.ledger, records=owed)

    def _add(self, events: list[Row], owed: list[Row], data: dict[str, Any], recorded: datetime) -> None:
        customer, invoice, amount = data["customer"], data["invoice"], data["amount"]
        day, due, part = date.fromisoformat(data["invoice_date"]), data["due"], part_of(customer)
        issued = new()
        self.versions[customer] += 1
        events.append(
            (self.at + 1, part, f"invoice-{invoice}", 1, issued, "credit.InvoiceIssued", 1, customer, "main",
             orjson.dumps(_issued(data)).decode(), _META, day, recorded)
        )  # fmt: skip
        events.append(
            (self.at + 2, part, f"exposure-{customer}", self.versions[customer], new(), "credit.ExposureChanged", 1,
             customer, "main", orjson.dumps(_moved(data)).decode(), _META, day, recorded)
        )  # fmt: skip
        owed.append(
            (issued, 0, customer, day, recorded, "credit", self.at + 1, "invoice", invoice, f"{invoice}#1",
             date.fromisoformat(due), Decimal(amount["amount"]), amount["currency"])
        )  # fmt: skip
        self.at += 2


def _issued(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer": data["customer"],
        "invoice": data["invoice"],
        "order": None,
        "invoice_date": data["invoice_date"],
        "amount": data["amount"],
        "instalments": [{"number": 1, "due": data["due"], "amount": data["amount"]}],
        "lines": [],
        "document_amount": None,
        "rate": None,
    }


def _moved(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer": data["customer"],
        "document": data["invoice"],
        "cause": "invoice_issued",
        "changes": {"open_invoices": data["amount"]},
        "due": [{"due": data["due"], "amount": data["amount"]}],
        "order": None,
        "on": data["invoice_date"],
    }


async def said(credit: asyncpg.Connection, analytics: asyncpg.Connection) -> tuple[Row, Row]:
    """What the events of one database and the ledger of another say."""
    events, ledger = await credit.fetchrow(_SAID), await analytics.fetchrow(_OWED)
    assert events is not None
    assert ledger is not None
    return tuple(events), tuple(ledger)

"""The rows an import came to, copied once more: events into a table like ours, receivables into their ledger."""

from dataclasses import dataclass
from io import BytesIO
from time import perf_counter

import asyncpg

from analytics_svc.projections.receivables import VIEW
from bench.documents import BATCH
from bench.ground import Ground
from bench.measure import Sample
from engine.database import SETTINGS
from engine.views import ViewRegistry

_EVENTS = "select * from events where pos > $1 and pos <= $2"
_LEDGER = """select * from receivables where topic = 'credit' and "position" > $1 and "position" <= $2"""
_FOLLOWING = "select pos from events where pos > $1 and type = 'credit.InvoiceIssued' order by pos offset $2 limit 1"
_LAST = "select coalesce(max(pos), 0) from events"


@dataclass
class Copying:
    """From the databases of the product into one of its own, a transaction a batch of documents.

    Nothing is read, looked up or computed in it: the rows come as bytes in COPY's own format.
    """

    credit: asyncpg.Connection
    analytics: asyncpg.Connection
    target: asyncpg.Connection
    ledger: str
    at: int

    @classmethod
    async def to(cls, ground: Ground) -> "Copying":
        """Begins behind what is stored now."""
        registry = ViewRegistry((await ground.database("copied")).pool)
        await registry.ensure([VIEW])
        live = await registry.live(VIEW.name)
        assert live is not None
        urls = (ground.server.url(name) for name in ("kehu_credit", "kehu_analytics", "copied"))
        credit, analytics, target = [await asyncpg.connect(url, server_settings=SETTINGS) for url in urls]
        await target.execute("drop trigger events_by_function on events")
        return cls(credit, analytics, target, live.table, await credit.fetchval(_LAST))

    async def copy(self, documents: int) -> Sample:
        """The rows of the next so many invoices; the copying alone is timed."""
        seconds, latencies = 0.0, list[float]()
        for done in range(0, documents, BATCH):
            upto = await self._upto(min(BATCH, documents - done))
            events = await self._out(self.credit, _EVENTS, upto)
            ledger = await self._out(self.analytics, _LEDGER, upto)
            began = perf_counter()
            async with self.target.transaction():
                await self.target.copy_to_table("events", source=events, format="binary")
                await self.target.copy_to_table(self.ledger, source=ledger, format="binary")
            latencies.append(perf_counter() - began)
            seconds, self.at = seconds + latencies[-1], upto
        return Sample(documents, seconds, latencies)

    async def close(self) -> None:
        for connection in (self.credit, self.analytics, self.target):
            await connection.close()

    async def _upto(self, invoices: int) -> int:
        """The position before the invoice that follows the next so many."""
        following = await self.credit.fetchval(_FOLLOWING, self.at, invoices)
        return int(await self.credit.fetchval(_LAST)) if following is None else int(following) - 1

    async def _out(self, source: asyncpg.Connection, query: str, upto: int) -> BytesIO:
        found = BytesIO()
        await source.copy_from_query(query, self.at, upto, output=found, format="binary")
        found.seek(0)
        return found

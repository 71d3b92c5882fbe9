"""An ERP's invoices as an initial load over HTTP, while all views are fed, beside an import by hand of the same."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import asyncpg
import orjson

from bench.documents import batches, customers, invoices
from bench.ground import Ground
from bench.import_by_hand import HandImport, said
from bench.measure import Contender, Outcome, Plan, Sample, Target, ratio
from bench.processes import Process, serving
from bench.requests import Connection

AT_ONCE = 2
"""Batches under way."""
EACH = 100
"""Invoices of a customer."""
HEADERS = {"Authorization": "Bearer dev-integration", "Content-Type": "application/cloudevents-batch+json"}
LOOK = 0.2
TELL = 10.0
"""Seconds between two lines on how far an import is."""


@dataclass
class Progress:
    """Says on stderr how far an import of `total` documents is: a run of a million takes minutes.

    Rate and processor time are those since the line before, so that a load that slows down with its size is seen.
    """

    product: Process
    total: int
    done: int = 0
    told: int = 0
    at: float = field(default_factory=perf_counter)
    busy: float = field(init=False)

    def __post_init__(self) -> None:
        self.busy = self.product.busy

    def add(self, documents: int) -> None:
        """So many more were accepted."""
        self.done += documents
        if perf_counter() - self.at >= TELL:
            print(self._line(), file=sys.stderr, flush=True)
            self.told, self.at, self.busy = self.done, perf_counter(), self.product.busy

    def _line(self) -> str:
        number = self.done - self.told
        rate, each = number / (perf_counter() - self.at), (self.product.busy - self.busy) / number * 1e6
        return (
            f"{self.done:,} of {self.total:,}: {rate:,.0f} documents/s, {each:.0f} us each, {self.product.mib:.0f} MiB"
        )


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """In rounds: a share of the invoices is sent, the views catch up, the same documents are copied by hand."""
    rounds, number = plan.rounds, plan.imported // plan.rounds
    sent, folded, copied = Contender("kehu, accepted"), Contender("kehu, in every view"), Contender("COPY by hand")
    async with _product(ground) as product:
        firms, progress = plan.imported // EACH, Progress(product, plan.imported)
        await _send(product, "/api/customers", customers(firms, plan.seed), Progress(product, firms))
        await _settled(product)
        by_hand = await HandImport.to(ground)
        idle, busy = product.mib, product.busy
        for n in range(rounds):
            share = n * number, number, firms, plan.imported, plan.seed
            began = perf_counter()
            sent.samples.append(await _send(product, "/api/credit", invoices(*share), progress))
            await _settled(product)
            folded.samples.append(Sample(number, perf_counter() - began))
            copied.samples.append(await by_hand.load(invoices(*share)))
        each = (product.busy - busy) / (number * rounds) * 1e6
        targets = _targets(sent, copied, product.most_mib)
        await _same(ground, by_hand)
    await by_hand.close()
    print(f"import: {each:.0f} us of the server's processor time a document, views included; {idle:.0f} MiB before")
    return [Outcome(f"import of {plan.imported:,} invoices", (sent, folded, copied), targets)]


def _targets(sent: Contender, copied: Contender, mib: float) -> list[Target]:
    return [
        Target("of COPY by hand", ratio(sent, copied), 0.5),
        Target("documents", sent.rate, 3_000, "/s", gates=False),
        Target("most memory", mib, 400, "MiB", most=True),
    ]


async def _same(ground: Ground, by_hand: HandImport) -> None:
    """Both hold the same events and the same ledger, or nothing was compared."""
    credit, analytics = [await asyncpg.connect(ground.server.url(f"kehu_{name}")) for name in ("credit", "analytics")]
    ours, other = await said(credit, analytics), await by_hand.said()
    await credit.close()
    await analytics.close()
    assert ours == other, (ours, other)


@asynccontextmanager
async def _product(ground: Ground) -> AsyncIterator[Process]:
    """The embedded product, workers and all, its databases on the server of `ground`."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-bench-import-"))
    settings = {"KEHU_DATABASES__SERVER": ground.server.url("postgres"), "KEHU_LOGS__LEVEL": "warning"}
    arguments = ("up", "--data", "bench", "--port", "{port}")
    try:
        async with serving("all_in_one", *arguments, cwd=folder, path="/health/ready", settings=settings) as product:
            yield product
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _send(product: Process, prefix: str, documents: Iterator[object], progress: Progress) -> Sample:
    """Batches of them, so many at once. All must be accepted."""
    latencies: list[float] = []
    waiting, done = batches(documents), 0

    async def sender() -> None:
        nonlocal done
        connection = await Connection.to(product.port)
        for batch in waiting:
            began = perf_counter()
            status, answer = await connection.ask("POST", f"{prefix}/intake?origin=initial_load", HEADERS, batch)
            latencies.append(perf_counter() - began)
            assert status == 200, (status, answer[:500])
            assert answer.count(b'"verdict":"accepted"') == len(batch), answer[:500]
            done += len(batch)
            progress.add(len(batch))
        connection.close()

    began = perf_counter()
    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return Sample(done, perf_counter() - began, latencies)


async def _settled(product: Process) -> None:
    """Until every reader has dealt with all that is stored."""
    connection = await Connection.to(product.port)
    while True:
        _, answer = await connection.ask("GET", "/health/ready", HEADERS)
        services = orjson.loads(answer)["services"].values()
        if not any(c["events"] for service in services for c in service["consumers"].values()):
            break
        await asyncio.sleep(LOOK)
    connection.close()

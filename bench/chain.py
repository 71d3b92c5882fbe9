"""From an ERP's message to the view: Kafka -> intake -> decided, stored -> relay -> Kafka -> folded.

The product's own worker processes, each with one role, beside the same chain by hand in as many processes.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import asyncpg
import orjson

from all_in_one.brokers import kafka
from bench import chain_by_hand
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target, ratio
from bench.processes import Process, environment, serving
from engine import clock
from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.ports import PARTS

CUSTOMERS = 5_000
TOPIC, CUSTOMER = "erp.invoices.v1", "erp.customers.v1"
NAMESPACE = "bench."
LOOK = 0.01
PATIENCE = 600.0
_OPENED = "select count(*) from events where type = 'credit.AccountOpened'"
_FOLDED = "select count(*) from receivables"
_PLACES = "select part, last_pos from consumers where grp = 'view:receivables' and topic = 'credit'"
_STORED = """select data->>'invoice', part, pos from events where type = 'credit.InvoiceIssued' and pos > $1"""

Record = tuple[str, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


@dataclass
class Chain:
    """The cluster, the databases and the processes of the product, over all rounds."""

    bootstrap: str
    processes: Sequence[Process]
    credit: asyncpg.Connection
    analytics: asyncpg.Connection
    sent: int = 0
    began: dict[str, float] = field(default_factory=dict)


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """Rounds of as many messages at once; then messages at half the rate reached, each one timed."""
    number = max(plan.events // 2, 2_000)
    ours, hand = Contender("kehu, 3 processes"), Contender("by hand, 3 processes")
    async with cluster() as bootstrap, product(ground, bootstrap) as chain:
        spent = [0.0, 0.0, 0.0]
        for n in range(plan.rounds):
            before = [p.busy for p in chain.processes]
            ours.samples.append(await through(chain, number))
            spent = [s + p.busy - b for s, p, b in zip(spent, chain.processes, before, strict=True)]
            hand.samples.append(await by_hand(ground, bootstrap, n, number))
        each = [s / (number * plan.rounds) * 1e6 for s in spent]
        half = Contender("kehu, at half load", [await paced(chain, ours.rate / 2, plan.seconds * 5)])
        trip = Contender("produce -> consume, one at a time", [await round_trips(bootstrap, plan)])
        most = [f"{p.most_mib:.0f}" for p in chain.processes]
        times = ", ".join(
            f"{role} {us:.0f} us" for role, us in zip(("intake", "relay", "projector"), each, strict=True)
        )
    print(f"kafka: of a processor's time a message: {times}; most memory: {', '.join(most)} MiB")
    p99 = (half.latency(0.99) or 0) * 1000
    targets = [
        Target("of the chain by hand", ratio(ours, hand), 0.5),
        Target("messages", ours.rate, 6_000, "/s", gates=False),
        Target("p99 at half load", p99, 250, "ms", most=True),
    ]
    return [Outcome("ERP message to view, on Kafka", (ours, hand, half, trip), targets)]


@asynccontextmanager
async def cluster() -> AsyncIterator[str]:
    """A broker in a folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-bench-kafka-"))
    try:
        async with kafka(folder) as running:
            yield running.bootstrap
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def product(ground: Ground, bootstrap: str) -> AsyncIterator[Chain]:
    """Its three processes, waiting for the first message."""
    settings = {
        "KEHU_DATABASES__SERVER": ground.server.url("postgres"), "KEHU_LOGS__LEVEL": "warning",
        "KEHU_AUTH__DEVELOPMENT": "true", "KEHU_BUS__KIND": "kafka", "KEHU_KAFKA__BOOTSTRAP": bootstrap,
        "KEHU_KAFKA__NAMESPACE": NAMESPACE, "KEHU_HTTP__PORT": "0",
    }  # fmt: skip
    roles = (("credit_svc", "intake"), ("credit_svc", "relay"), ("analytics_svc", "projector"))
    for name in ("customer", "credit", "complaint", "analytics"):
        migrating = [sys.executable, "-m", f"{name}_svc", "migrate"]
        done = await asyncio.to_thread(subprocess.run, migrating, env={**environment(), **settings}, check=False)
        assert done.returncode == 0, name
    await Layout(Access(bootstrap)).present([NAMESPACE + TOPIC, NAMESPACE + CUSTOMER])
    await acquainted(ground, bootstrap, settings)
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(worker(module, role, settings)) for module, role in roles]
        credit, analytics = [await asyncpg.connect(ground.server.url(f"kehu_{n}")) for n in ("credit", "analytics")]
        stack.push_async_callback(credit.close)
        stack.push_async_callback(analytics.close)
        chain = Chain(bootstrap, started, credit, analytics)
        await through(chain, 200)  # so that all of them are at work
        yield chain


async def acquainted(ground: Ground, bootstrap: str, settings: dict[str, str]) -> None:
    """All customers registered, and known to credit-svc: whose invoices come is nobody new."""
    roles = (("customer_svc", "intake"), ("customer_svc", "relay"), ("credit_svc", "reactor"))
    async with AsyncExitStack() as stack:
        for module, role in roles:
            await stack.enter_async_context(worker(module, role, settings))
        producer = await chain_by_hand.producing(bootstrap)
        await chain_by_hand.send(producer, NAMESPACE + CUSTOMER, list(map(customer, range(CUSTOMERS))))
        await producer.stop()
        credit = await asyncpg.connect(ground.server.url("kehu_credit"))
        await counted(credit, _OPENED, CUSTOMERS)
        await credit.close()


def worker(module: str, role: str, settings: dict[str, str]) -> Any:
    """A process of the product with one role."""
    more = {"KEHU_WORK__ROLES": orjson.dumps([role]).decode(), "KEHU_HTTP__PORT": "{port}"}
    return serving(module, "worker", settings={**settings, **more})


async def through(chain: Chain, number: int) -> Sample:
    """So many invoices produced at once, until the last of them is in the ledger."""
    documents = invoices(chain.sent, number)
    producer = await chain_by_hand.producing(chain.bootstrap)
    began = perf_counter()
    await chain_by_hand.send(producer, NAMESPACE + TOPIC, documents)
    chain.sent += number
    await counted(chain.analytics, _FOLDED, chain.sent)
    took = perf_counter() - began
    await producer.stop()
    return Sample(number, took)


async def counted(connection: asyncpg.Connection, query: str, count: int) -> None:
    """Until the query gives `count`; a look costs little beside what it waits for."""
    until = perf_counter() + PATIENCE
    while (found := await connection.fetchval(query)) < count:
        assert perf_counter() < until, f"{found} of {count} after {PATIENCE:.0f} s"
        await asyncio.sleep(0.05)


async def by_hand(ground: Ground, bootstrap: str, n: int, number: int) -> Sample:
    """The same documents through the three processes written by hand, which wait for the first."""
    url, topic, events = await ground.url(f"chain_{n}"), f"hand.{n}.{TOPIC}", f"hand.{n}.events"
    await Layout(Access(bootstrap)).present([topic, events])
    connection = await asyncpg.connect(url)
    await connection.execute(chain_by_hand.TABLES)
    given = (bootstrap, url, topic, events, str(number))
    processes = [
        subprocess.Popen([sys.executable, "-m", "bench.chain_by_hand", role, *given], env=environment())
        for role in ("intake", "relay", "fold")
    ]
    await asyncio.sleep(3)
    producer = await chain_by_hand.producing(bootstrap)
    began = perf_counter()
    await chain_by_hand.send(producer, topic, invoices(0, number))
    await counted(connection, "select count(*) from by_hand_ledger", number)
    took = perf_counter() - began
    for process in processes:
        await asyncio.to_thread(process.wait)
    await producer.stop()
    await connection.close()
    return Sample(number, took)


async def paced(chain: Chain, rate: float, seconds: float) -> Sample:
    """Messages at `rate` for a while; from each one's sending to the commit of what it is folded into."""
    first = await chain.credit.fetchval("select coalesce(max(pos), 0) from events")
    watching, seen = asyncio.Event(), list[tuple[float, dict[int, int]]]()
    watch = asyncio.create_task(watched(chain.analytics, watching, seen))
    sent: dict[str, float] = {}
    producer, step = await chain_by_hand.producing(chain.bootstrap), 0.02
    began, done = perf_counter(), 0
    while (passed := perf_counter() - began) < seconds:
        due = int(rate * passed) - done
        if due > 0:
            documents = invoices(chain.sent + done, due)
            sent |= dict.fromkeys((orjson.loads(d[1])["invoice"] for d in documents), perf_counter())
            await chain_by_hand.send(producer, NAMESPACE + TOPIC, documents)
            done += due
        await asyncio.sleep(step)
    chain.sent += done
    await producer.stop()
    await counted(chain.credit, "select count(*) from events where type = 'credit.InvoiceIssued'", chain.sent)
    stored = await chain.credit.fetch(_STORED, first)
    goal = {part: max((r[2] for r in stored if r[1] == part), default=0) for part in range(PARTS)}
    while not seen or any(seen[-1][1].get(part, 0) < pos for part, pos in goal.items()):  # noqa: ASYNC110
        await asyncio.sleep(LOOK)
    watching.set()
    await watch
    return Sample(done, seconds, latencies(sent, stored, seen))


async def watched(
    connection: asyncpg.Connection, stop: asyncio.Event, seen: list[tuple[float, dict[int, int]]]
) -> None:
    """How far the ledger is in each part, with the time it was seen, whenever it has moved."""
    while not stop.is_set():
        places = {row[0]: row[1] for row in await connection.fetch(_PLACES)}
        if not seen or seen[-1][1] != places:
            seen.append((perf_counter(), places))
        await asyncio.sleep(0.005)


def latencies(
    sent: dict[str, float], stored: Sequence[asyncpg.Record], seen: Sequence[tuple[float, dict[int, int]]]
) -> list[float]:
    """Seconds from sending each invoice to the first look that found it folded."""
    found: list[float] = []
    for part in range(PARTS):
        mine = sorted((r[2], r[0]) for r in stored if r[1] == part)
        looks = iter(seen)
        at, places = next(looks)
        for position, invoice in mine:
            while places.get(part, 0) < position:
                at, places = next(looks)
            found.append(at - sent[invoice])
    return found


async def round_trips(bootstrap: str, plan: Plan) -> Sample:
    """The floor of any latency here: a record produced and consumed, one at a time."""
    await Layout(Access(bootstrap)).present(["bench.trips"])
    producer, consumer = await chain_by_hand.producing(bootstrap), await chain_by_hand.reading(bootstrap, "bench.trips")
    taken: list[float] = []
    began = perf_counter()
    for n in range(200):
        sent = perf_counter()
        await producer.send_and_wait("bench.trips", b"x", partition=n % PARTS)
        while not await chain_by_hand.fetched(consumer):
            pass
        taken.append(perf_counter() - sent)
    took = perf_counter() - began
    await producer.stop()
    await consumer.stop()
    return Sample(len(taken), took, taken[20:])


def invoices(first: int, count: int) -> list[Record]:
    """Keys, values and headers of invoices numbered from `first`: binary CloudEvents of an ERP, issued today."""
    chance, today = Random(first), clock.now().date()
    found = []
    for n in range(first, first + count):
        customer = f"C-{chance.randrange(CUSTOMERS)}"
        data = {
            "customer": customer, "invoice": f"I-{n}", "invoice_date": today.isoformat(),
            "due": (today + timedelta(days=30)).isoformat(),
            "amount": {"amount": f"{chance.randrange(100, 90_000)}.45", "currency": "CNY"},
        }  # fmt: skip
        found.append(record(customer, "erp.Invoice.v1", f"INV-{n}", data))
    return found


def customer(n: int) -> Record:
    """A dealer who pays in CNY."""
    basics = {"name": f"Customer {n}", "type": "dealer", "currency": "CNY"}
    data = {"customer": f"C-{n}", "basics": basics, "since": "2023-01-02"}
    return record(f"C-{n}", "erp.Customer.v1", f"CUS-{n}", data)


def record(key: str, kind: str, name: str, data: dict[str, Any]) -> Record:
    """A binary CloudEvent of an ERP."""
    said = {
        "content-type": "application/json", "ce_specversion": "1.0", "ce_source": "bench",
        "ce_id": name, "ce_type": kind,
    }  # fmt: skip
    return key, orjson.dumps(data), [(header, value.encode()) for header, value in said.items()]

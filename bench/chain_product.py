"""The cluster, the databases and the worker processes that the chain is measured on."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import orjson

from all_in_one.brokers import kafka
from bench import chain_by_hand
from bench.chain_documents import CUSTOMER, CUSTOMERS, NAMESPACE, TOPIC, customer
from bench.ground import Ground
from bench.processes import Process, busy, environment, most_mib, serving
from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.local_kafka import LocalKafka

PATIENCE = 600.0
CONSUMERS = (("credit_svc", "intake"), ("analytics_svc", "projector"))
RELAY = ("credit_svc", "relay")
_OPENED = "select count(*) from events where type = 'credit.AccountOpened'"
_SHARED = "select count(distinct owner) from consumers where grp = 'view:receivables' and topic = 'credit'"


@dataclass
class Chain:
    """The cluster, the databases and the processes of the product, over all rounds."""

    ground: Ground
    kafka: LocalKafka
    stack: AsyncExitStack
    processes: dict[str, list[Process]]
    credit: asyncpg.Connection
    analytics: asyncpg.Connection
    settings: dict[str, str]
    sent: int = 0

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap

    def busy(self) -> dict[str, float]:
        """Seconds of processor time so far of each role, of the database and of the broker."""
        found = {role: sum(p.busy for p in some) for role, some in self.processes.items()}
        server = self.ground.server.pid
        brokers = sum(busy(b.process.pid) for b in self.kafka.brokers if b.process)
        return {**found, "database": sum(map(busy, _family(server))), "broker": brokers}

    def memory(self) -> dict[str, float]:
        """MiB a process of each role had at most, and the broker."""
        found = {role: max(p.most_mib for p in some) for role, some in self.processes.items()}
        return {**found, "broker": sum(most_mib(b.process.pid) for b in self.kafka.brokers if b.process)}

    async def widen(self, consumers: int) -> None:
        """Have `consumers` processes take in, and as many fold; each has a share of the parts when this returns."""
        for module, role in CONSUMERS:
            some = self.processes[role]
            while len(some) < consumers:
                some.append(await self.stack.enter_async_context(worker(module, role, self.settings)))
        await counted(self.analytics, _SHARED, consumers)


@asynccontextmanager
async def cluster() -> AsyncIterator[LocalKafka]:
    """A broker in a folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-bench-kafka-"))
    try:
        async with kafka(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def product(ground: Ground, broker: LocalKafka) -> AsyncIterator[Chain]:
    """Its three processes, waiting for the first message."""
    settings = {
        "KEHU_DATABASES__SERVER": ground.server.url("postgres"), "KEHU_LOGS__LEVEL": "warning",
        "KEHU_AUTH__DEVELOPMENT": "true", "KEHU_BUS__KIND": "kafka", "KEHU_KAFKA__BOOTSTRAP": broker.bootstrap,
        "KEHU_KAFKA__NAMESPACE": NAMESPACE, "KEHU_HTTP__PORT": "0",
    }  # fmt: skip
    for name in ("customer", "credit", "complaint", "analytics"):
        migrating = [sys.executable, "-m", f"{name}_svc", "migrate"]
        done = await asyncio.to_thread(subprocess.run, migrating, env={**environment(), **settings}, check=False)
        assert done.returncode == 0, name
    await Layout(Access(broker.bootstrap)).present([NAMESPACE + TOPIC, NAMESPACE + CUSTOMER])
    await _acquainted(ground, broker.bootstrap, settings)
    async with AsyncExitStack() as stack:
        started = {
            role: [await stack.enter_async_context(worker(module, role, settings))]
            for module, role in (CONSUMERS[0], RELAY, CONSUMERS[1])
        }
        credit, analytics = [await asyncpg.connect(ground.server.url(f"kehu_{n}")) for n in ("credit", "analytics")]
        stack.push_async_callback(credit.close)
        stack.push_async_callback(analytics.close)
        yield Chain(ground, broker, stack, started, credit, analytics, settings)


async def _acquainted(ground: Ground, bootstrap: str, settings: dict[str, str]) -> None:
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


async def counted(connection: asyncpg.Connection, query: str, count: int) -> None:
    """Until the query gives `count`; a look costs little beside what it waits for."""
    until = perf_counter() + PATIENCE
    while (found := await connection.fetchval(query)) < count:
        assert perf_counter() < until, f"{found} of {count} after {PATIENCE:.0f} s"
        await asyncio.sleep(0.05)


def costs(before: dict[str, float], after: dict[str, float], messages: int) -> dict[str, float]:
    """Microseconds of a processor that a message took, by who spent them."""
    return {who: (after[who] - before[who]) / messages * 1e6 for who in before}


def _family(pid: int) -> Sequence[int]:
    """A process and its children."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in (task / "children").read_text().split())]

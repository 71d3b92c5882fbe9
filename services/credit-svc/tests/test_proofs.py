"""Under fire: orders race for one limit through three API processes and the bus, for customers with a long history."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import pytest

from chassis.run import opened
from chassis.runtime import Runtime
from chassis.settings import Auth, Settings
from credit_svc.domain.account import ACCOUNT, OpenAccount, SetLimit
from credit_svc.domain.asking import CheckCredit, answer, streams
from credit_svc.domain.exposure import EXPOSURE
from credit_svc.domain.reactions import CREDIT
from credit_svc.service import SERVICE
from credit_svc.testing import cny0
from engine import ids
from engine.database import Database
from engine.decider import Actor, Command
from engine.handle import Asked
from engine.ports import Append, Meta, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.forked import PATIENCE, Fork, Process, forking
from engine.testing.running import caught_up
from events.credit import CreditGranted, ExposureChanged, OrderHeld
from events.customer import OrderLine, OrderPlaced

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.timeout(600)]
DAY = date(2026, 3, 1)
PROCESSES, SEEDS, AT_ONCE, ORDERS, AMOUNT, LIMIT = 3, 50, 25, 10, 20, 100
LONGEST = 0.05
"""Seconds over which the tries of one race begin: the bus needs so long, and it is to race with them."""
Ways = tuple[int, bool]
WAYS: tuple[Ways, ...] = ((1, False), (0, True), (1, True), (2, False), (2, True))
"""How an order comes: to so many API processes, under one key; and by the bus or not."""


@dataclass
class Company:
    """Three API processes and a worker process of credit-svc on one database; `runtime`: a look into it from here."""

    runtime: Runtime
    customers: PostgresStore
    apis: Sequence[httpx.AsyncClient]
    processes: Sequence[Process]

    async def place(self, customer: str, orders: Sequence[str]) -> None:
        """customer-svc states that these were placed; the worker process hears of it."""
        made = [NewEvent(f"order-{order}", _placed(customer, order), DAY) for order in orders]
        await self.customers.append(Append({}, made, Meta("sales-1", ids.named("proof", customer))))

    async def check(self, api: int, customer: str, order: str, after: float) -> None:
        """Ask an API process to decide about the order."""
        await asyncio.sleep(after)
        body = {"customer": customer, "order": order, "order_version": 1, "amount": _money(AMOUNT), "on": f"{DAY}"}
        given = await self.apis[api].post("/orders", json=body, headers={"Idempotency-Key": order})
        assert given.status_code == 200, given.text

    async def heard(self) -> None:
        """Waits until the worker process has reacted to all that was placed."""
        credit, customers = self.runtime.database.pool, self.customers.database.pool
        await caught_up(credit, f"reaction:{CREDIT.name}", customers, "customer", within=PATIENCE)
        assert not [p.told for p in self.processes if p.heard("failed") or p.heard("done")]


@pytest.fixture(scope="module")
def fork() -> Iterator[Fork]:
    with forking(str(Path(__file__).with_name("credit_processes.py"))) as fork:
        yield fork


@pytest.fixture
async def company(urls: dict[str, str], fork: Fork) -> AsyncIterator[Company]:
    async with AsyncExitStack() as stack:
        (runtime,) = await stack.enter_async_context(opened([SERVICE], Settings(auth=Auth(development=True)), urls))
        worker, *apis = processes = [fork("worker", urls, "worker"), *(fork("api", urls) for _ in range(PROCESSES))]
        ports = [(await api.said("serving"))["port"] for api in apis]
        await worker.said("at work")
        clients = [await stack.enter_async_context(_client(port)) for port in ports]
        database = await Database.open(urls["customer"], 2)
        stack.push_async_callback(database.close)
        store = PostgresStore(database, Serde(), runtime.settings.company.id)
        stack.push_async_callback(store.close)
        yield Company(runtime, store, clients, processes)
        for process in processes:
            await process.kill()


def _client(port: int) -> httpx.AsyncClient:
    headers, limits = {"Authorization": "Bearer dev-admin"}, httpx.Limits(max_connections=ORDERS)
    url = f"http://127.0.0.1:{port}/api/credit"
    return httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=PATIENCE)


def _money(amount: int) -> dict[str, str]:
    return {"amount": f"{amount}.00", "currency": "CNY"}


def _placed(customer: str, order: str) -> OrderPlaced:
    line = OrderLine(product="P-1", quantity=Decimal(1), price=Decimal(AMOUNT))
    return OrderPlaced(
        customer=customer, order=order, order_date=DAY, currency="CNY", lines=(line,), total=cny0(f"{AMOUNT}.00")
    )


def asked(command: Command, *key: object) -> Asked:
    name = ids.named("proof", type(command).__name__, *key)
    return Asked(command, name, Meta("proof", name), Actor("proof"))


async def with_limit(runtime: Runtime, customer: str) -> None:
    for command in (
        OpenAccount(customer=customer, currency="CNY", on=DAY),
        SetLimit(customer=customer, limit=cny0(LIMIT), valid_from=DAY, reason="agreed"),
    ):
        await runtime.handler.handle(asked(command, customer))


async def race(company: Company, customer: str, seed: int) -> None:
    """Ten orders at once, each on the ways and to the processes drawn by `seed`."""
    tries: list[Awaitable[None]] = []
    placed: list[str] = []
    for n in range(ORDERS):
        order, drawn = f"{customer}-O{n}", ids.named("race", seed, n).int
        times, by_bus = WAYS[(drawn + n) % len(WAYS)]
        placed += [order] * by_bus
        for t in range(times):
            after = LONGEST * (drawn >> 16 * (t + 1) & 0xFF) / 0xFF
            tries.append(company.check((drawn + t) % PROCESSES, customer, order, after))
    await asyncio.gather(company.place(customer, placed), *tries)


async def highest(runtime: Runtime, customer: str, after: int = 0) -> tuple[Decimal, int, int]:
    """The highest exposure at any position, and how many orders passed and were held; from version `after` on."""
    total, most, granted, held = Decimal(0), Decimal(0), 0, 0
    for told in await runtime.store.read_stream(EXPOSURE(customer).stream, after):
        event: Any = told.event
        granted, held = granted + isinstance(event, CreditGranted), held + isinstance(event, OrderHeld)
        if isinstance(event, ExposureChanged):
            total += sum(change.amount for change in event.changes.values())
            most = max(most, total)
    return most, granted, held


async def test_of_ten_parallel_orders_five_pass_and_the_limit_holds_at_every_position(company: Company) -> None:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> None:
        async with at_once:
            await with_limit(company.runtime, f"C-{seed}")
            await race(company, f"C-{seed}", seed)

    await asyncio.gather(*(one(seed) for seed in range(SEEDS)))
    await company.heard()
    found = {seed: await highest(company.runtime, f"C-{seed}") for seed in range(SEEDS)}
    assert {seed: told for seed, told in found.items() if told != (Decimal(LIMIT), 5, 5)} == {}
    assert await deciders(company) == {"api", "bus"}


async def deciders(company: Company) -> set[str]:
    """Whose orders were decided: those of requests, those of the bus."""
    rows = await company.runtime.database.pool.fetch(
        "select distinct meta::json ->> 'actor' from events where type in ('credit.CreditGranted', 'credit.OrderHeld')"
    )
    return {"bus" if r[0] == f"reaction:{CREDIT.name}" else "api" for r in rows}


async def lived(runtime: Runtime, customer: str, invoices: int) -> int:
    """A long life: what so many invoices, issued and paid, leave in the exposure's stream; its version."""
    await with_limit(runtime, customer)
    meta = Meta("proof", ids.named("proof", customer))
    for start in range(0, invoices, 2500):
        made = [
            NewEvent(EXPOSURE(customer).stream, event, DAY)
            for n in range(start, min(start + 2500, invoices))
            for event in _moves(customer, DAY - timedelta(days=n % 700))
        ]
        await runtime.store.append(Append({}, made, meta))
    return 2 * invoices


@cache
def _moves(customer: str, day: date) -> tuple[ExposureChanged, ExposureChanged]:
    """An invoice due on `day`, issued and paid. Of what is settled the exposure keeps no name: each day has one."""
    return _moved(customer, f"I-{day}", day, 1), _moved(customer, f"I-{day}", day, -1)


def _moved(customer: str, invoice: str, day: date, sign: int) -> ExposureChanged:
    amount = {"amount": sign * 10, "currency": "CNY"}
    return ExposureChanged.model_validate(
        {
            "customer": customer,
            "document": invoice,
            "cause": "invoice_issued" if sign > 0 else "payment_received",
            "changes": {"open_invoices": amount},
            "due": [{"due": day, "amount": amount}],
            "on": day,
        }
    )


async def checked(runtime: Runtime, customer: str) -> float:
    """Seconds of one check with a cold cache."""
    for ref in (ACCOUNT(customer), EXPOSURE(customer)):
        runtime.handler.cache.drop(ref.stream)
    question = CheckCredit(customer=customer, amount=cny0(AMOUNT))
    start = perf_counter()
    found = answer(question, await runtime.handler.states(streams(question)), DAY)
    assert found.granted
    return perf_counter() - start


async def test_a_long_history_changes_neither_the_answer_nor_the_time_it_takes(company: Company) -> None:
    """The processes have never heard of the customer. The bench measures; here reading 40,000 events would show."""
    runtime = company.runtime
    version = await lived(runtime, "C-long", 20_000)
    await lived(runtime, "C-short", 20)
    for customer in ("C-long", "C-short"):
        await checked(runtime, customer)
    await runtime.handler.snapshots.settled()
    times = [(await checked(runtime, "C-long"), await checked(runtime, "C-short")) for _ in range(15)]
    long, short = (median(column) for column in zip(*times, strict=True))
    assert long <= 2 * short + 0.05, f"{long * 1000:.1f} ms against {short * 1000:.1f} ms"
    for api in company.apis[1:]:
        told = (await api.post("/checks", json={"customer": "C-long", "amount": _money(LIMIT)})).json()
        assert (told["granted"], told["reserved"]) == (True, False)
    await race(company, "C-long", 7)
    await company.heard()
    assert await highest(runtime, "C-long", version) == (Decimal(LIMIT), 5, 5)

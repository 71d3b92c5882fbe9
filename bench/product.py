"""The embedded product as a person starts it: its starts, an order until it is decided, a change until its warning."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from bench import requests
from bench.bare import TOKEN
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target
from bench.processes import Process, serving
from bench.requests import Connection

ADMIN: Mapping[str, str] = {"Authorization": "Bearer dev-admin"}
FIGURE = "/api/analytics/dso"
UP = ("all_in_one", "up", "--data", "bench", "--port", "{port}")
LOOK = 0.002
TODAY = "2026-01-05"
PATIENCE = 30.0


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """First start, second start, decisions, warnings; memory idle and after them."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-bench-product-"))
    folder.chmod(0o755)
    try:
        first, again = Contender("first start, empty"), Contender("second start")
        for number in range(plan.rounds):
            home = folder / str(number)
            home.mkdir(mode=0o755)
            for contender in (first, again):
                async with serving(*UP, cwd=home, path=FIGURE) as product:
                    contender.samples.append(Sample(1, product.took, [product.took]))
        async with serving(*UP, cwd=folder / "0", path=FIGURE) as product:
            return [_starts(first, again), *await _work(product, ground, plan)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _starts(first: Contender, again: Contender) -> Outcome:
    targets = [
        Target("first start to a figure", first.latency(0.5) or 0, 12, "s", most=True),
        Target("second start to a figure", again.latency(0.5) or 0, 6, "s", most=True),
    ]
    return Outcome("embedded", (first, again), targets)


async def _work(product: Process, ground: Ground, plan: Plan) -> list[Outcome]:
    await asyncio.sleep(2)
    idle = product.mib
    decisions, warnings = Contender("order to decision"), Contender("invoice to warning")
    connection = await Connection.to(product.port)
    for number in range(plan.checks):
        await _ask(connection, "POST", "/api/customers", f"c{number}", _customer(number))
    await _until(connection, f"/api/credit/accounts/C-{plan.checks - 1}", lambda a: "limit" in a)
    decisions.samples.append(await requests.one_by_one(plan.checks, lambda n: _decided(connection, n)))
    warnings.samples.append(await _warned(product.port, connection, plan.checks))
    connection.close()
    round_trip = await _round_trip(ground, plan)
    bound = 2 * (round_trip.latency(0.99) or 0) * 1000 + 40
    return [
        Outcome(
            "embedded, order to decision, one at a time", (decisions,),
            [Target("p99", (decisions.latency(0.99) or 0) * 1000, 60, "ms", most=True)],
        ),
        Outcome(
            "embedded, invoice to warning on SSE, idle", (warnings, round_trip),
            [Target("p99, of 2 x bare p99 + 40 ms", (warnings.latency(0.99) or 0) * 1000, bound, "ms", most=True)],
        ),
        Outcome(
            "embedded, memory", (),
            [Target("idle", idle, 200, "MiB", most=True), Target("after the work", product.mib, 400, "MiB", most=True)],
        ),
    ]  # fmt: skip


def _customer(number: int) -> dict[str, Any]:
    return {"customer": f"C-{number}", "basics": {"name": f"Customer {number}", "type": "dealer", "currency": "CNY"}}


async def _ask(connection: Connection, method: str, path: str, key: str, body: Any = None) -> Any:
    status, answer = await connection.ask(method, path, {**ADMIN, "Idempotency-Key": key}, body)
    assert status < 300, (path, status, answer)
    return orjson.loads(answer)


async def _until(connection: Connection, path: str, done: Any) -> None:
    """Look until `done` says so of the answer."""
    until = perf_counter() + PATIENCE
    while perf_counter() < until:
        status, answer = await connection.ask("GET", path, ADMIN)
        if status == 200 and done(orjson.loads(answer)):
            return
        await asyncio.sleep(LOOK)
    raise TimeoutError(path)


async def _decided(connection: Connection, number: int) -> None:
    """An order, until credit's answer stands in it: held, for there is no limit yet."""
    line = {"product": "P", "quantity": "1", "price": "60.00"}
    body = {"order": f"O-{number}", "customer": f"C-{number}", "currency": "CNY", "lines": [line]}
    await _ask(connection, "POST", "/api/customers/orders", f"o{number}", body)
    await _until(connection, f"/api/customers/orders/O-{number}", lambda o: o["credit"] != "not_decided")


async def _warned(port: int, connection: Connection, count: int) -> Sample:
    """An invoice of a customer without any limit, until the warning comes on the stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stream = "/api/analytics/alerts/stream"
    asked = f"GET {stream} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {ADMIN['Authorization']}\r\n\r\n"
    writer.write(asked.encode())
    await reader.readuntil(b"retry:")

    async def warned(number: int) -> None:
        amount = {"amount": "100.00", "currency": "CNY"}
        customer = f"C-{number}"
        body = {
            "customer": customer,
            "invoice": f"I-{number}",
            "amount": amount,
            "invoice_date": TODAY,
            "due": "2099-12-31",
        }
        await _ask(connection, "POST", "/api/credit/invoices", f"i{number}", body)
        async with asyncio.timeout(PATIENCE):
            while f'"customer":"{customer}"'.encode() not in await reader.readline():
                pass

    sample = await requests.one_by_one(count, warned)
    writer.close()
    return sample


async def _round_trip(ground: Ground, plan: Plan) -> Contender:
    bare = Contender("bare FastAPI + asyncpg, one at a time")
    async with serving("bench.bare", await ground.url("product_bare"), "{port}") as server:
        connection = await Connection.to(server.port)

        async def post(number: int) -> None:
            headers = {"Authorization": TOKEN, "Idempotency-Key": str(number)}
            line = {"product": "P", "quantity": "1", "price": "60.00"}
            body = {"order": f"O-{number}", "customer": "C", "currency": "CNY", "lines": [line]}
            status, answer = await connection.ask("POST", "/orders", headers, body)
            assert status == 201, answer

        bare.samples.append(await requests.one_by_one(plan.checks, post))
        connection.close()
    return bare

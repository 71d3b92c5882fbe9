"""POST /orders through the api process of customer-svc by 64 clients at once, beside a bare FastAPI with one INSERT."""

from collections.abc import Iterator, Mapping
from itertools import count
from random import Random

from bench import requests
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Target, ratio
from bench.processes import serving
from bench.requests import Connection, Post

CLIENTS = 64
CUSTOMERS = 200
ADMIN: Mapping[str, str] = {"Authorization": "Bearer dev-admin"}


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """Every request with a token and an Idempotency-Key of its own; both servers are one process each."""
    ours, other = await ground.url("orders"), await ground.url("orders_bare")
    kehu, bare = Contender("kehu"), Contender("bare FastAPI + asyncpg")
    async with serving("bench.serving", ours, "{port}") as one, serving("bench.bare", other, "{port}") as two:
        await _register(one.port)
        numbers = count()
        for port, path in ((one.port, "/api/customers/orders"), (two.port, "/orders")):
            await requests.load(port, CLIENTS, plan.seconds / 4, _orders(path, numbers, plan.seed))
        for _ in range(plan.rounds):
            orders = _orders("/api/customers/orders", numbers, plan.seed)
            kehu.samples.append(await requests.load(one.port, CLIENTS, plan.seconds, orders))
            bare.samples.append(
                await requests.load(two.port, CLIENTS, plan.seconds, _orders("/orders", numbers, plan.seed))
            )
    return [
        Outcome(f"POST /orders, {CLIENTS} clients", (kehu, bare), [Target("of bare FastAPI", ratio(kehu, bare), 0.8)])
    ]


async def _register(port: int) -> None:
    connection = await Connection.to(port)
    for number in range(CUSTOMERS):
        body = {
            "customer": f"C-{number}",
            "basics": {"name": f"Customer {number}", "type": "dealer", "currency": "CNY"},
        }
        status, answer = await connection.ask("POST", "/api/customers", _headers(f"customer-{number}"), body)
        assert status < 300, answer
    connection.close()


def _headers(key: str) -> Mapping[str, str]:
    return {**ADMIN, "Idempotency-Key": key}


def _orders(path: str, numbers: Iterator[int], seed: int) -> Iterator[Post]:
    chance = Random(seed)
    for number in numbers:
        line = {"product": f"P-{chance.randrange(100)}", "quantity": "10", "price": "60.00", "cost": "40.00"}
        body = {"customer": f"C-{number % CUSTOMERS}", "order": f"O-{number}", "currency": "CNY", "lines": [line]}
        yield path, _headers(f"order-{number}"), body

"""Each service as processes of its own: they meet in databases alone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from signal import SIGTERM

import asyncpg
import httpx
import pytest

from engine.database import migrate
from engine.testing.plugin import MakeDatabase, TestServer
from tests.journeys.running import NO_TLS, PATIENCE, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@contextmanager
def running(module: str, *role: str, environment: dict[str, str], port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """``python -m <module> <role>``, ended as an orchestrator does, within its grace and with exit code 0."""
    environment = {**environment, "KEHU_HTTP__PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", module, *role], env=environment, stdin=subprocess.DEVNULL)
    try:
        yield process
        process.send_signal(SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def answering(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until it does."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None
        try:
            httpx.get(f"http://127.0.0.1:{port}/health/live", verify=NO_TLS).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"no answer on {port}")


@pytest.fixture
async def environment(make_database: MakeDatabase, postgres_server: TestServer) -> dict[str, str]:
    """Databases of all services; that of customers is still to be migrated."""

    async def prepare(connection: asyncpg.Connection) -> None:
        await migrate(postgres_server.postgres.url(await connection.fetchval("select current_database()")))

    urls = {name: await make_database(prepare, "migrated") for name in ("credit", "complaint", "analytics")}
    given = {
        "KEHU_DATABASES__URLS": json.dumps({**urls, "customer": await make_database()}),
        "KEHU_AUTH__DEVELOPMENT": "true",
        "KEHU_LOGS__LEVEL": "warning",
        "KEHU_HTTP__PATIENCE": "60",
    }
    return {**{k: v for k, v in os.environ.items() if not k.startswith("KEHU_")}, **given}


def test_what_one_service_was_told_is_read_from_another_as_soon_as_its_worker_has_heard_of_it(
    environment: dict[str, str],
) -> None:
    places = [
        ("customer_svc", "api"),
        ("analytics_svc", "api"),
        ("customer_svc", "worker"),
        ("analytics_svc", "worker"),
    ]
    ports, door = [free_port() for _ in places], free_port()
    apis = {name: f"http://127.0.0.1:{port}" for name, port in zip(("customer", "analytics"), ports[:2], strict=True)}
    apis |= dict.fromkeys(("credit", "complaint"), "http://127.0.0.1:9")
    environment |= {"KEHU_GATEWAY__APIS": json.dumps(apis)}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(running(*place, environment=environment, port=port))
            for place, port in zip(places, ports, strict=True)
        ]
        migrated = subprocess.run([sys.executable, "-m", "customer_svc", "migrate"], env=environment, check=False)
        assert migrated.returncode == 0
        processes.append(stack.enter_context(running("console", environment=environment, port=door)))
        for port, process in zip((*ports, door), processes, strict=True):
            answering(port, process)
        url, headers = f"http://127.0.0.1:{door}", {"Authorization": "Bearer dev-admin"}
        client = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=120, verify=NO_TLS))
        for day in ("2031-01-07", "2031-01-08", "2031-02-09"):
            key = {"Idempotency-Key": f"open {day}"}
            opened = client.post("/api/customers/days/open", json={"day": day}, headers=key)
            assert opened.status_code == 200, opened.text
            position = {"X-Kehu-Position": opened.headers["X-Kehu-Position"]}
            seen = client.get("/api/analytics/balance", headers=position)
            assert seen.json()["as_of"] == day, seen.text
        assert client.get("/api/credit/accounts").json()["type"] == "/problems/kehu/service-away"

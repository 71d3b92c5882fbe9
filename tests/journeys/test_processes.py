"""Each service as processes of its own: they meet in databases alone."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGTERM

import asyncpg
import httpx
import pytest

from engine.database import migrate
from engine.testing.plugin import MakeDatabase, TestServer
from tests.journeys.running import PATIENCE, free_port

pytestmark = pytest.mark.slow


@contextmanager
def running(service: str, role: str, environment: dict[str, str], port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """``python -m <service>_svc <role>``, ended as an orchestrator does, within its grace and with exit code 0."""
    command = [sys.executable, "-m", f"{service}_svc", role]
    process = subprocess.Popen(command, env={**environment, "KEHU_HTTP__PORT": str(port)}, stdin=subprocess.DEVNULL)
    try:
        yield process
        process.send_signal(SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def answering(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until it does."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None
        try:
            httpx.get(f"http://127.0.0.1:{port}/health/live").raise_for_status()
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
    customers, analytics, customer_work, analytics_work = (free_port() for _ in range(4))
    with (
        running("customer", "api", environment, customers) as api,
        running("analytics", "api", environment, analytics) as other,
        running("customer", "worker", environment, customer_work) as worker,
        running("analytics", "worker", environment, analytics_work) as its_worker,
        httpx.Client(headers={"Authorization": "Bearer dev-admin"}, timeout=60) as client,
    ):
        migrated = subprocess.run([sys.executable, "-m", "customer_svc", "migrate"], env=environment, check=False)
        assert migrated.returncode == 0
        for port, process in (
            (customers, api),
            (analytics, other),
            (customer_work, worker),
            (analytics_work, its_worker),
        ):
            answering(port, process)
        for day in ("2031-01-07", "2031-01-08", "2031-02-09"):
            body, key = {"day": day}, {"Idempotency-Key": f"open {day}"}
            opened = client.post(f"http://127.0.0.1:{customers}/api/customers/days/open", json=body, headers=key)
            assert opened.status_code == 200, opened.text
            position = {"X-Kehu-Position": opened.headers["X-Kehu-Position"]}
            seen = client.get(f"http://127.0.0.1:{analytics}/api/analytics/balance", headers=position)
            assert seen.json()["as_of"] == day, seen.text

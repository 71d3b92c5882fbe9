"""A real Kafka for tests: one broker for all workers of a run, started by the first test that asks.

KAFKA_BOOTSTRAP names a cluster to use instead. Where neither can be had the tests that need one are skipped, loudly;
with CI=true they fail.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import ids
from engine.kafka import admin
from engine.kafka.access import Access
from engine.local_kafka import Jars, NoKafka, start

ROOT = Path(__file__).parents[5]
JARS = Jars(ROOT / "deploy" / "kafka" / "pom.xml", ROOT / ".kehu" / "kafka" / "jars")
PATIENCE = 180.0
ADDRESS, FAILED, USERS = "bootstrap", "failed", "users"


def bootstrap(shared: Path) -> str:
    """The address of the broker of this test run, whose workers share the folder. Raises NoKafka."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        return given
    (shared / USERS).mkdir(parents=True, exist_ok=True)
    (shared / USERS / str(os.getpid())).touch()
    with _alone(shared / "lock"):
        if not (shared / ADDRESS).exists() and not (shared / FAILED).exists():
            _guarded(shared)
        if (shared / FAILED).exists():
            raise NoKafka((shared / FAILED).read_text())
        return (shared / ADDRESS).read_text()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _guarded(shared: Path) -> None:
    """Start the process that keeps the broker, and wait for what it says."""
    with (shared / "guard.log").open("ab") as said:
        os.posix_spawn(  # it outlives us, so that it is nobody's child to wait for
            sys.executable, [sys.executable, "-m", "engine.testing.kafka", str(shared)], os.environ, setsid=True,
            file_actions=[(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)],
        )  # fmt: skip
    until = time.monotonic() + PATIENCE
    while not (shared / ADDRESS).exists() and not (shared / FAILED).exists():
        if time.monotonic() > until:
            (shared / FAILED).write_text(f"no broker within {PATIENCE} s: {(shared / 'guard.log').read_text()[-800:]}")
        time.sleep(0.1)


async def guard(shared: Path) -> None:
    """Keep a broker as long as one of its users lives."""
    try:
        cluster = await start(shared / "data", JARS)
        await admin.ready(Access(cluster.bootstrap))
    except (NoKafka, OSError, TimeoutError) as why:
        (shared / FAILED).write_text(str(why))
        return
    _written(shared / ADDRESS, cluster.bootstrap)
    while any(_lives(int(user.name)) for user in (shared / USERS).iterdir()):  # noqa: ASYNC110
        await asyncio.sleep(1)
    await cluster.stop()


def _written(place: Path, text: str) -> None:
    """All of it or nothing."""
    half = place.with_suffix(".half")
    half.write_text(text)
    half.rename(place)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="session")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a real Kafka."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kafka"
    try:
        return bootstrap(shared)
    except NoKafka as why:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no Kafka, and CI=true: {why}")
        pytest.skip(f"NO KAFKA HERE, WHAT NEEDS IT IS NOT TESTED: {why}")


@pytest.fixture
def kafka(kafka_cluster: str) -> Access:
    """A cluster in which nothing was ever called what this test calls things."""
    return Access(kafka_cluster, namespace=f"t{ids.new().hex[-12:]}.", session=1.5)


if __name__ == "__main__":
    asyncio.run(guard(Path(sys.argv[1])))

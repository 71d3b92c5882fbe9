"""The product itself, started as a person starts it: a process on a port, data in a folder of its own."""

import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, Signals
from typing import Any

import httpx

from all_in_one.services import SERVICES
from engine.business_day import BUSINESS_DAY
from engine.views import group_of

PATIENCE = 120.0
START = "distributed" if os.environ.get("KEHU_JOURNEYS") == "distributed" else "up"
"""How the product is started: all of it in one process, or each service as processes of its own."""


CONSUMERS = {
    (s.name, group)
    for s in SERVICES
    for group in (
        *map(group_of, (*s.views, BUSINESS_DAY)),
        *(f"reaction:{r.name}" for r in s.reactions),
        *(f"timer:{t.name}" for t in s.timers),
    )
}
"""Service and group of each."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: by itself each reads the machine's certificates, which takes longer than a request."""
PORTS = range(10_000, 32_000)
"""Below those that systems give to whoever connects: nobody is given ours between two starts."""


def free_port() -> int:
    """A port on which nobody listens."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Kehu:
    """One running Kehu; `client` speaks to it as admin."""

    folder: Path
    data: str = "test"
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    kafka: str | None = None
    """Address of the cluster it meets on, under a namespace of its own; "": it starts one; None: the database alone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it and wait for the first answer; the seconds that took."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "all_in_one", START, "--port", str(self.port), "--data", self.data]
        with (self.folder / "kehu.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment
            )
        while time.perf_counter() - began < PATIENCE:
            assert self.process.poll() is None, f"it stopped: {self.log()}"
            try:
                httpx.get(f"{self.url}/health/live", verify=NO_TLS).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return time.perf_counter() - began
        raise AssertionError(f"no answer within {PATIENCE} s: {self.log()}")

    @property
    def environment(self) -> Mapping[str, str]:
        """What it and the commands typed beside it are told."""
        if self.kafka is None:
            return os.environ
        if not self.kafka:
            return {**os.environ, "KEHU_BUS__KIND": "kafka"}
        return {**os.environ, "KEHU_BUS__KIND": "kafka", "KEHU_KAFKA__BOOTSTRAP": self.kafka,
                "KEHU_KAFKA__NAMESPACE": f"{self.data}-{self.port}."}  # fmt: skip

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.signal(SIGINT)
        return self.process.wait(PATIENCE)

    def signal(self, number: Signals) -> None:
        """Send a signal to the process."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def cluster(self) -> Path:
        """The folder of its database, wherever a user that may run one can reach it."""
        asked = self.folder / ".kehu" / self.data / "postgresql"
        moved = asked / "LOCATION.txt"
        return Path(moved.read_text().strip().rpartition(" is in ")[2] if moved.exists() else asked) / "cluster"

    def database(self, service: str) -> dict[str, Any]:
        """What to connect to for a look into the database of a service."""
        lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        return {"host": lines[4], "port": int(lines[3]), "user": "postgres", "database": f"kehu_{service}"}

    def database_url(self, service: str) -> str:
        found = self.database(service)
        return f"postgresql://{found['user']}@/{found['database']}?host={found['host']}"

    def kill(self) -> None:
        """End it as a power cut would, if it still runs; its database server ends with it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def log(self) -> str:
        """The end of what it said, on the terminal and in its log file."""
        places = (self.folder / "kehu.log", self.folder / ".kehu" / self.data / "kehu.log")
        return "\n".join(p.read_text()[-3000:] for p in places if p.exists())

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The `kehu` command."""
        command = [sys.executable, "-m", "all_in_one", *arguments]
        return subprocess.run(
            command, check=False, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=self.environment,
        )  # fmt: skip

    def remove(self) -> None:
        """Its data, also where that lies outside the test's own folder because we are root."""
        self.kill()
        shutil.rmtree(self.cluster.parent, ignore_errors=True)

    def client(self, role: str = "admin") -> httpx.Client:
        headers = {"Authorization": f"Bearer dev-{role}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=NO_TLS)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON answer as admin."""
        with self.client() as client:
            answer = client.get(path, params=parameters)
        assert answer.status_code == 200, f"{path} {parameters}: {answer.status_code} {answer.text}"
        return answer.json()

    def settled(self) -> Mapping[str, Any]:
        """Wait until every consumer has folded what is stored: seen twice, for services are looked at in turn."""
        until, behind, before = time.perf_counter() + PATIENCE, list[str](), list[Any]()
        while time.perf_counter() < until:
            answer = httpx.get(f"{self.url}/health/ready", timeout=30, verify=NO_TLS)
            health: Mapping[str, Any] = answer.json()
            behind, heads = lagging(health), [s["position"] for s in health["services"].values()]
            if not behind and heads == before:
                return health
            before = [] if behind else heads
            time.sleep(0.05)
        raise AssertionError(f"still behind: {behind}")


def lagging(health: Mapping[str, Any]) -> list[str]:
    """Who lies behind, or has yet to begin and is not even listed."""
    found = {
        (name, group): c["events"] for name, s in health["services"].items() for group, c in s["consumers"].items()
    }
    return [f"{name}/{group}" for name, group in sorted(CONSUMERS | found.keys()) if found.get((name, group), 1)]


@contextmanager
def company(folder: Path, data: str = "test", kafka: str | None = None) -> Iterator[Kehu]:
    """A new company's Kehu, running; at the end it stops cleanly, and its database goes with it."""
    kehu = Kehu(folder, data, kafka=kafka)
    try:
        kehu.start()
        yield kehu
        assert kehu.stop() == 0, kehu.log()
    finally:
        kehu.remove()

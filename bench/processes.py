"""Servers as processes of their own, started, waited for, stopped; what they hold in memory."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import MappingProxyType

from bench.requests import Connection

PATIENCE = 60.0
PORTS = range(10_000, 32_000)


@dataclass
class Process:
    """A server on `port`; `took` seconds from its start to its first answer."""

    port: int
    popen: "subprocess.Popen[bytes]"
    took: float = 0.0

    @property
    def mib(self) -> float:
        """Resident memory of the process itself."""
        pages = int(Path(f"/proc/{self.popen.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def most_mib(self) -> float:
        """The most it ever was."""
        return most_mib(self.popen.pid)

    @property
    def busy(self) -> float:
        """Seconds of processor time it took so far."""
        return busy(self.popen.pid)


def most_mib(pid: int) -> float:
    """The most a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    (most,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(most.split()[1]) / 2**10


def busy(pid: int) -> float:
    """Seconds of processor time a process took so far, and those it has waited for when they ended; 0 if it ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def serving(
    module: str,
    *arguments: str,
    cwd: Path | None = None,
    path: str = "/health/live",
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Process]:
    """``python -m module ARGUMENTS``, in which ``{port}`` is the port, answering at `path`; Ctrl-C at the end."""
    port = _free_port()
    command = [sys.executable, "-m", module, *(a.format(port=port) for a in arguments)]
    began = perf_counter()
    popen = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**environment(), **{name: value.format(port=port) for name, value in settings.items()}},
    )
    try:
        found = Process(port, popen)
        await _answers(found, path)
        found.took = perf_counter() - began
        yield found
    finally:
        popen.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            popen.wait(PATIENCE)
        popen.kill()


def environment() -> dict[str, str]:
    """Ours, with this tree found from any folder."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


async def _answers(process: Process, path: str) -> None:
    until = perf_counter() + PATIENCE
    while perf_counter() < until:
        if process.popen.poll() is not None:
            raise RuntimeError((process.popen.stderr.read() if process.popen.stderr else b"").decode()[-2000:])
        with suppress(OSError, asyncio.IncompleteReadError):
            connection = await Connection.to(process.port)
            status, _ = await connection.ask("GET", path, {"Authorization": "Bearer dev-admin"})
            connection.close()
            if status == 200:
                return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"no answer on {path} within {PATIENCE:.0f} s")


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

"""Processes of our own: started, waited for, stopped in order."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import httpx

from chassis.settings import handed_down
from engine.embedded import end_with

START, LOOK, GRACE = 120.0, 0.05, 6.0
"""Seconds a process has for its first answer; between two looks; and to end when it is told to. What is at work ends
within a second; one that hangs loses nothing by being killed."""


class NoStart(Exception):
    """A process ended before it answered, or never did; the sentence says which, and where it says why."""


@dataclass
class Process:
    """A module of ours run on `port`, with `environment` beside ours."""

    name: str
    module: str
    role: str
    port: int
    log: Path
    environment: dict[str, str] = field(repr=False)
    running: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Of the one that runs now."""
        return self.running.pid if self.running else None

    async def again(self) -> None:
        """Start it; it dies with us, however we die. What it has to say to people goes where ours goes."""
        self.running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self.module, self.role,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            stderr=sys.stderr.fileno(),
            env=handed_down(**self.environment, KEHU_HTTP__PORT=str(self.port)),
            start_new_session=True,  # Ctrl-C is for us: what stops when is ours to say
            preexec_fn=end_with(os.getpid()),
        )  # fmt: skip

    def ended(self) -> int | None:
        """How it ended, if it did."""
        return self.running.returncode if self.running else None

    async def answers(self) -> None:
        """Wait for its first answer. Raises NoStart."""
        until = monotonic() + START
        async with httpx.AsyncClient(trust_env=False) as client:
            while monotonic() < until:
                if self.running is None or self.running.returncode is not None:
                    raise NoStart(f"{self.name} ended before it answered; see {self.log}")
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"{self.url}/health/live", timeout=2)
                    return
                await asyncio.sleep(LOOK)
        raise NoStart(f"{self.name} did not answer within {START:g} s; see {self.log}")

    async def end(self) -> None:
        """SIGTERM; SIGKILL where it takes too long."""
        running = self.running
        if running is None or running.returncode is not None:
            return
        running.terminate()
        try:
            await asyncio.wait_for(running.wait(), GRACE)
        except TimeoutError:
            running.kill()
            await running.wait()


@asynccontextmanager
async def ending(processes: Sequence[Process]) -> AsyncIterator[None]:
    """Those of `processes` that run are ended with the block."""
    try:
        yield
    finally:
        await asyncio.gather(*(process.end() for process in processes))


async def launched(processes: Sequence[Process]) -> None:
    """Start all of them."""
    for process in processes:
        await process.again()


async def answering(processes: Sequence[Process]) -> None:
    """Wait until all of them answer. Raises NoStart as soon as one does not."""
    await asyncio.gather(*(process.answers() for process in processes))

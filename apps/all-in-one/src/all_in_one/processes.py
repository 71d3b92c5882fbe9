"""Processes of our own: started, started again when they die, stopped in order."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import httpx

from chassis.settings import handed_down
from engine.embedded import end_with

SHORTEST, LONGEST = 0.5, 15.0
"""Seconds before one that died is started again; twice as many each time, unless it ran for long."""
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

    async def launch(self) -> None:
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


async def kept(process: Process, say: Callable[[str], None]) -> None:
    """Start it again whenever it dies, after a pause that grows while it does so soon."""
    pause = SHORTEST
    while process.running is not None:
        began = monotonic()
        code = await process.running.wait()
        ran = monotonic() - began
        pause = SHORTEST if ran > LONGEST else pause
        say(f"{process.name} died ({told(code)}) after {ran:.0f} s; it is started again in {pause:g} s: {process.log}")
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST)
        await process.launch()


def told(code: int) -> str:
    """How a process ended."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


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
        await process.launch()


async def answering(processes: Sequence[Process]) -> None:
    """Wait until all of them answer. Raises NoStart as soon as one does not."""
    await asyncio.gather(*(process.answers() for process in processes))


@asynccontextmanager
async def kept_running(processes: Sequence[Process], say: Callable[[str], None]) -> AsyncIterator[None]:
    """While the block lasts one of `processes` that dies is started again, and that is said."""
    watching = [asyncio.create_task(kept(process, say), name=process.name) for process in processes]
    try:
        yield
    finally:
        for watch in watching:
            watch.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

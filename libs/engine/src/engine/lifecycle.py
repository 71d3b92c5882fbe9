"""Workers: started together, started again when they fail, stopped cleanly within a bound."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Literal, Protocol

from engine import clock
from engine.faults import Halted, Unreachable, described

log = logging.getLogger("kehu.lifecycle")

AGAIN = 60.0
"""Seconds after which it is said again that something is still away."""
LOOK = 0.5
"""Seconds between two looks of who halted whether it is to start again."""

Asked = Callable[[str], Awaitable[int]]
"""How often a worker was to be started again, by whomever."""

State = Literal["new", "running", "waiting", "halted", "stopped"]


class Worker(Protocol):
    """Something that runs until it is told to stop."""

    @property
    def name(self) -> str:
        """Under this name it appears in health and logs."""
        ...

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`. Halted means that a person is needed; any other exception: start me again."""
        ...


async def unless_stopped(stop: asyncio.Event, wait: Awaitable[object]) -> None:
    """Wait for `wait`, but not beyond `stop`."""
    waits = asyncio.ensure_future(wait), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


@dataclass(slots=True)
class Status:
    """How a worker is: `waiting` to be started again, `halted` until a person has acted and restarts it."""

    state: State = "new"
    restarts: int = 0
    error: str | None = None
    since: datetime | None = None


@dataclass(slots=True)
class Tried:
    """Tells what a worker failed with. That something is away is a line a minute, not a traceback for each try."""

    worker: str
    said: str = ""
    at: float = -AGAIN

    def failed(self, error: Exception) -> str:
        """Tell it; the sentence that is kept."""
        if not isinstance(error, Unreachable):
            log.error("%s failed", self.worker, exc_info=error)
            return described(error)
        if str(error) != self.said or monotonic() - self.at >= AGAIN:
            self.said, self.at = str(error), monotonic()
            log.warning("%s: %s; it is tried again", self.worker, error)
        return str(error)


class Supervisor:
    """Runs workers side by side. One that fails is started again after a growing pause; one that halts stays down."""

    def __init__(
        self, workers: Sequence[Worker], asked: Asked | None = None, *, shortest: float = 0.2, longest: float = 15.0
    ) -> None:
        self._workers, self._asked = list(workers), asked or _never
        self._status = {w.name: Status() for w in workers}
        if len(self._status) != len(self._workers):
            raise ValueError("two workers have the same name")
        self._shortest, self._longest = shortest, longest
        self._stop = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again = {w.name: asyncio.Event() for w in workers}

    async def start(self) -> None:
        """Start all; returns when each has had its first turn."""
        for worker in self._workers:
            self._tasks[worker.name] = asyncio.create_task(self._supervise(worker), name=worker.name)
        await asyncio.sleep(0)

    def status(self) -> Mapping[str, Status]:
        """How each worker is, by name."""
        return dict(self._status)

    def ready(self) -> bool:
        """Whether all of them are at work."""
        return all(s.state == "running" for s in self._status.values())

    async def restart(self, name: str) -> None:
        """Start a worker that halted, after a person has acted. Raises KeyError."""
        again = self._again[name]
        if self._status[name].state == "halted":
            again.set()

    async def stop(self, within: float = 10.0) -> Sequence[str]:
        """Ask all to stop, and cut off those that take longer than `within` seconds; their names."""
        self._stop.set()
        if not self._tasks:
            return ()
        _, late = await asyncio.wait(self._tasks.values(), timeout=within)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=2)
            log.warning("cut off: %s", ", ".join(sorted(t.get_name() for t in late)))
        return sorted(t.get_name() for t in late)

    async def _supervise(self, worker: Worker) -> None:
        status, pause, tried = self._status[worker.name], self._shortest, Tried(worker.name)
        while not self._stop.is_set():
            began = asyncio.get_running_loop().time()
            self._is(status, "running")
            try:
                await worker.run(self._stop)
            except Halted as halted:
                log.critical("%s halted: %s", worker.name, halted)
                status.error = str(halted)
                if not await self._started_again(worker.name, status):
                    return None
                continue
            except Exception as error:
                status.error, status.restarts = tried.failed(error), status.restarts + 1
            else:
                if not self._stop.is_set():
                    log.warning("%s ended by itself", worker.name)
            if asyncio.get_running_loop().time() - began > self._longest:
                pause = self._shortest
            self._is(status, "waiting")
            await self._wait(pause)
            pause = min(pause * 2, self._longest)
        return self._is(status, "stopped")

    async def _started_again(self, name: str, status: Status) -> bool:
        """Wait until a person wants it, here or in another process; False: we stop. Whoever sees it halted is heard."""
        before = await self._times_asked(name)
        self._again[name].clear()
        self._is(status, "halted")
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(unless_stopped(self._stop, self._again[name].wait()), LOOK)
            if self._again[name].is_set():
                return True
            times = await self._times_asked(name)
            before = times if before is None else before
            if times is not None and before is not None and times > before:
                return True
        return False

    async def _times_asked(self, name: str) -> int | None:
        """None: nobody can say now."""
        try:
            return await self._asked(name)
        except Exception as error:
            log.warning("%s: whether it is to start again is not known: %s", name, described(error))
            return None

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _is(self, status: Status, state: State) -> None:
        status.state, status.since = state, clock.now()


async def _never(_: str) -> int:
    return 0

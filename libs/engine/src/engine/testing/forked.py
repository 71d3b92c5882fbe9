"""Processes to be stopped and killed: one that has imported everything forks a real one for each job it is told.

An interpreter with all of Kehu takes a second or two to start, a fork takes milliseconds. A module M that ends with
``obey({"job": job, ...})`` is for tests that say ``with forking("-m", "M") as fork`` and then ``fork("job", ...)``.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

PATIENCE = 60.0
"""Seconds a test waits for what it can see coming: generous, a loaded machine takes its time."""

Job = Callable[..., Awaitable[None]]
Told = Mapping[str, Any]
_MINE: list[int] = []


def obey(jobs: Mapping[str, Job]) -> None:
    """Fork a process for each line of stdin: number, job, arguments. At the end of stdin all of them are killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        number, name, *arguments = orjson.loads(line)
        if os.fork() == 0:
            _do(number, jobs[name], arguments)
    os.killpg(0, signal.SIGKILL)


def say(word: str, **more: Any) -> None:
    """Tell the test."""
    os.write(1, orjson.dumps([_MINE[0], word, {"pid": os.getpid(), **more}]) + b"\n")  # one write: lines stay whole


def stop_here(word: str, **more: Any) -> None:
    """Tell the test, and stop as SIGSTOP does, until SIGCONT or SIGKILL."""
    say(word, **more)
    signal.raise_signal(signal.SIGSTOP)


def _do(number: int, job: Job, arguments: list[Any]) -> None:
    _MINE[:] = [number]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        say("begun")
        asyncio.run(_told(job, arguments))
        say("done")
    except BaseException:
        say("failed", why=traceback.format_exc()[-2500:])
    finally:
        os._exit(0)


async def _told(job: Job, arguments: list[Any]) -> None:
    """Do the job; asked by SIGUSR1, say what each task is waiting for."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _say_where)
    await job(*arguments)


def _say_where() -> None:
    say("waits", tasks={t.get_name(): list(_frames(t.get_coro())) for t in asyncio.all_tasks()})


def _frames(awaited: Any) -> Iterator[str]:
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        yield f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        awaited = awaited.cr_await


@dataclass
class Process:
    """One that was forked. `told`: what it said so far."""

    job: str
    told: list[tuple[str, Told]] = field(default_factory=list)

    async def said(self, word: str, times: int = 1) -> Told:
        """What it said with `word` for the n-th time. Raises AssertionError when it failed, or does not say so."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if len(found := [more for said, more in self.told if said == word]) >= times:
                return found[times - 1]
            failed = [more["why"] for said, more in self.told if said == "failed"]
            assert not failed, f"{self.job} failed: {failed}"
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.job} did not say {word!r} in {PATIENCE:.0f} s: {await self._waits()}")
            await asyncio.sleep(0.005)

    async def _waits(self) -> Sequence[tuple[str, Told]]:
        """What it said so far, and last what its tasks are waiting for."""
        if begun := [more["pid"] for said, more in self.told if said == "begun"]:
            with suppress(ProcessLookupError):
                os.kill(begun[0], signal.SIGUSR1)
                await asyncio.sleep(2)
        return self.told

    def heard(self, word: str) -> bool:
        """Whether it said `word`."""
        return any(said == word for said, _ in self.told)

    async def signal(self, number: signal.Signals) -> None:
        """Send it a signal; returns at once."""
        os.kill((await self.said("begun"))["pid"], number)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        pid = (await self.said("begun"))["pid"]
        assert not any(map(self.heard, ("done", "failed"))), f"{self.job} ended by itself: {self.told}"
        deadline = time.monotonic() + PATIENCE
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.002)
        assert time.monotonic() < deadline, f"{self.job} does not die"


@dataclass
class Fork:
    """``fork(job, ...)`` forks a process that does it."""

    parent: "subprocess.Popen[bytes]"
    processes: list[Process] = field(default_factory=list)

    def __call__(self, job: str, *arguments: Any) -> Process:
        process = Process(f"{job} {arguments}")
        self.processes.append(process)
        assert self.parent.stdin is not None
        self.parent.stdin.write(orjson.dumps([len(self.processes) - 1, job, *arguments]) + b"\n")
        self.parent.stdin.flush()
        return process

    def listen(self) -> None:
        """Until the last process is gone."""
        assert self.parent.stdout is not None
        for line in self.parent.stdout:
            number, word, more = orjson.loads(line)
            self.processes[number].told.append((word, more))


@contextmanager
def forking(*python: str) -> Iterator[Fork]:
    """A Python process, started with these arguments, that obeys; at the end it and all it forked are killed."""
    command = [sys.executable, *python]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
    fork = Fork(parent)
    listener = threading.Thread(target=fork.listen, name="forked")
    listener.start()
    try:
        yield fork
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait(PATIENCE)
        listener.join(PATIENCE)
        for pipe in (parent.stdin, parent.stdout):
            if pipe is not None:
                pipe.close()

"""Processes of our own: one that dies is started again and that is said; none is left behind."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from all_in_one.keeping import kept_up
from all_in_one.processes import NoStart, Process, answering, ending, launched
from chassis.run import bound
from engine.embedded import alive, until


def web(folder: Path) -> Process:
    """Something that answers on a port: Python's own server of files."""
    with bound("127.0.0.1", 0, "") as door:
        port = int(door.getsockname()[1])
    return Process("credit-api", "http.server", str(port), port, folder / "credit-api.log", {})


def stopped(pid: int | None) -> bool:
    """Whether it hears nothing any more: one that is told to end before that may end."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def test_one_that_is_killed_is_started_again_and_said_and_none_is_left_at_the_end(tmp_path: Path) -> None:
    process, said = web(tmp_path), list[str]()
    async with ending([process]):
        await launched([process])
        await answering([process])
        first = process.pid
        assert first is not None
        async with kept_up([process], said.append):
            process.running.send_signal(signal.SIGKILL)  # type: ignore[union-attr]
            assert await until(lambda: process.pid != first, 20)
            await answering([process])
        second = process.pid
    assert len(said) == 1
    assert re.search(r"credit-api died \(signal 9\) after \d+ s; it is started again in 0.5 s", said[0])
    assert str(process.log) in said[0]
    assert second is not None
    assert not alive(first)
    assert not alive(second)


async def test_one_that_ends_before_it_answers_stops_the_start_and_is_named(tmp_path: Path) -> None:
    process = web(tmp_path)
    process.role = "no port"
    async with ending([process]), asyncio.timeout(30):
        await launched([process])
        with pytest.raises(NoStart, match=r"credit-api ended before it answered; see .*credit-api\.log"):
            await answering([process])


async def test_one_that_hangs_is_killed_when_its_time_to_end_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("all_in_one.processes.GRACE", 0.5)
    process = web(tmp_path)
    async with asyncio.timeout(30):
        async with ending([process]):
            await launched([process])
            await answering([process])
            process.running.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
            assert await until(lambda: stopped(process.pid), 20)
    assert process.running is not None
    assert process.running.returncode == -signal.SIGKILL

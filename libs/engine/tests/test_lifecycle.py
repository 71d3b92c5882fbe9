"""Workers are started again when they fail, stay down when they halt, and stop within a bound."""

import asyncio
from dataclasses import dataclass

import pytest

from engine.faults import Halted, Unreachable
from engine.lifecycle import LOOK, Supervisor
from engine.restarts import Restarts
from engine.store import PostgresStore
from engine.testing.running import eventually


@dataclass
class Scripted:
    """Fails as told, then works."""

    name: str
    failures: list[Exception]
    stubborn: bool = False
    starts: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        self.starts += 1
        if self.failures:
            raise self.failures.pop(0)
        await (asyncio.sleep(60) if self.stubborn else stop.wait())


async def test_a_worker_that_fails_is_started_again() -> None:
    worker = Scripted("w", [ValueError("Zhang San"), OSError()])
    supervisor = Supervisor([worker], shortest=0.01)
    await supervisor.start()
    await eventually(lambda: running(supervisor, worker, 3))
    status = supervisor.status()["w"]
    assert (status.restarts, status.error) == (2, "builtins.OSError")
    assert await supervisor.stop() == []
    assert supervisor.status()["w"].state == "stopped"


async def test_that_something_is_away_is_said_in_a_line_a_minute_and_not_by_a_traceback_for_each_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = [Unreachable("Kafka cannot be reached") for _ in range(5)]
    worker = Scripted("feeder", [*away, Unreachable("Kafka refuses us")])
    supervisor = Supervisor([worker], shortest=0.001)
    await supervisor.start()
    await eventually(lambda: running(supervisor, worker, 7))
    assert [record.getMessage() for record in caplog.records if record.name == "kehu.lifecycle"] == [
        "feeder: Kafka cannot be reached; it is tried again",
        "feeder: Kafka refuses us; it is tried again",
    ]
    assert not any(record.exc_info for record in caplog.records)
    assert supervisor.status()["feeder"].error == "Kafka refuses us"
    await supervisor.stop()


async def running(supervisor: Supervisor, worker: Scripted, starts: int) -> bool:
    return worker.starts == starts and supervisor.ready()


async def test_one_that_halts_stays_down_until_a_person_restarts_it_and_the_others_go_on() -> None:
    halting, other = Scripted("h", [Halted("update first")]), Scripted("o", [])
    supervisor = Supervisor([halting, other], shortest=0.01)
    await supervisor.start()
    await asyncio.sleep(0.1)
    assert (halting.starts, supervisor.status()["h"].state, supervisor.status()["h"].error) == (
        1,
        "halted",
        "update first",
    )
    assert supervisor.status()["o"].state == "running"
    assert not supervisor.ready()
    await supervisor.restart("h")
    await eventually(lambda: running(supervisor, halting, 2))
    await supervisor.stop()


async def test_one_that_halted_starts_again_when_another_process_asked_for_it_after_it_halted(
    store: PostgresStore,
) -> None:
    asked, halting = Restarts(store.database), Scripted("h", [Halted("update first"), Halted("still")])
    await asked.ask("h")  # for a halt before this one
    supervisor = Supervisor([halting], asked.asked)
    await supervisor.start()
    await eventually(lambda: has(supervisor, "halted"))
    await asyncio.sleep(2 * LOOK)
    assert halting.starts == 1
    await asked.ask("h")
    await eventually(lambda: has(supervisor, "halted", halting, 2))
    await asked.ask("h")
    await eventually(lambda: running(supervisor, halting, 3))
    await supervisor.stop()


async def has(supervisor: Supervisor, state: str, worker: Scripted | None = None, starts: int = 1) -> bool:
    return supervisor.status()["h"].state == state and (worker is None or worker.starts == starts)


async def test_stopping_takes_no_longer_than_it_may() -> None:
    supervisor = Supervisor([Scripted("stubborn", [], stubborn=True), Scripted("good", [])])
    await supervisor.start()
    async with asyncio.timeout(10):
        assert await supervisor.stop(0.1) == ["stubborn"]


def test_two_workers_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Supervisor([Scripted("a", []), Scripted("a", [])])

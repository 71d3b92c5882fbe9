"""How often one may ask: windows that end, and nothing kept of those that have."""

import threading

import pytest

from chassis import pace
from chassis.pace import Counters, Pace
from chassis.problems import Problem


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(pace, "time", found)
    return found


def test_a_window_counts_until_it_ends_and_then_anew(clock: Clock) -> None:
    held = Counters()
    assert [held.incr("a", 10) for _ in range(3)] == [1, 2, 3]
    assert held.get("a") == 3
    assert held.get_expiry("a") == clock.now + 10
    clock.now += 10
    assert held.get("a") == 0
    assert held.incr("a", 10) == 1
    held.clear("a")
    assert held.get("a") == 0


def test_windows_that_are_over_are_forgotten_whoever_asks_next(clock: Clock) -> None:
    held = Counters()
    for n in range(1_000):
        held.incr(f"address {n}", 10)
    clock.now += pace.SWEEP + 1
    held.incr("another", 10)
    assert len(held) == 1


def test_counting_requests_started_a_thread_every_hundredth_of_a_second() -> None:
    before = threading.active_count()
    asked = Pace("100/minute", "100/minute")
    for _ in range(100):
        asked.asked("zhao")
    assert threading.active_count() == before
    with pytest.raises(Problem):
        asked.asked("zhao")

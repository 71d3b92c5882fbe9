"""What `kehu status` and `kehu doctor` make of what processes say, or do not say."""

from typing import Any

import pytest

from all_in_one.commands.operating import unpublished, unwell
from all_in_one.doctor import services

WELL: dict[str, Any] = {"store": "up", "consumers": {}, "broken_timers": 0, "halted": [], "silent": []}
RELAY: dict[str, Any] = {"works": True, "seconds": 0.0, "events": 0}


def test_an_api_that_is_away_is_named_and_its_database_is_not_blamed() -> None:
    away = {**WELL, "store": "down", "silent": ["api"]}
    [told] = unwell("credit", away)
    assert told == "credit: its api process does not answer; see its log, start it again (credit_svc api)"
    assert [f.what for f in services.stores("credit", away)] == ["credit: its api process does not answer"]
    [blamed] = unwell("credit", {**WELL, "store": "down"})
    assert "its database does not answer" in blamed


def test_a_worker_process_that_is_away_is_named_before_anything_lies_behind() -> None:
    [told] = unwell("credit", {**WELL, "silent": ["worker"]})
    assert told.startswith("credit: its worker process does not answer")


@pytest.mark.parametrize(
    ("relay", "says"),
    [
        (RELAY, None),
        ({"works": None}, None),  # nothing is published, and nothing has to be
        ({**RELAY, "seconds": 44.0, "events": 3}, "credit: 3 events have waited 44 s to be published: does Kafka run?"),
        ({**RELAY, "works": False}, "credit: nobody publishes its events to Kafka"),
    ],
)
def test_events_that_kafka_does_not_take_are_no_longer_all_is_well(relay: dict[str, Any], says: str | None) -> None:
    told = list(unpublished("credit", relay))
    assert told == [] if says is None else told[0].startswith(says)


def test_the_doctor_finds_what_has_halted_in_a_process_of_its_own() -> None:
    here = [{"name": "view:holds", "state": "halted"}, {"name": "view:accounts", "state": "elsewhere"}]
    [found] = services.elsewhere("credit", ["view:holds", "view:accounts"], here)
    assert (found.state, found.what) == ("wrong", "credit: view:accounts has halted in its worker process")

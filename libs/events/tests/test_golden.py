"""What was published stays readable and says the same: a golden file for each event type and version."""

import json
from pathlib import Path

import pytest

from events.base import Event
from events.registry import ALL, UnknownVersion, event_class
from events.upcasts import UPCASTS, upcast

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def parts(path: Path) -> tuple[str, int]:
    """``credit.Allocated.v1.json`` -> credit.Allocated, 1."""
    name, _, version = path.stem.rpartition(".v")
    return name, int(version)


@pytest.mark.parametrize("event", ALL, ids=lambda e: e.qualified())
def test_each_version_of_an_event_has_a_golden_file(event: type[Event]) -> None:
    known = {parts(path) for path in FILES}
    missing = [v for v in range(1, event.version + 1) if (event.type, v) not in known]
    assert not missing, f"run libs/events/tests/write_golden.py for {event.qualified()}; missing: {missing}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_what_was_published_loads_in_todays_shape(path: Path) -> None:
    name, version = parts(path)
    published = json.loads(path.read_text("utf-8"))
    event = event_class(name).model_validate_json(json.dumps(upcast(name, version, dict(published))))
    assert event.type == name
    if version == event.version:
        assert json.loads(event.model_dump_json()) == published, "a published event has changed its shape"


def test_no_golden_file_is_of_an_event_nobody_knows() -> None:
    assert {parts(path)[0] for path in FILES} <= {event.type for event in ALL}


def test_each_old_version_has_an_upcast() -> None:
    assert {(e.type, v) for e in ALL for v in range(1, e.version)} <= set(UPCASTS)


def test_upcasts_are_applied_in_a_chain() -> None:
    steps = {
        ("company.DayOpened", 0): lambda d: {**d, "previous": None},
        ("company.DayOpened", -1): lambda d: {"day": d["on"]},
    }
    assert upcast("company.DayOpened", -1, {"on": "2026-01-01"}, steps) == {"day": "2026-01-01", "previous": None}


def test_an_event_of_a_newer_writer_is_not_guessed() -> None:
    with pytest.raises(UnknownVersion, match="known to v1"):
        upcast("company.DayOpened", 2, {})
    with pytest.raises(UnknownVersion, match="no upcast"):
        upcast("company.DayOpened", 0, {})

"""The business date of an event that has none of its own."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from engine import ids
from engine.cache import Folded
from engine.decider import Actor, Facts
from engine.ports import Meta
from engine.runs import Asked, Run, plan
from engine.testing.sample_service import DECIDER, HOLDS, Drop

TODAY = date(2026, 3, 2)
SHANGHAI = timezone(timedelta(hours=8))


def effective(asserted: datetime | None) -> date:
    """Of a hold that is dropped today, as told by a sender who asserts that it was learned `asserted`."""
    meta = Meta("erp", ids.named("correlation"), asserted_recorded=asserted)
    asked = Asked(Drop(customer="C-1", order="O-1"), ids.named("drop"), meta, Actor("erp"))
    run = Run({"holds-C-1": Folded(0, HOLDS.initial)})
    run.decide(plan(asked, DECIDER, Facts(TODAY, datetime(2026, 3, 2, tzinfo=UTC), Actor("erp"))))
    (event,) = run.append().events
    return event.effective


def test_what_happens_now_is_effective_on_the_open_day() -> None:
    assert effective(None) == TODAY


@pytest.mark.parametrize(
    ("asserted", "day"),
    [(datetime(2024, 5, 1, tzinfo=SHANGHAI), date(2024, 5, 1)), (datetime(2030, 1, 1, tzinfo=SHANGHAI), TODAY)],
)
def test_imported_history_happened_when_it_was_learned_not_when_it_was_loaded(asserted: datetime, day: date) -> None:
    """Confirmations of three years all stood on the day of the import, on top of every timeline."""
    assert effective(asserted) == day

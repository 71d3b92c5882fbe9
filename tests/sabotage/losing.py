"""Guarantees of what is lost while Kehu runs, and comes back: logs that were restored, Kafka."""

from tests.sabotage.guarantee import Guarantee

ENGINE = "libs/engine/src/engine/"
CONSUMER = "libs/engine/tests/test_consumer.py::"
ONCE = CONSUMER + "test_after_a_restore_members_of_a_group_build_a_view_once_and_not_one_after_the_other"
BEYOND = CONSUMER + (
    "test_a_log_that_was_restored_without_a_new_life_halts_its_readers_before_they_take_new_events_for_seen"
)
AWAY = "test_that_something_is_away_is_said_in_a_line_a_minute_and_not_by_a_traceback_for_each_try"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "after a restore a view is built once, however many members its group has",
        ENGINE + "projector.py",
        "needed=partial(self._left_behind, topic)",
        "needed=None",
        (ONCE,),
    ),
    Guarantee(
        "rebuilds do not wait for each other's sessions",
        ENGINE + "database.py",
        "asyncio.Semaphore(max(1, size // 3))",
        "asyncio.Semaphore(1000)",
        (ONCE,),
        waits=True,
    ),
    Guarantee(
        "a position beyond the end of a log halts its reader",
        ENGINE + "consumer.py",
        "if t == topic and s.last > head.get(part, 0)}",
        "if t == topic and s.last > head.get(part, 0) + 9}",
        (BEYOND,),
        waits=True,
    ),
    Guarantee(
        "that Kafka is away is no line for each try",
        ENGINE + "lifecycle.py",
        "monotonic() - self.at >= AGAIN",
        "monotonic() - self.at >= 0",
        (f"libs/engine/tests/test_lifecycle.py::{AWAY}",),
    ),
)

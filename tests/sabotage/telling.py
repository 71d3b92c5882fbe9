"""Guarantees of telling others: states on their topic, and how far behind a reader is."""

from tests.sabotage.guarantee import Guarantee

ENGINE = "libs/engine/src/engine/"
KAFKA = ENGINE + "kafka/"
BUS = "libs/engine/tests/test_tablebus.py::"
STATES = "libs/engine/tests/test_kafka_states.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "how long a reader is behind is told from when the events were appended",
        ENGINE + "standing.py",
        "_earlier(before.since, behind.appended)",
        "_earlier(before.since, behind.recorded)",
        (BUS + "TestTableBus::test_history_of_an_initial_load_is_behind_since_it_was_appended_not_since_its_day",),
    ),
    Guarantee(
        "a state is read when nobody else can send any more",
        KAFKA + "states.py",
        "        await self._sender.ready()\n",
        "        await asyncio.sleep(0)\n",
        (STATES + "test_who_sends_has_shut_out_all_others_before_it_reads_what_it_tells",),
    ),
    Guarantee(
        "a state that changes with the day is told on that day",
        KAFKA + "states.py",
        "if day != turn.day else []",
        "if day is None else []",
        (STATES + "test_a_state_that_changes_with_the_day_is_told_when_it_opens_though_nothing_happens",),
        waits=True,
    ),
    Guarantee(
        "a state counts as told when it was acknowledged",
        KAFKA + "states.py",
        "        turn.position, turn.day = row[0], day\n",
        "        turn.position, turn.day = row[0], day\n        await self._move(turn)\n",
        (STATES + "test_what_was_not_acknowledged_is_told_again",),
        waits=True,
    ),
)

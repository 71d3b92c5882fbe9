"""The checker finds each kind of wrong in a history that has it, and nothing in one that has none."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.checker import Log, check
from tests.faults.history import History, Note, Recorder

GROUPS = {"view": ["credit"]}
AT = ("credit", 3)


def log(life: str = "one", upto: int = 6, marks: int = 100) -> Log:
    """Events 1 to 6, all of one part but the fourth."""
    made = Log(life)
    for position in range(1, upto + 1):
        made.add(position, ("credit", 7) if position == 4 else AT, marks + position, f"op{position}")
    return made


WRITER: Sequence[Note] = [
    *[("ask", f"op{n}") for n in range(1, 9)],
    *[("ok", f"op{n}", n) for n in range(1, 6)],
    ("unknown", "op6"),
    ("fail", "op7"),
]
RELAY: Sequence[Note] = [
    ("took", 1, 0, "one"),
    ("sent", "one", *AT, [1, 2, 3], [101, 102, 103]),
    ("sent", "one", "credit", 7, [4], [104]),
    ("moved", 1, 4),
    ("sent", "one", *AT, [5, 6], [105, 106]),
    ("moved", 1, 6),
]
READER: Sequence[Note] = [
    ("got", 1, "view", 5, "one", *AT, [0, 1, 2], [1, 2, 3], [101, 102, 103]),
    ("committing", 1, "view", "one", *AT, 0, [1, 2, 3]),
    ("got", 1, "view", 5, "one", *AT, [3, 5], [5, 6], [105, 106]),
    ("committed", 1),
    ("committing", 2, "view", "one", *AT, 3, [5, 6]),
    ("committing", 2, "view", "one", "credit", 7, 0, [4]),
    ("committed", 2),
]


def found(*processes: Sequence[Note], lives: Sequence[Log] = (), void: Sequence[str] = ()) -> list[str]:
    history = History(void=set(void))
    for n, said in enumerate(processes or (WRITER, RELAY, READER)):
        history.add(f"p{n}", said)
    return check(history, lives or [log()], GROUPS)


def changed(notes: Sequence[Note], number: int, *instead: Note) -> Sequence[Note]:
    """The notes with others instead of one."""
    return [*notes[:number], *instead, *notes[number + 1 :]]


def test_a_good_history_is_clean() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("instead", "wrong"),
    [
        (("ok", "op5", 9), "lost: op5 was acknowledged at 9, the log has it at [5]"),
        (("fail", "op5"), "refused and stored: op5 at 5"),
    ],
)
def test_an_append_told_otherwise_than_stored_is_found(instead: Note, wrong: str) -> None:
    assert found(changed(WRITER, 12, instead), RELAY, READER) == [wrong]


def test_an_acknowledged_append_that_is_missing_is_found() -> None:
    assert found([*WRITER, ("ok", "op8", 7)], RELAY, READER) == [
        "lost: op8 was acknowledged at 7, the log has it at []"
    ]


def test_what_a_restore_took_back_is_not_missing() -> None:
    assert found([*WRITER, ("ok", "op8", 7)], RELAY, READER, void=["op8"]) == []


def test_an_append_stored_twice_is_found() -> None:
    twice = log()
    twice.operations["op2"].append(3)
    assert "duplicated: op2 is in the log at [2, 3]" in found(WRITER, RELAY, READER, lives=[twice])


def test_an_append_nobody_asked_for_is_found() -> None:
    assert found([*WRITER[1:8], *WRITER[9:]], RELAY, READER) == ["never asked for: op1 is in the log"]


@pytest.mark.parametrize(
    ("instead", "wrong"),
    [
        (("sent", "one", *AT, [1, 3], [101, 103]), "skipped: a relay saw 1 of ('credit', 3) and then 3"),
        (("sent", "one", *AT, [2, 1, 3], [102, 101, 103]), "reordered: a relay saw 1"),
        (("sent", "one", *AT, [1, 2, 3], [101, 102, 999]), "seen but rolled back: a relay saw 3"),
        (("sent", "two", *AT, [1, 2, 3], [101, 102, 103]), "seen but rolled back: a relay saw a life two"),
        (("moved", 1, 0), "skipped: the cursor of epoch 1 passed [1, 2, 3] of ('credit', 3) unacknowledged"),
    ],
)
def test_what_a_relay_did_wrong_is_found(instead: Note, wrong: str) -> None:
    assert any(one.startswith(wrong) for one in found(WRITER, changed(RELAY, 1, instead), READER))


def test_a_cursor_that_passes_what_was_not_acknowledged_before_is_found() -> None:
    early = [RELAY[0], RELAY[3], *RELAY[1:3], *RELAY[4:]]
    assert any("passed [1, 2, 3]" in wrong for wrong in found(WRITER, early, READER))
    assert any("passed [1, 2, 3]" in wrong for wrong in found(WRITER, [RELAY[0], RELAY[3]], READER))


def test_a_cursor_that_goes_back_is_found() -> None:
    assert "went back: the cursor of epoch 1 from 6 to 2" in found(WRITER, [*RELAY, ("moved", 1, 2)], READER)


def test_two_relays_in_one_epoch_are_found() -> None:
    assert "two relays had the cursor in epoch 1" in found(WRITER, RELAY, RELAY, READER)


def test_a_relay_that_sends_again_what_was_sent_is_fine() -> None:
    again = [("took", 2, 0, "one"), *RELAY[1:3], ("moved", 2, 4), RELAY[4], ("moved", 2, 6)]
    assert found(WRITER, RELAY[:3], again, READER) == []


@pytest.mark.parametrize(
    ("instead", "wrong"),
    [
        (("got", 1, "view", 5, "one", *AT, [3], [6], [106]), "skipped: p2 view was told that 3 precedes 6"),
        (("got", 1, "view", 5, "one", *AT, [2, 3], [3, 5], [103, 105]), "went back: p2 view got 3"),
        (("got", 1, "view", 5, "one", *AT, [3, 5], [5, 6], [105, 7]), "seen but rolled back: p2 view saw 6"),
        (("got", 1, "view", 5, "one", *AT, [3, 6], [6, 5], [106, 105]), "reordered: p2 view saw 5"),
    ],
)
def test_what_was_delivered_wrongly_is_found(instead: Note, wrong: str) -> None:
    assert any(one.startswith(wrong) for one in found(WRITER, RELAY, changed(READER, 2, instead)))


def test_a_stretch_left_out_inside_a_delivered_batch_is_found() -> None:
    inside = ("got", 1, "view", 5, "one", *AT, [0, 1], [1, 3], [101, 103])
    assert any("inside one batch" in one for one in found(WRITER, RELAY, changed(READER, 0, inside)))


def test_who_seeks_or_gets_the_part_anew_may_read_it_again() -> None:
    again = ("got", 1, "view", 5, "one", *AT, [0, 1, 2], [1, 2, 3], [101, 102, 103])
    assert found(WRITER, RELAY, changed(READER, 2, again)) != []
    assert found(WRITER, RELAY, changed(READER, 2, ("sought", 1, *AT), again)) == []
    assert found(WRITER, RELAY, changed(READER, 2, (*again[:3], 6, *again[4:]))) == []


@pytest.mark.parametrize(
    ("notes", "wrong"),
    [
        (READER[:4], "lost: view ended at 3 of ('credit', 3), where the log goes on to 6"),
        (changed(READER, 3, ("refused", 1)), "lost: view in ('credit', 3) went on from 3"),
        ([*READER, ("committing", 3, "view", "one", *AT, 3, [5, 6]), ("committed", 3)], "duplicated: view in"),
        (changed(READER, 4, ("committing", 2, "view", "one", *AT, 3, [6])), "skipped: view in ('credit', 3)"),
        (changed(READER, 1, ("committing", 1, "view", "one", *AT, 0, [1, 3])), "skipped: view in ('credit', 3)"),
        (changed(READER, 1, ("committing", 1, "view", "one", *AT, 0, [2, 1, 3])), "reordered: view in"),
        ([*READER, ("committing", 3, "view", "x", *AT, 0, [1]), ("committed", 3)], "seen but rolled back: view"),
    ],
)
def test_what_was_committed_wrongly_is_found(notes: Sequence[Note], wrong: str) -> None:
    assert any(one.startswith(wrong) for one in found(WRITER, RELAY, notes)), found(WRITER, RELAY, notes)


def test_a_commit_whose_end_nobody_heard_of_may_have_happened_or_not() -> None:
    assert found(WRITER, RELAY, changed(READER, 3)) == []
    again = [("committing", 1, "view", "one", *AT, 0, [1, 2, 3]), ("committed", 1)]
    assert found(WRITER, RELAY, READER[:3], [*again, *READER[4:]]) == []


def test_a_state_built_again_for_another_life_may_go_on_further_ahead_but_nothing_is_committed_twice() -> None:
    lives, ahead = [log("zero"), log()], [("anew", "view"), *READER[4:]]
    assert found(WRITER, RELAY, ahead, lives=lives) == []
    assert found(WRITER, RELAY, ahead[1:], lives=lives) != []
    assert found(WRITER, RELAY, READER, ahead, lives=lives) != []
    assert found(WRITER, RELAY, ahead) != [], "in the first life nothing is built again"


def test_positions_given_out_again_in_another_life_are_other_events() -> None:
    lives = [log(), log("two", marks=200)]
    second = [
        (*n[:4], "two", *n[5:-1], [200 + p for p in n[-2]]) if n[0] == "got" else
        (*n[:3], "two", *n[4:]) if n[0] == "committing" else n for n in READER
    ]  # fmt: skip
    relay = [("took", 2, 0, "two"), ("sent", "two", *AT, [1, 2, 3], [201, 202, 203])]
    assert found(WRITER, RELAY, READER, relay, second, lives=lives) == []
    mixed = changed(second, 0, ("got", 1, "view", 5, "two", *AT, [0, 1, 2], [1, 2, 3], [101, 102, 103]))
    assert any("seen but rolled back" in one for one in found(WRITER, RELAY, READER, relay, mixed, lives=lives))


def test_what_is_written_is_read_but_for_a_line_cut_by_a_kill(tmp_path: Path) -> None:
    for name in ("before", "after"):
        recorder = Recorder(tmp_path / name)
        for note in [("ask", f"{name}-1"), ("ok", f"{name}-1", 3), ("ask", f"{name}-2"), ("ok", f"{name}-2", 4)]:
            recorder.note(*note)
        with (tmp_path / name).open("ab") as file:
            file.write(b'["ok","cut"')
    history = History.read([([tmp_path / "before"], 3), ([tmp_path / "after"], None)])
    assert history.void == {"before-2"}
    assert history.counts()["acknowledged"] == 4
    assert history.counts()["taken back"] == 1

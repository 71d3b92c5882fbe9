"""README's commands, typed one after the other into a fresh Kehu, answer what README prints."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.readme import Example, Terminal, differs, documents, examples, missing_line
from tests.journeys.running import Kehu, company

DATA = Path(os.environ.get("KEHU_DATA_SETS", Path(__file__).parents[3] / "shared" / "data")) / "classicmodels"
PATIENCE = 30.0
"""Seconds until what was asked for is seen everywhere; a person reads meanwhile."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("readme"),
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the tour is typed with curl 7.82 or later"),
]


@pytest.fixture
def kehu(tmp_path: Path) -> Iterator[Kehu]:
    with company(tmp_path, "tour") as running:
        yield running


def test_the_tour_answers_what_it_shows(kehu: Kehu) -> None:
    tour = examples("tour", "tour open")
    assert len(tour) > 10
    with Terminal(kehu.folder) as terminal, listening(kehu, tour) as heard:
        for example in tour:
            if example.kind == "tour open":
                patiently(partial(unheard, example.shown, heard))
            else:
                walk(terminal, kehu, example)
        patiently(partial(unheard, "event: AlertRetracted", heard))


@pytest.mark.parametrize("example", examples("tour"), ids=lambda e: e.commands[0][:50])
def test_a_pasted_example_that_asks_after_a_change_leaves_a_moment_in_between(example: Example) -> None:
    """Here every answer is waited for; pasted without a pause, "There is no order O-2." was what a reader saw."""
    changed = False
    for command in example.commands:
        assert not (changed and asks(command)), command
        changed = not command.startswith("sleep") and (changed or "--json" in command)


def asks(command: str) -> bool:
    return "localhost:8000/api/" in command and "--json" not in command


@pytest.mark.skipif(not DATA.is_dir(), reason=f"NO DATA: classicmodels is not at {DATA}; set KEHU_DATA_SETS")
def test_the_import_and_its_figures_are_what_it_shows(kehu: Kehu) -> None:
    with Terminal(kehu.folder) as terminal:
        for example in examples("data"):
            walk(terminal, kehu, example)


def walk(terminal: Terminal, kehu: Kehu, example: Example) -> None:
    """Type the commands of `example` and compare each answer with the one shown."""
    asking = [c for c in example.commands if c.startswith("curl")]
    if not asking:
        said = "".join(terminal.type(here(command, kehu)) for command in example.commands)
        assert missing_line(example.shown, said) is None, said
        return
    answers = iter(documents(example.shown))
    for command in example.commands:
        if command not in asking:
            terminal.type(command)
            continue
        expected = next(answers)
        look = partial(answered, terminal, here(command, kehu), expected)
        changes = "--json" in command
        problem = look() if changes else patiently(look)
        assert problem is None, f"{command}\n{problem}"
        if changes:  # a person reads before the next: credit-svc knows the day it decides about an order on
            kehu.settled()
    assert not list(answers), f"more is shown than asked: {example.shown}"


def answered(terminal: Terminal, command: str, expected: Any) -> str | None:
    """Where the answer to `command` differs from the one shown."""
    said = terminal.type(command)
    try:
        problem = differs(expected, json.loads(said))
    except json.JSONDecodeError:
        problem = "no JSON"
    return problem and f"{problem}: {said}"


def unheard(shown: str, heard: Callable[[], str]) -> str | None:
    return missing_line(shown, heard())


def here(command: str, kehu: Kehu) -> str:
    """`command` as typed against this Kehu, with this Python and this data set."""
    python, data = f"'{sys.executable}'", f"'{DATA}' --url {kehu.url}"
    return (
        command.replace("localhost:8000", f"127.0.0.1:{kehu.port}")
        .replace(".venv/bin/python", python)
        .replace("path/to/classicmodels", data)
    )


def patiently(look: Callable[[], str | None]) -> str | None:
    """What `look` still has to complain about when patience ends; None as soon as it has nothing."""
    deadline = time.perf_counter() + PATIENCE
    while (problem := look()) and time.perf_counter() < deadline:
        time.sleep(0.1)
    assert problem is None, problem
    return problem


@contextmanager
def listening(kehu: Kehu, tour: list[Example]) -> Iterator[Callable[[], str]]:
    """The other terminal, open from the first to the last command: what it has printed so far."""
    [example] = [e for e in tour if e.kind == "tour open"]
    [command] = example.commands
    log = kehu.folder / "stream.log"
    with log.open("wb") as out, subprocess.Popen(["bash", "-c", f"exec {here(command, kehu)}"], stdout=out) as process:
        try:
            yield log.read_text
        finally:
            process.kill()

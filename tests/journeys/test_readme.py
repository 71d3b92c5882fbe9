"""README's commands, typed one after the other into a fresh Kehu, answer what README prints."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.pages import DATA, here, patiently, walk
from tests.journeys.readme import Example, Terminal, examples, missing_line
from tests.journeys.running import Kehu, company

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


def unheard(shown: str, heard: Callable[[], str]) -> str | None:
    return missing_line(shown, heard())


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

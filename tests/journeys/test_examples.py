"""Every example of every operation is told to one running Kehu, in the order of their story."""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys import recorded
from tests.journeys.running import company
from tests.journeys.storytelling import Teller, Told, in_order, parts

PARTS = parts()
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples")]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Told]]:
    """On the bus the answers are recorded on: with a broker there are topics and offsets to show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEHU_BUS__KIND", "table")
        yield from played(tmp_path_factory.mktemp("examples"))


def played(folder: Path) -> Iterator[list[Told]]:
    with company(folder, "story") as kehu, kehu.client() as client:
        teller = Teller(client)
        yield [teller.tell(part, example) for part, example in in_order(PARTS)]


def test_every_example_is_answered_as_its_document_says(story: list[Told]) -> None:
    refused = [f"{told.name}: {told.status} {told.answer}" for told in story if told.status >= 300]
    assert refused == []
    wrong = {told.name: told.part.faults(told.example, told.status, told.answer) for told in story}
    assert {name: faults for name, faults in wrong.items() if faults} == {}


def test_the_answers_that_are_shown_have_the_fields_that_are_answered(story: list[Told]) -> None:
    for path, text in recorded.files(PARTS, story):
        if os.environ.get("WRITE"):
            path.write_text(text, encoding="utf-8")
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        new = list(difflib.unified_diff(recorded.shape(there), recorded.shape(text), path.name, "answered", n=1))
        assert new == [], "WRITE=1 make test ARGS=tests/journeys/test_examples.py && make docs WRITE=1"


def test_at_least_fifteen_operations_show_a_real_answer() -> None:
    shown = {(part.name, e.operation) for part in PARTS for e in part.examples if e.shown}
    assert len(shown) >= 15
    for part in PARTS:
        for name in (operation for service, operation in shown if service == part.name):
            told = part.operations[name]["responses"]["200" if "200" in part.operations[name]["responses"] else "202"]
            assert "example" in told["content"]["application/json"], name


def test_a_field_that_is_no_longer_answered_is_found_and_another_value_is_not() -> None:
    before = recorded.written({"id": "01-a", "items": [{"open": "1.00", "due": None}], "names": ["x"]})
    assert recorded.shape(before) == recorded.shape(before.replace("01-a", "02-b").replace("null", '"2030-01-07"'))
    assert recorded.shape(before) != recorded.shape(before.replace('"due"', '"due_on"'))
    assert recorded.shortened({"items": [{"a": 1}, {"a": 2}], "text": "x" * 101}, "...") == {
        "items": [{"a": 1}, "..."],
        "text": "x" * 100 + "…",
    }

"""A company says by its documents' source that it is the demo, which one, and of which edition."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from all_in_one.demo.begin import Demo
from all_in_one.demo.marker import EDITION, Marker
from all_in_one.home import Home
from chassis.runtime import Runtime

MARKER = Marker(7, date(2028, 2, 29), 0.5)
NOBODY: Sequence[Runtime] = ()


def test_the_source_says_all_that_the_documents_depend_on() -> None:
    assert Marker.of(MARKER.source) == MARKER


@pytest.mark.parametrize("source", ["erp", "//classicmodels", "/kehu/demo/", MARKER.source + "/more"])
def test_another_system_is_no_demo(source: str) -> None:
    assert Marker.of(source) is None


def test_a_company_of_another_edition_is_shown_and_does_not_go_on() -> None:
    other = Demo(NOBODY, replace(MARKER, edition=EDITION + 1))
    assert not other.lives
    assert (other.status().demo, other.status().state) == (True, "stopped")
    assert "make run DATA=demo2" in (other.status().problem or "")
    assert Demo(NOBODY, MARKER).lives


@pytest.mark.parametrize(("name", "demo"), [("demo", True), ("demo2", True), ("mine", False), ("tour", False)])
def test_a_folder_whose_name_begins_with_demo_is_wanted_to_be_one(name: str, demo: bool) -> None:
    assert Home.named(name).is_demo is demo

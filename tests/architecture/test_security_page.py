"""docs/security.md names tests: each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`((?:libs|services|apps|tests)/[\w./-]+\.py)::(test_\w+)`", PAGE)


def test_each_of_the_ten_risks_is_answered_and_shown() -> None:
    rows = re.findall(r"^\| (API\d+) .*$", PAGE, re.MULTILINE)
    assert rows == [f"API{n}" for n in range(1, 11)]
    assert all("::test_" in line for line in PAGE.splitlines() if line.startswith("| API"))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_it_names_is_there(file: str, name: str) -> None:
    assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)

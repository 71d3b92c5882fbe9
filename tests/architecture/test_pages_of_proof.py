"""docs/security.md and docs/reliability.md name tests: each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECURITY, RELIABILITY = ((ROOT / "docs" / f"{page}.md").read_text() for page in ("security", "reliability"))
NAMED = sorted(set(re.findall(r"`((?:libs|services|apps|tests)/[\w./-]+\.py)::(test_\w+)`", SECURITY + RELIABILITY)))


def test_each_of_the_ten_risks_is_answered_and_shown() -> None:
    rows = re.findall(r"^\| (API\d+) .*$", SECURITY, re.MULTILINE)
    assert rows == [f"API{n}" for n in range(1, 11)]
    assert all("::test_" in line for line in SECURITY.splitlines() if line.startswith("| API"))


def test_every_promise_of_reliability_is_shown() -> None:
    table = RELIABILITY.partition("## What is guaranteed")[2].partition("\n## ")[0]
    promises = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(promises) > 10
    assert all("::test_" in line for line in promises)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_it_names_is_there(file: str, name: str) -> None:
    assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)

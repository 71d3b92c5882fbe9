"""Each decision has a number of its own, in its file's name and its title, so that a number leads to one page."""

import re
from collections import Counter

from tests.architecture.tree import ROOT

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_no_two_decisions_have_one_number() -> None:
    counted = Counter(path.name.partition("-")[0] for path in DECISIONS)
    assert [number for number, times in counted.items() if times > 1] == []
    assert len(counted) > 30


def test_a_decision_is_called_by_the_number_of_its_file() -> None:
    for path in DECISIONS:
        titled = re.match(r"# (\d+)\. \S", path.read_text())
        assert titled, f"{path.name}: its first line is no title with a number"
        assert int(titled[1]) == int(path.name.partition("-")[0]), path.name

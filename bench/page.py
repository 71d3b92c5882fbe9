"""The page on performance holds the last run of each case, between two marks of its own."""

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def marks(case: str) -> tuple[str, str]:
    """The lines of the page between which the last run of `case` stands."""
    return f"<!-- last run of {case} -->", f"<!-- end of the last run of {case} -->"


def written(page: str, case: str, run: Sequence[str]) -> str:
    """`page` with the lines of `run` instead of the last run of `case`. Raises ValueError without one pair of marks."""
    begin, end = marks(case)
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ValueError(f"the page needs {begin} once and {end} once after it")
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    return "\n".join([f"{before}{begin}", "", *run, "", f"{end}{after}"])

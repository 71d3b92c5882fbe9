"""The tree keeps the laws, and each law's check tells a good sample from a bad one."""

import statistics

import pytest

from tests.architecture.laws import LAWS, Law
from tests.architecture.tree import SHIPPED, Source, length, sources

every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)


@every_law
def test_the_tree_keeps(law: Law) -> None:
    assert law.violations(sources()) == []


@every_law
def test_the_check_lets_a_good_sample_pass_and_a_bad_one_not(law: Law) -> None:
    assert law.violations([Source.of(*law.good)]) == []
    assert len(law.violations([Source.of(*law.bad)])) == 1


def test_functions_are_short() -> None:
    lengths = [length(f) for s in sources() if s.within(*SHIPPED) for f in s.functions]
    print(f"median function: {statistics.median(lengths)} lines of {len(lengths)}")  # noqa: T201 - shown with -s
    assert statistics.median(lengths) <= 7

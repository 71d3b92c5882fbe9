"""A run is told as it ended, also where it dies or hangs, and whatever else runs at the same time."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sabotage.child import Done, forked, run

pytestmark = pytest.mark.slow


class Deadly(str):
    """An argument that ends the process it is brought to with the code of tests that failed."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (1,)


def test_each_run_has_its_own_exit_code_however_many_end_at_the_same_time() -> None:
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda n: forked(sys.exit, n % 7), range(300)))
    assert codes == [n % 7 for n in range(300)]


def test_a_run_that_dies_before_it_begins_says_nothing_instead_of_what_the_one_before_it_said(tmp_path: Path) -> None:
    before = run(tmp_path, ["--version"], {})
    assert before.returncode == 0
    assert "pytest" in before.printed
    assert run(tmp_path, [Deadly()], {}) == Done(1, "")


def test_a_run_that_hangs_is_ended() -> None:
    assert forked(time.sleep, 600, patience=0.2) == -9

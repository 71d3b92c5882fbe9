"""Every test may ask for a database (see engine.testing.plugin); how many run at once is decided here."""

import os

import pytest

from engine.heap import look_seldom

pytest_plugins = ["engine.testing.plugin", "engine.testing.kafka"]


look_seldom()  # all that tests load stays


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three on two cores: while one waits for a server, a browser or a timer, the others go on."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)

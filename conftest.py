"""Every test may ask for a database (see engine.testing.plugin); how many run at once and which first is said here."""

import os

import pytest

from engine.heap import look_seldom

pytest_plugins = ["engine.testing.plugin", "engine.testing.kafka"]
LONG = ("tests/sabotage/", "tests/security/", "tests/faults/", "tests/journeys/", "tests/console/")
"""Where files take longest: they come first, so that at the end nobody waits for one of them alone."""

look_seldom()  # all that tests load stays


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three on two cores: while one waits for a server, a browser or a timer, the others go on."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_configure(config: pytest.Config) -> None:
    """By itself xdist begins with the files of most tests; ours of one test are the long ones."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; within one nothing changes."""
    items.sort(key=lambda item: next((n for n, place in enumerate(LONG) if item.nodeid.startswith(place)), len(LONG)))

"""One Kehu for the tests of this folder (an idle one costs a tenth of a processor), one browser for those of a file."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.console.browser import Visit, chromium
from tests.journeys.running import Kehu, company


@pytest.fixture(scope="package")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    """A company of one's own, running, with nothing in it."""
    with company(tmp_path_factory.mktemp("console"), "console") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Makes visits, and closes them."""
    made: list[Visit] = []

    def make(**options: Any) -> Visit:
        made.append(Visit.of(browser, **options))
        return made[-1]

    yield make
    for it in made:
        it.context.close()

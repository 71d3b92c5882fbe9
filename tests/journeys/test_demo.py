"""The demo company as a person meets it: it loads behind the page, survives a kill, takes nothing from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import httpx
import pytest

from tests.journeys.people import until
from tests.journeys.running import Kehu

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo"), pytest.mark.timeout(240)]
PATIENCE = 180.0


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    """A demo company that was killed in the middle of loading, and started again."""
    running = Kehu(tmp_path_factory.mktemp("company"), "demo")
    try:
        running.start()
        until(lambda: status(running)["done"] > 400, PATIENCE)
        running.signal(SIGKILL)
        assert running.process is not None
        running.process.wait(PATIENCE)
        running.start()
        until(lambda: status(running)["state"] == "live", PATIENCE)
        running.settled()
        yield running
        assert running.stop() == 0, running.log()
    finally:
        running.remove()


def status(kehu: Kehu) -> dict[str, Any]:
    return dict(httpx.get(f"{kehu.url}/console/demo", timeout=30).json())


def receipts(kehu: Kehu) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for service in ("customers", "credit"):
        after = 0
        while page := kehu.get(f"/api/{service}/intake/receipts", after=after, limit=1000):
            found += page["items"]
            if not page["items"]:
                break
            after = page["next"]
    return found


def test_killed_while_it_loads_it_goes_on_and_nothing_is_there_twice(kehu: Kehu) -> None:
    told = status(kehu)
    assert (told["demo"], told["refused"], told["problem"]) == (True, 0, None)
    assert told["through"] == told["until"]
    found = receipts(kehu)
    assert {r["verdict"] for r in found} == {"accepted"}
    assert len({r["id"] for r in found}) == len(found)
    assert kehu.get("/api/analytics/totals")["customers"] == 120


def test_nothing_is_imported_into_it_and_the_command_that_starts_an_empty_company_is_named(
    kehu: Kehu, tmp_path: Path
) -> None:
    refused = kehu.run("import", "classicmodels", str(tmp_path), "--url", kehu.url)
    assert refused.returncode == 1
    assert "this is the demo company" in refused.stderr
    assert "make run DATA=mine" in refused.stderr

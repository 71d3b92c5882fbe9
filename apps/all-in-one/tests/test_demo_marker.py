"""A company says by its documents' source that it is the demo, which one, and of which edition."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import SecretStr

from all_in_one.demo.begin import Demo
from all_in_one.demo.marker import EDITION, Marker
from all_in_one.demo.progress import Progress
from all_in_one.home import Home
from all_in_one.runner import HOSTS, Watch, application, embedded_settings
from all_in_one.services import SERVICES
from chassis.settings import Databases
from engine import clock
from engine.testing.plugin import MakeDatabase, TestServer

MARKER = Marker(7, date(2028, 2, 29), 0.5)
NOBODY = (httpx.AsyncClient(), ZoneInfo("Asia/Shanghai"))


def test_the_source_says_all_that_the_documents_depend_on() -> None:
    assert Marker.of(MARKER.source) == MARKER


@pytest.mark.parametrize("source", ["erp", "//classicmodels", "/kehu/demo/", MARKER.source + "/more"])
def test_another_system_is_no_demo(source: str) -> None:
    assert Marker.of(source) is None


def test_a_company_of_another_edition_is_shown_and_does_not_go_on() -> None:
    other = Demo(*NOBODY, replace(MARKER, edition=EDITION + 1))
    assert not other.lives
    assert (other.status().demo, other.status().state) == (True, "stopped")
    assert "make run DATA=demo2" in (other.status().problem or "")
    assert Demo(*NOBODY, MARKER).lives


@pytest.mark.parametrize(("name", "demo"), [("demo", True), ("demo2", True), ("mine", False), ("tour", False)])
def test_a_folder_whose_name_begins_with_demo_is_wanted_to_be_one(name: str, demo: bool) -> None:
    assert Home.named(name).is_demo is demo


@pytest.mark.parametrize("host", [HOSTS[0], "kehu.example"])
async def test_an_empty_folder_of_that_name_becomes_the_demo_company_of_today_and_stops_in_the_middle(
    host: str, postgres_server: TestServer, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """Only one host name is answered for, and the demo's own ERP has to use it: another is refused (421)."""
    home = Home(tmp_path / "demo-new")
    urls = {service.name: SecretStr(await make_database()) for service in SERVICES}
    given = Databases(server=SecretStr(postgres_server.postgres.url("postgres")), urls=urls)
    settings = embedded_settings(home, 8000).model_copy(update={"databases": given})
    settings = settings.model_copy(update={"http": settings.http.model_copy(update={"hosts": (host,)})})
    today, seen = clock.today(settings.company.time_zone), list[Progress]()
    async with application(home, settings, lambda _: None, Watch(0.01, seen.append)) as app, asyncio.timeout(60):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}")
        assert (await client.get("/console/demo", headers={"Host": "elsewhere.example"})).status_code == 421
        told: dict[str, Any] = {}
        while not told.get("done"):
            told = (await client.get("/console/demo")).json()
            await asyncio.sleep(0.02)
    assert (told["demo"], told["state"], told["until"]) == (True, "loading", str(today))
    assert 0 < told["done"] < told["total"]
    assert told["refused"] == 0
    assert seen

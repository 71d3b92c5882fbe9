"""The page at `/`, over HTTP: it is served whole, knows where to begin and needs nothing from elsewhere."""

import re
from collections.abc import Iterator

import httpx
import pytest

from console.pages import STATIC
from tests.journeys.running import company

FILES = sorted(p.relative_to(STATIC).as_posix() for p in STATIC.rglob("*") if p.is_file())
FOREIGN = re.compile(r"(?:https?:)?//[a-z0-9][\w.-]*\.[a-z]{2,}", re.IGNORECASE)
PATHS = re.compile(r"[\"'`](/(?:api|console)/[\w/-]+)|figure\(\"([\w/]+)\"")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("page")
    with company(folder, "page") as kehu, httpx.Client(base_url=kehu.url, timeout=30) as client:
        yield client


def test_the_page_and_all_it_refers_to_are_served(page: httpx.Client) -> None:
    first = page.get("/")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    wanted = re.findall(r'(?:href|src)="(?!data:)([^"]+)"', first.text)
    assert set(wanted) == set(FILES) - {"index.html"}
    for name in wanted:
        assert page.get(f"/{name}").text == (STATIC / name).read_text()


def test_the_page_begins_with_a_token_and_descriptions_of_every_api(page: httpx.Client) -> None:
    start = page.get("/console/start").json()
    assert [d["name"] for d in start["docs"]] == ["customer", "credit", "complaint", "analytics"]
    for described in start["docs"]:
        assert page.get(described["href"]).status_code == 200
        assert page.get(described["href"].removesuffix("docs") + "openapi.json").status_code == 200
    headers = {"Authorization": f"Bearer {start['token']}"}
    assert page.get("/api/analytics/alerts", headers=headers).status_code == 200


def test_everything_the_page_asks_for_is_answered_by_an_empty_company(page: httpx.Client) -> None:
    headers = {"Authorization": "Bearer dev-admin"}
    asked = {path or f"/api/analytics/{name}" for path, name in PATHS.findall((STATIC / "main.js").read_text())}
    assert {"/api/analytics/dso", "/api/analytics/ageing", "/api/analytics/tiers", "/api/analytics/alerts"} <= asked
    for path in asked - {"/api/analytics/"}:
        with page.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, path


@pytest.mark.parametrize("name", FILES)
def test_the_page_loads_nothing_from_elsewhere(name: str) -> None:
    assert FOREIGN.findall((STATIC / name).read_text()) == []

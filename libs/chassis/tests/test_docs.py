"""The page that describes an API: served whole from here, and nothing else comes without a token beside it."""

import re

import httpx
import pytest

from chassis.docs import STATIC

REFERS = re.compile(r'(?:href|src)="([^"]+)"')


@pytest.mark.parametrize("prefix", ["", "/api/credit"])
async def test_the_page_refers_to_files_beside_it_only_and_all_of_them_are_served(
    http: httpx.AsyncClient, prefix: str
) -> None:
    http.headers.pop("Authorization")
    page = await http.get(f"{prefix}/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    wanted = REFERS.findall(page.text)
    assert len(wanted) == 5
    for name in wanted:
        assert not name.startswith(("/", "http")), name
        assert (await http.get(f"{prefix}/{name}")).status_code == 200, name


async def test_the_browser_is_told_to_load_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    policy = (await http.get("/api/credit/docs")).headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_the_licence_of_swagger_ui_is_served_beside_it(http: httpx.AsyncClient) -> None:
    licence = await http.get("/api/credit/docs/files/swagger-ui/LICENSE")
    assert licence.text == (STATIC / "swagger-ui" / "LICENSE").read_text()
    assert "Apache License" in licence.text


@pytest.mark.parametrize("path", ["/docs/", "/docs/files", "/docs/filesx", "/docs/other", "/docsx"])
async def test_what_only_looks_like_the_page_needs_a_token(http: httpx.AsyncClient, path: str) -> None:
    http.headers.pop("Authorization")
    assert (await http.get(f"/api/credit{path}")).status_code == 401


@pytest.mark.parametrize("path", ["../index.html", "swagger-ui/../../../app.py", "%2e%2e/%2e%2e/app.py", "none.js"])
async def test_only_the_files_of_the_page_are_served(http: httpx.AsyncClient, path: str) -> None:
    http.headers.pop("Authorization")
    assert (await http.get(f"/api/credit/docs/files/{path}")).status_code in (401, 404)

"""The files of the page: small modules that need nothing from elsewhere and work under the strictest policy."""

import re
from pathlib import Path

import httpx
import pytest
from tools.vendor import packages

from console.pages import HEADERS, STATIC
from tests.journeys.running import Kehu

OTHERS = [Path(p.to).name for p in packages()]
FILES = sorted(p.relative_to(STATIC).as_posix() for p in STATIC.rglob("*") if p.is_file())
OURS = [name for name in FILES if name.partition("/")[0] not in OTHERS]
SCRIPTS = [name for name in OURS if name.endswith(".js")]
FOREIGN = re.compile(r"(?:https?:)?//[a-z0-9][\w.-]*\.[a-z]{2,}", re.IGNORECASE)
NAMESPACE = "http://www.w3.org/2000/svg"
UNSAFE = re.compile(r"\b(?:eval|innerHTML|outerHTML|insertAdjacentHTML|document\.write|Function|cssText)\b|e\(\"style")
LINES, LONGEST = 250, 120


def text(name: str) -> str:
    return (STATIC / name).read_text()


@pytest.mark.parametrize("name", OURS)
def test_it_names_no_other_host(name: str) -> None:
    assert FOREIGN.findall(text(name).replace(NAMESPACE, "")) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_small_and_makes_no_markup_of_texts(name: str) -> None:
    lines = text(name).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= LONGEST
    assert UNSAFE.findall(text(name)) == []


def test_the_markup_holds_no_script_and_no_style() -> None:
    page = text("index.html")
    assert re.findall(r"<script(?![^>]* src=)[^>]*>|<style|\sstyle=|\son\w+=|javascript:", page) == []
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'self';")


def test_what_a_file_refers_to_is_there_and_every_file_is_referred_to() -> None:
    wanted = set(re.findall(r'(?:href|src)="([^"#]+)"', text("index.html")))
    for name in SCRIPTS:
        folder = (STATIC / name).parent
        imported = re.findall(r'(?:from|import) "(\.[^"]+)"', text(name))
        wanted |= {(folder / i).resolve().relative_to(STATIC.resolve()).as_posix() for i in imported}
    assert wanted - set(FILES) == set()
    unasked = set(OURS) - wanted - {"index.html"}
    assert unasked == {"words/en.json", "words/zh-CN.json"}


@pytest.mark.slow
def test_every_file_is_served_with_the_policy(kehu: Kehu) -> None:
    with httpx.Client(base_url=kehu.url, timeout=60) as client:
        for name in FILES:
            answer = client.get(f"/{name}".removesuffix("index.html"))
            assert answer.content == (STATIC / name).read_bytes(), name
            assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"], name


@pytest.mark.slow
def test_the_page_begins_with_a_token_a_language_and_descriptions_of_every_api(kehu: Kehu) -> None:
    with httpx.Client(base_url=kehu.url, timeout=60) as client:
        start = client.get("/console/start", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}).json()
        assert start["language"] == "zh-CN"
        assert client.get("/console/start").json()["language"] == "en"
        assert [d["name"] for d in start["docs"]] == ["customer", "credit", "complaint", "analytics"]
        for described in start["docs"]:
            assert client.get(described["href"]).status_code == 200
            assert client.get(described["href"].removesuffix("docs") + "openapi.json").status_code == 200
        headers = {"Authorization": f"Bearer {start['token']}"}
        assert client.get("/api/analytics/alerts", headers=headers).status_code == 200
        assert client.get(start["progress"]).json()["state"] == "none"

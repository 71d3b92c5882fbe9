"""The pages of docs/how-to for those who build on Kehu: their commands are typed, their clients are built and run."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.pages import here, walk
from tests.journeys.readme import ROOT, Terminal, examples, missing_line
from tests.journeys.running import Kehu, company

FRONT, FRONT_ZH = "docs/how-to/build-a-front-end.md", "docs/how-to/build-a-front-end.zh-CN.md"
FEED, FEED_ZH = "docs/how-to/connect-without-kafka.md", "docs/how-to/connect-without-kafka.zh-CN.md"
RECONCILE, RECONCILE_ZH = "docs/how-to/reconcile.md", "docs/how-to/reconcile.zh-CN.md"
README_ZH = "README.zh-CN.md"
CLIENTS = ROOT / "docs/how-to/clients"
SHOWN = examples("clients", page=FRONT)[0].shown.splitlines()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("how-to"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the pages' commands are typed with it"),
]


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("how-to"), "front") as running:
        yield running


def test_what_the_page_for_front_ends_types_answers_what_it_shows(kehu: Kehu) -> None:
    typed(kehu, "front", FRONT)


def test_what_the_page_for_integrators_types_answers_what_it_shows(kehu: Kehu) -> None:
    typed(kehu, "feed", FEED)


def test_what_the_page_on_reconciling_types_answers_what_it_shows(kehu: Kehu) -> None:
    typed(kehu, "reconcile", RECONCILE)


@pytest.mark.parametrize(
    ("page", "chinese"), [(FRONT, FRONT_ZH), (FEED, FEED_ZH), (RECONCILE, RECONCILE_ZH), ("README.md", README_ZH)]
)
def test_the_chinese_page_types_and_shows_the_same(page: str, chinese: str) -> None:
    kinds = ("front", "feed", "reconcile", "clients", "tour", "tour open", "data", "demo")
    assert examples(*kinds, page=chinese) == examples(*kinds, page=page)


def test_the_chinese_readme_leads_to_the_same_places() -> None:
    linked = {
        page: set(re.findall(r"\]\(([\w/.-]+)\)", (ROOT / page).read_text())) for page in ("README.md", README_ZH)
    }
    english = {link.replace(".zh-CN.md", ".md") for link in linked[README_ZH]}
    assert english == {link.replace(".zh-CN.md", ".md") for link in linked["README.md"]}


def test_the_python_client_does_what_the_page_shows(kehu: Kehu) -> None:
    with_customers(kehu)
    command = [sys.executable, str(CLIENTS / "python" / "example.py"), kehu.url, "dev-admin"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert missing_line("\n".join([SHOWN[0], *SHOWN[3:]]), said) is None, said


def test_the_python_client_is_typed() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "kehu.py", "example.py"]
    found = subprocess.run(command, check=False, cwd=CLIENTS / "python", capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.mark.skipif(shutil.which("npm") is None, reason="NO NODE: the TypeScript client is neither built nor run")
def test_the_typescript_client_is_built_and_does_what_the_page_shows(kehu: Kehu, tmp_path: Path) -> None:
    with_customers(kehu)
    place = tmp_path / "docs/how-to/clients/typescript"
    shutil.copytree(CLIENTS / "typescript", place, ignore=shutil.ignore_patterns("node_modules", "build"))
    shutil.copytree(ROOT / "docs/reference/openapi", tmp_path / "docs/reference/openapi")
    npm(place, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
    npm(place, "run", "-s", "build")
    said = npm(place, "start", "-s", "--", kehu.url, "dev-admin")
    assert missing_line("\n".join(SHOWN[:3]), said) is None, said


def npm(place: Path, *arguments: str) -> str:
    done = subprocess.run(["npm", *arguments], check=False, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def with_customers(kehu: Kehu) -> None:
    """Those of the page's first example; sent once more they change nothing."""
    with Terminal(kehu.folder) as terminal:
        for command in examples("front", page=FRONT)[0].commands:
            terminal.type(here(command, kehu))
    kehu.settled()


def typed(kehu: Kehu, kind: str, page: str) -> None:
    found = examples(kind, page=page)
    assert len(found) > 3
    with Terminal(kehu.folder) as terminal:
        for example in found:
            walk(terminal, kehu, example)

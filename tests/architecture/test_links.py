"""Every relative link in a page of ours leads to a file, and every anchor to a heading."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "libs/*/README.md", "services/*/README.md", "apps/*/README.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(text: str) -> Iterator[str]:
    """The targets of a page that lie in this tree."""
    found: list[str] = LINK.findall(FENCE.sub("", text))
    return (target for target in found if not re.match(r"[a-z]+:", target))


def anchors(text: str) -> set[str]:
    """What headings are linked by, as code hosts name them."""
    headings: list[str] = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        leads_to = page.parent / path if path else page
        if not leads_to.exists() or (anchor and anchor not in anchors(leads_to.read_text())):
            yield target


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    assert list(broken(ROOT / page)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here we are\n[a](gone.md) [b](#here-we-are) [c](#nowhere) [d](page.md) [e](https://e.org/x)\n")
    assert list(broken(page)) == ["gone.md", "#nowhere"]

"""Writes docs/reference from the code, and says what is not current.

`python -m tools.docs` writes; `--check` writes nothing and fails when a page is old or a rule is incomplete.
"""

import difflib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from all_in_one.services import SERVICES
from chassis import access, asyncapi, rules, schemas, settings_page
from tools import command
from tools.catalogue import events
from tools.differences import differences
from tools.openapi import document

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def pages() -> Mapping[str, Callable[[], str]]:
    """File name -> what it has to say."""
    found: dict[str, Callable[[], str]] = {
        "rules.md": lambda: rules.reference(rules.index(SERVICES)),
        "events.md": lambda: events(SERVICES),
        "settings.md": settings_page.reference,
        "command.md": command.reference,
        "differences.md": differences,
        "access.md": lambda: access.reference(SERVICES),
        "asyncapi.json": asyncapi.text,
    }
    for shape in schemas.catalogue().values():
        found[f"schemas/{shape.type}.json"] = partial(str, shape.text)
    for service in SERVICES:
        found[f"openapi/{service.name}.json"] = partial(document, service)
    return found


def old(name: str, text: str) -> list[str]:
    """The first lines in which the page differs from what it has to say."""
    path = REFERENCE / name
    there = path.read_text() if path.exists() else ""
    return list(difflib.unified_diff(there.splitlines(), text.splitlines(), str(path), "generated", lineterm="", n=0))[
        :12
    ]


def write(name: str, text: str) -> None:
    path = REFERENCE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(check: bool) -> int:
    """The exit code: 1 where a page is old (with --check) or a rule lacks a sentence, a translation or a test."""
    lacking = rules.shortcomings(rules.index(SERVICES))
    for line in lacking:
        print(line)
    stale = 0
    for name, make in pages().items():
        text = make()
        if difference := old(name, text):
            stale += 1
            if check:
                print("\n".join(difference), f"\ndocs/reference/{name} is not current: make docs WRITE=1\n")
            else:
                write(name, text)
                print(f"docs/reference/{name} written")
    return 1 if lacking or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))

"""docs/reference/import.md says what a mapping can say: every example is run and comes to what the page shows."""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.journeys.readme import differs, documents

from all_in_one.drafting import Folder
from all_in_one.mapping import CsvFile, Drafted, FileMapping

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "import.md"
FENCE = re.compile(r"^```(\S+) ?(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)


class Example(NamedTuple):
    """A mapping, its files, and what the page says they become: data of documents, or lines about refused rows."""

    mapping: str
    files: dict[str, str]
    shown: str


def examples() -> list[Example]:
    found: list[Example] = []
    for kind, name, body in FENCE.findall(PAGE.read_text()):
        match kind:
            case "toml":
                found.append(Example(body, {}, ""))
            case "csv":
                found[-1].files[name] = body
            case _:
                found[-1] = found[-1]._replace(shown=body)
    return found


def drafts(example: Example, folder: Path) -> list[Drafted]:
    for name, text in example.files.items():
        (folder / name).write_text(text)
    said: dict[str, Any] = {"name": "page", "source": "//page", **tomllib.loads(example.mapping)}
    return list(Folder(FileMapping.model_validate(said), folder).drafts())


@pytest.mark.parametrize("example", examples(), ids=lambda e: next(iter(e.files)))
def test_the_page_shows_what_a_mapping_makes_of_its_files(example: Example, tmp_path: Path) -> None:
    found = drafts(example, tmp_path)
    if example.shown.startswith("["):
        (shown,) = documents(example.shown)
        assert differs(shown, [d.data for d in found if not d.problem]) is None
    else:
        told = [f"{d.file} line {d.line}, column {d.column}: {d.value!r}: {d.problem}" for d in found if d.problem]
        assert told == example.shown.splitlines()


def test_the_page_names_everything_that_can_be_said_of_a_file() -> None:
    text = PAGE.read_text()
    assert all(f"| `{key}` |" in text for key in CsvFile.model_fields)

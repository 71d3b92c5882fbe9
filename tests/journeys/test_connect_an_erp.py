"""The page for those who connect an ERP by Kafka: its commands are typed, its table is held to our documents."""

import os
import re
import shutil
from collections.abc import Iterator

import pytest

from events.erp import DOCUMENTS
from tests.journeys.pages import walk
from tests.journeys.readme import ROOT, Example, Terminal, examples
from tests.journeys.running import Kehu, company

PAGE, PAGE_ZH = "docs/how-to/connect-an-erp.md", "docs/how-to/connect-an-erp.zh-CN.md"
KIND = "erp"
ROW = re.compile(r"^\| (.+?) \|", re.MULTILINE)
BY_NAME = {document.__name__: document for document in DOCUMENTS}


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory, kafka_cluster: str) -> Iterator[Kehu]:
    """On a Kafka that it starts by itself, as the page says; that there can be one is asked by `kafka_cluster`."""
    assert kafka_cluster
    with company(tmp_path_factory.mktemp("erp"), "erp", "") as running:
        yield running


@pytest.fixture
def kcat() -> None:
    """It is there; else what needs it is skipped, loudly, and fails with CI=true."""
    if shutil.which("kcat"):
        return
    if os.environ.get("CI") == "true":
        pytest.fail("no kcat, and CI=true: the page on connecting an ERP cannot be typed")
    pytest.skip("NO KCAT HERE: WHAT THE PAGE ON CONNECTING AN ERP TYPES IS NOT TESTED (apt-get install kcat)")


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("kcat")
def test_what_the_page_types_answers_what_it_shows(kehu: Kehu) -> None:
    found = examples(KIND, page=PAGE)
    said = re.findall(r"Apache Kafka: (\S+)", (kehu.folder / "kehu.log").read_text())
    with Terminal(kehu.folder) as terminal:
        for example in found:
            walk(terminal, kehu, placed(example, said[-1]))
            kehu.settled()  # a person reads before the next


def placed(example: Example, kafka: str) -> Example:
    """With the address that the start said, and the client where it lies."""
    python = [c.replace("docs/how-to/clients", f"'{ROOT}'/docs/how-to/clients") for c in example.commands]
    return Example(example.kind, [c.replace("localhost:9092", kafka) for c in python], example.shown)


def test_the_chinese_page_types_and_shows_the_same() -> None:
    assert examples(KIND, page=PAGE_ZH) == examples(KIND, page=PAGE)
    assert len(examples(KIND, page=PAGE)) == 6


@pytest.mark.parametrize("page", [PAGE, PAGE_ZH])
def test_the_table_names_fields_of_ours_only_and_every_document_with_all_it_requires(page: str) -> None:
    told = table(page)
    assert told.keys() == BY_NAME.keys()
    for name, fields in told.items():
        ours = BY_NAME[name].model_fields
        assert fields <= ours.keys(), f"{name} has no {fields - ours.keys()}"
        assert fields >= {n for n, field in ours.items() if field.is_required()}, name


def table(page: str) -> dict[str, set[str]]:
    """By document the fields of ours that the page's table maps; names in brackets are those of a part."""
    found: dict[str, set[str]] = {}
    document = ""
    for cell in ROW.findall((ROOT / page).read_text()):
        if (named := re.fullmatch(r"\*\*(\w+)\*\*", cell)) is not None:
            document = named[1]
            found[document] = set()
        elif document:
            found[document] |= set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)|（[^）]*）", "", cell)))
    return found

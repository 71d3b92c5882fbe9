"""docs/how-to/import-your-data.md: files of three foreign systems, guessed, checked and imported as the page says."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from all_in_one.cli import app
from tests.journeys.people import Person
from tests.journeys.readme import ROOT, Example, differs, documents, examples, missing_line
from tests.journeys.running import Kehu, company

PAGE = "docs/how-to/import-your-data.md"
CHINESE = "docs/how-to/import-your-data.zh-CN.md"
KIND = "files"
KEHU = ".venv/bin/python -m all_in_one "

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the page's commands are typed"),
]


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("foreign"), "mine") as running:
        yield running


def test_what_the_page_types_answers_what_it_shows(kehu: Kehu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kehu.folder)
    monkeypatch.setenv("KEHU_URL", kehu.url)
    for example in examples(KIND, page=PAGE):
        assert wrong(kehu, example) is None, example.commands


def wrong(kehu: Kehu, example: Example) -> str | None:
    """What is not as shown."""
    if not example.shown.startswith("{"):
        said = "\n".join(typed(command, kehu) for command in example.commands)
        missing = missing_line(example.shown, said)
        return missing and f"{missing!r} was not said: {said}"
    kehu.settled()
    answers = [json.loads(typed(command, kehu)) for command in example.commands]
    return next(filter(None, map(differs, documents(example.shown), answers)), None)


def typed(command: str, kehu: Kehu) -> str:
    """What it prints. Kehu's own commands run in this process: they start in no time here."""
    here = command.replace("localhost:8000", f"127.0.0.1:{kehu.port}").replace("docs/how-to", f"'{ROOT}'/docs/how-to")
    if not here.startswith(KEHU):
        return subprocess.run(["bash", "-c", here], check=True, capture_output=True, text=True).stdout
    ran = CliRunner().invoke(app, shlex.split(here.removeprefix(KEHU)))
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_chinese_text_out_of_a_gbk_file_is_what_the_customer_is_called(kehu: Kehu) -> None:
    with Person(kehu) as boss:
        found = {c["customer"]: c for c in boss.see("/api/customers/", limit=500)["items"]}
        assert (found["KH0001"]["name"], found["KH0001"]["city"]) == ("上海华东机械有限公司", "上海")
        assert found["KH0003"]["type"] == "dealer"
        assert boss.see("/api/credit/accounts/KH0001")["limit"] == "500000.00"
        order = boss.see("/api/customers/orders/XS2025010")
        assert (order["total"], len(order["lines"])) == ("50500.00", 2)


def test_each_systems_documents_come_to_what_its_files_add_up_to(kehu: Kehu) -> None:
    seen = partial(kehu.get, "/api/analytics/totals", as_of="2025-04-30")
    names = ("billed", "credited", "paid", "invoices", "payments", "orders")
    assert [seen(currency="CNY")[n] for n in names] == ["180461.00", "0.00", "137385.00", 6, 4, 6]
    assert [seen(currency="EUR")[n] for n in names] == ["61306.58", "-577.00", "37454.25", 10, 6, 0]
    paid = kehu.get("/api/analytics/payment-behaviour", as_of="2025-04-30", currency="EUR", customer="0000100044")
    assert (paid["sums"]["instalments"], paid["sums"]["most_days_late"]) == (1, 18)


def test_the_chinese_page_shows_the_same() -> None:
    assert examples(KIND, page=CHINESE) == examples(KIND, page=PAGE)


def test_the_samples_are_in_the_encodings_the_page_says() -> None:
    samples = ROOT / "docs" / "how-to" / "samples"
    assert "客户编号" in (samples / "chinese-erp" / "客户资料.csv").read_bytes().decode("gbk")
    assert (samples / "odoo" / "account.move.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        (samples / "sap" / "FBL5N.txt").read_bytes().decode("utf-8")
    assert all(path.stat().st_size < 2000 for path in samples.rglob("*") if path.is_file())
    assert Path(samples / "sap" / "FBL5N.txt").read_text("cp1252").splitlines()[3].startswith("KUNNR;NAME1")


def test_three_bad_rows_of_a_hundred_are_told_and_the_others_go_in(
    kehu: Kehu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of a GBK file with semicolons; nothing of a bad row is there, not even its customer."""
    rows = [[f"F{n}", f"客户{n}", f"2025-02-{n % 28 + 1:02}", f"{n}.50"] for n in range(1, 101)]
    rows[6][3], rows[40][2], rows[98][0] = "六元", "2025-02-30", ""
    text = "\r\n".join(";".join(row) for row in (["发票号", "客户", "开票日期", "价税合计"], *rows))
    (tmp_path / "发票.csv").write_bytes(text.encode("gbk"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEHU_URL", kehu.url)
    guessed = CliRunner().invoke(app, ["import", "--guess", ".", "--out", "bad.toml", "--yes"])
    assert guessed.exit_code == 0, guessed.output
    imported = CliRunner().invoke(app, ["import", "bad.toml", ".", "--report", "report.csv"])
    assert imported.exit_code == 1
    assert "197 documents: 194 accepted, 0 known already, 0 waiting, 3 refused" in imported.stdout
    for told in (
        "发票.csv line 8, column 价税合计: '六元': this is no number",
        "发票.csv line 42, column 开票日期: '2025-02-30': day is out of range for month",
        "发票.csv line 100, F99",
    ):
        assert told.partition(", F99")[0] in imported.stdout
    assert len((tmp_path / "report.csv").read_text("utf-8-sig").splitlines()) == 4
    with Person(kehu) as boss:
        names = {c["name"] for c in boss.see("/api/customers/", q="客户", limit=500)["items"]}
    assert "客户1" in names
    assert not names & {"客户7", "客户41", "客户99"}

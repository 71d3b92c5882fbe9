"""A mapping turns CSV rows into documents; what does not fit is named with its line, nothing is dropped."""

from datetime import date
from pathlib import Path

import pytest

from all_in_one.drafting import Folder
from all_in_one.mapping import Drafted, FileMapping, MappingError, load

MAPPING = {
    "name": "shop",
    "source": "//shop",
    "files": {
        "bills": {"path": "bills.csv", "delimiter": ";"},
        "items": {"path": "items.csv", "join": {"goods": "good"}},
        "goods": {"path": "goods.csv"},
    },
    "documents": [
        {
            "type": "erp.Invoice.v1",
            "from": "bills",
            "unless": {"column": "state", "is": ["void"]},
            "id": "bill/{no}",
            "effective": "{day}",
            "fields": {
                "customer": "{who}",
                "invoice": "{no}",
                "order": "{order}",
                "invoice_date": "{day}",
                "due": "{day + 30 days}",
                "amount": {"amount": {"sum": "items", "on": "no", "times": ["qty", "price"]}, "currency": "USD"},
                "lines": {
                    "each": "items",
                    "on": "no",
                    "fields": {
                        "product": "{good}",
                        "category": "{goods.kind}",
                        "quantity": "{qty}",
                        "net": {"amount": {"times": ["qty", "price"]}, "currency": "USD"},
                    },
                },
            },
        }
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bills.csv").write_text(
        "no;who;day;state;order\nB2;7;2024-03-02;ok;\nB1;7;2024-03-01;ok;O1\nB3;7;2024-03-03;void;\nB4;7;yesterday;ok;\n"
    )
    (tmp_path / "items.csv").write_text("no,good,qty,price\nB1,g,2,1.25\nB1,h,1,3\nB2,g,1,10.00\nB4,g,1,1\n")
    (tmp_path / "goods.csv").write_text("good,kind\ng,Can\nh,Lid\n")
    return tmp_path


def drafts(folder: Path) -> dict[str, Drafted]:
    return {d.id: d for d in Folder(FileMapping.model_validate(MAPPING), folder).drafts()}


def test_every_row_that_the_mapping_wants_becomes_a_document_or_a_problem(folder: Path) -> None:
    assert [(i, d.problem is None) for i, d in drafts(folder).items()] == [
        ("bill/B2", True), ("bill/B1", True), ("bills:5", False),
    ]  # fmt: skip


def test_joins_sums_and_moved_dates_fill_the_fields(folder: Path) -> None:
    first = drafts(folder)["bill/B1"]
    assert first.effective == date(2024, 3, 1)
    assert first.data["due"] == "2024-03-31"
    assert first.data["amount"] == {"amount": "5.50", "currency": "USD"}
    assert [line["category"] for line in first.data["lines"]] == ["Can", "Lid"]


def test_a_text_that_comes_out_empty_leaves_its_field_out(folder: Path) -> None:
    assert "order" not in drafts(folder)["bill/B2"].data


def test_a_row_that_does_not_fit_is_kept_with_its_line_and_the_reason(folder: Path) -> None:
    bad = drafts(folder)["bills:5"]
    assert (bad.file, bad.line, bad.column, bad.value) == ("bills.csv", 5, "day", "yesterday")
    assert "this is no date" in str(bad.problem)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"bills\.csv cannot be read"):
        Folder(FileMapping.model_validate(MAPPING), tmp_path).drafts()


def test_a_missing_column_is_named_beside_those_there_are(folder: Path) -> None:
    (folder / "items.csv").write_text("no,good,quantity,price\nB1,g,2,1.25\n")
    with pytest.raises(MappingError, match=r"bills\.csv with .* has no column 'qty'; there are .*, good, quantity"):
        Folder(FileMapping.model_validate(MAPPING), folder).drafts()


def test_an_unknown_mapping_is_answered_with_those_there_are() -> None:
    with pytest.raises(MappingError, match="classicmodels"):
        load("classicmodel")

"""Rows become documents, whole or not at all; what a mapping says is filled in, what does not fit is told exactly."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from all_in_one.drafting import PATTERN, Folder
from all_in_one.filling import key_of
from all_in_one.mapping import Drafted, FileMapping, MappingError

CUSTOMER: dict[str, Any] = {
    "type": "erp.Customer.v1", "from": "bills", "once": "who", "id": "customer/{who}", "effective": "2024-01-01",
    "fields": {"customer": "{who}", "basics": {"name": "{who}", "type": "other", "currency": "CNY"}},
}  # fmt: skip
INVOICE: dict[str, Any] = {
    "type": "erp.Invoice.v1", "from": "bills", "id": "bill/{no}", "effective": "{day}",
    "fields": {
        "customer": "{who}", "invoice": "{no}", "invoice_date": "{day}", "due": "{day + 30 days}",
        "amount": {"amount": "{amount}", "currency": "CNY"},
    },
}  # fmt: skip
HEADER = "no,who,day,amount\n"


def drafts(
    folder: Path, text: str, *documents: Mapping[str, Any], file: Mapping[str, Any] | None = None
) -> list[Drafted]:
    (folder / "bills.csv").write_text(text)
    said = {"name": "shop", "source": "//shop", "files": {"bills": {"path": "bills.csv", **(file or {})}}}
    return list(Folder(FileMapping.model_validate({**said, "documents": documents}), folder).drafts())


def invoice(**fields: Any) -> dict[str, Any]:
    return {**INVOICE, "fields": {**INVOICE["fields"], **fields}}


def one(folder: Path, text: str, **fields: Any) -> Any:
    """The data of the only document that the only row becomes."""
    (draft,) = drafts(folder, text, invoice(**fields))
    assert draft.problem is None, draft
    return draft.data


def test_a_row_becomes_all_of_its_documents_or_none(tmp_path: Path) -> None:
    found = drafts(tmp_path, f"{HEADER}1,C1,2024-03-01,five\n2,C1,2024-03-02,6\n3,C1,2024-03-03,7\n", CUSTOMER, INVOICE)
    assert [d.id for d in found] == ["bills:2", "customer/C1", "bill/2", "bill/3"]
    bad = found[0]
    assert (bad.file, bad.line, bad.column, bad.value, bad.problem) == (
        "bills.csv", 2, "amount", "five", "this is no number",
    )  # fmt: skip


def test_of_a_thousand_rows_the_thirty_bad_ones_are_told_and_the_others_are_documents(tmp_path: Path) -> None:
    wrong = {"day": "31.02.2024", "amount": "-5", "who": "", "no": "no. 5"}
    rows = [{"no": str(n), "who": "C1", "day": "2024-03-01", "amount": "1,234.50"} for n in range(1000)]
    for n, (column, value) in zip(range(7, 1000, 33), list(wrong.items()) * 8, strict=False):
        rows[n][column] = value
    lines = [",".join(f'"{v}"' for v in row.values()) for row in rows]
    found = drafts(tmp_path, HEADER + "\n".join(lines), INVOICE)
    bad = [d for d in found if d.problem]
    assert len(bad) == 31
    assert len(found) == 1000
    assert [b.line for b in bad] == [n + 2 for n in range(7, 1000, 33)]
    assert {(b.column, b.value, b.problem) for b in bad} == {
        ("day", "31.02.2024", "day is out of range for month"),
        ("amount", "-5", "amount: the amount must be above zero, it is -5"),
        ("who", "", "customer: it is empty"),
        ("no", "no. 5", f"invoice: {PATTERN}"),
    }  # fmt: skip


def test_a_mapping_that_no_row_fits_stops_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"no row of .*bills\.csv fits the mapping\. bills\.csv line 21, col"):
        drafts(tmp_path, HEADER + "1,C1,1/5/2024,5\n" * 20, INVOICE)


def test_a_date_a_mapping_declares_is_read_so_everywhere(tmp_path: Path) -> None:
    (found,) = drafts(tmp_path, f"{HEADER}1,C1,1/31/2024,5\n", INVOICE, file={"date": "%m/%d/%Y"})
    assert (found.effective, found.data["due"]) == (date(2024, 1, 31), "2024-03-01")


def test_a_decimal_comma_a_mapping_declares_is_read_so_everywhere(tmp_path: Path) -> None:
    (found,) = drafts(tmp_path, f'{HEADER}1,C1,2024-01-31,"1.234,56"\n', INVOICE, file={"decimal": ","})
    assert found.data["amount"]["amount"] == "1234.56"


@pytest.mark.parametrize(
    ("said", "written", "filled"),
    [
        ({"column": "x", "values": {"A": "O1", "B": "O2"}}, "B", "O2"),
        ({"column": "x", "values": {"A": "O1"}, "otherwise": "O9"}, "Z", "O9"),
        ({"column": "x", "values": {"A": "O1"}}, "", None),
        ({"first": ["{x}", "{no}"]}, "", "1"),
        ({"first": ["{x}", "{no}"]}, "O7", "O7"),
        ("{x as key}", "上海 A/1", "A/1-01e170c78d"),
        ("{who}/{x}", "7", "C1/7"),
        ("{x}", "", None),
    ],
)
def test_a_text_can_be_filled(tmp_path: Path, said: Any, written: str, filled: str | None) -> None:
    data = one(tmp_path, f"no,who,day,amount,x\n1,C1,2024-03-01,5,{written}\n", order=said)
    assert data.get("order") == filled


@pytest.mark.parametrize(
    ("said", "filled"),
    [
        ({"times": ["net", "rate"]}, "36.30"),
        ({"add": ["net", "tax"]}, "14.1"),
        ({"add": ["net", "tax"], "less": ["rate"]}, "11.1"),
        ({"abs": "minus"}, "5.50"),
        ("{net}", "12.1"),
        (7, 7),
    ],
)
def test_an_amount_can_be_reckoned(tmp_path: Path, said: Any, filled: Any) -> None:
    text = "no,who,day,net,tax,rate,minus\n1,C1,2024-03-01,12.1,2.0,3,5.50-\n"
    data = one(tmp_path, text.replace("12.1,2.0,3", "12.1,2.0,3.00"), amount={"amount": said, "currency": "CNY"})
    assert float(data["amount"]["amount"]) == pytest.approx(float(filled))


def test_a_value_the_mapping_does_not_know_is_told_with_the_nearest(tmp_path: Path) -> None:
    said = {"column": "who", "values": {"dealer": "C1"}}
    (bad,) = drafts(tmp_path, f"{HEADER}1,Dealers,2024-03-01,5\n", invoice(customer=said))
    assert bad.problem == "the mapping has no value for it; there are dealer; did you mean 'dealer'?"


@pytest.mark.parametrize(
    ("when", "unless", "taken"),
    [
        ({"column": "amount", "above": 0}, (), ["bill/1"]),
        ({"column": "amount", "below": 0}, (), ["bill/2"]),
        ([{"column": "who", "is": ["C1"]}, {"column": "no", "is_not": ["1"]}], (), ["bill/2"]),
        ((), [{"column": "no", "is": ["1"]}, {"column": "no", "is": ["2"]}], []),
    ],
)
def test_rows_can_be_chosen(tmp_path: Path, when: Any, unless: Any, taken: list[str]) -> None:
    said = invoice(amount={"amount": {"abs": "amount"}, "currency": "CNY"})
    text = f"{HEADER}1,C1,2024-03-01,5\n2,C1,2024-03-02,6-\n"
    assert [d.id for d in drafts(tmp_path, text, {**said, "when": when, "unless": unless})] == taken


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"amout": "{amount}"}, r"the document has no field 'amout'; .* did you mean 'amount'\?"),
        ({"amount": {"value": "{amount}"}}, "amount has no field 'value'; there are amount, currency"),
        ({"due": "soon"}, "due is a date, 'soon' is none"),
        ({"due": "{dya}"}, r"bills\.csv has no column 'dya'; there are no, who, day, amount; did you mean 'day'\?"),
        ({"lines": {"each": "bills", "fields": {}}}, "lines: beside 'each' belongs on"),
        ({"order": {"first": []}}, r"order: first = \[\] is not what belongs there, or empty"),
        ({"order": {"abs": "no", "less": ["no"]}}, "order: beside 'abs' nothing is meant by less"),
        ({"order": ["{no}"]}, "a list is given where the document has none"),
        ({"lines": {"each": "items", "on": "no", "fields": {}}}, r"there is no \[files.items\]; there are bills"),
    ],
)
def test_a_mistake_in_a_mapping_is_told_before_any_row_is_read(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(MappingError, match=f"erp.Invoice.v1 from bills: .*{reason}"):
        drafts(tmp_path, HEADER, invoice(**fields))


def test_an_unknown_document_type_is_told_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"'erp\.Invoices\.v1' is not a document type; .* did you mean 'erp\.Invoice\.v1'"
    ):
        FileMapping.model_validate(
            {"name": "a", "source": "a", "files": {}, "documents": [{**INVOICE, "type": "erp.Invoices.v1"}]}
        )


def test_a_broken_row_of_a_file_that_others_need_stops_the_import(tmp_path: Path) -> None:
    """Left out, it would be missing from a document of another row, and nobody could tell."""
    (tmp_path / "items.csv").write_text("no,qty,price\n1,2,3\n1,4\n")
    (tmp_path / "bills.csv").write_text(f"{HEADER}1,C1,2024-03-01,5\n")
    files = {"bills": {"path": "bills.csv"}, "items": {"path": "items.csv"}}
    total = {"amount": {"sum": "items", "on": "no", "times": ["qty", "price"]}, "currency": "CNY"}
    said = {"name": "shop", "source": "//shop", "files": files, "documents": [invoice(amount=total)]}
    with pytest.raises(MappingError, match=r"items\.csv line 3: the row has 2 values, the header 3 columns"):
        list(Folder(FileMapping.model_validate(said), tmp_path).drafts())


def test_a_wrong_value_in_another_file_is_told_with_its_place_there(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("no,qty,price\n1,2,3\n1,two,4\n")
    (tmp_path / "bills.csv").write_text(f"{HEADER}1,C1,2024-03-01,5\n")
    files = {"bills": {"path": "bills.csv"}, "items": {"path": "items.csv"}}
    total = {"amount": {"sum": "items", "on": "no", "times": ["qty", "price"]}, "currency": "CNY"}
    said = {"name": "shop", "source": "//shop", "files": files, "documents": [invoice(amount=total)]}
    (bad,) = Folder(FileMapping.model_validate(said), tmp_path).drafts()
    assert (bad.file, bad.line, bad.column, bad.value) == ("items.csv", 3, "qty", "two")


def test_a_key_of_any_text_is_the_same_each_time_and_another_for_another_text() -> None:
    assert key_of("C-1") == "C-1"
    assert key_of("上海机械") == key_of("上海机械") != key_of("上海机器")
    assert len(key_of("very long " * 20)) <= 64

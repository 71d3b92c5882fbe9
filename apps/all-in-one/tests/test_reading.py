"""CSV files as they come: encodings and delimiters are found out, broken rows are told by line, the others are read."""

from pathlib import Path

import pytest

from all_in_one.mapping import CsvFile, MappingError
from all_in_one.reading import Row, Table, opened

CHINESE = "客户编号,客户名称,金额\nC001,上海华东机械有限公司,12.50\nC002,“南方”包装厂,8\n"


def table(folder: Path, content: bytes | str, **file: object) -> Table:
    (folder / "bills.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return opened(folder, CsvFile.model_validate({"path": "bills.csv", **file}))


def rows(folder: Path, content: bytes | str, **file: object) -> list[Row]:
    return list(table(folder, content, **file).rows())


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gbk", "gb18030"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_chinese_text_comes_out_right_in_every_encoding_it_is_exported_in(
    tmp_path: Path, encoding: str, found: str
) -> None:
    read = table(tmp_path, CHINESE.encode(encoding))
    assert read.encoding == found
    assert read.columns == ["客户编号", "客户名称", "金额"]
    assert [r.values[1] for r in read.rows()] == ["上海华东机械有限公司", "“南方”包装厂"]


@pytest.mark.parametrize(
    "text",
    [
        "编号,金额\nA1,12\n",
        "客户\nA\n",
        "no,name\n" + "".join(f"{n},客户{n}\n" for n in range(300)),
    ],
)
def test_a_few_chinese_words_are_enough_to_tell_gbk(tmp_path: Path, text: str) -> None:
    """Three hundred customers called 客户1, 客户2, ... were once taken for Western European text."""
    read = table(tmp_path, text.encode("gbk"))
    assert (read.encoding, read.columns) == ("gb18030", text.splitlines()[0].split(","))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Kunde;Straße\nMüller GmbH;Königsallee 5\n", "cp1252"),
        ("Ort;Preis\nÖ;5 £\n", "cp1252"),
        ("客戶編號,客戶名稱\nC1,臺灣機械股份有限公司\n", "big5"),
    ],
)
def test_european_and_traditional_chinese_text_is_told_from_gbk(tmp_path: Path, text: str, encoding: str) -> None:
    read = table(tmp_path, text.encode(encoding))
    assert [",".join(r.values) for r in read.rows()] == [text.splitlines()[1].replace(";", ",")]


def test_gbk_that_only_begins_behind_a_million_ascii_rows_is_told_all_the_same(tmp_path: Path) -> None:
    content = b"no,name\n" + b"1,Acme\n" * 200_000 + "2,上海华东机械有限公司\n".encode("gbk")
    assert [r.values for r in rows(tmp_path, content)][-1] == ["2", "上海华东机械有限公司"]


def test_one_character_cut_in_half_spoils_its_row_and_not_the_encoding(tmp_path: Path) -> None:
    found = rows(tmp_path, CHINESE.encode() + b"C003,\xe4\xb8,9\nC004,x,9\n")
    assert [r.line for r in found if not r.problem] == [2, 3, 5]
    assert found[2].problem == "column '客户名称' holds bytes that are not utf-8"


def test_an_encoding_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="there is no encoding 'gkb'; leave `encoding` out"):
        table(tmp_path, CHINESE, encoding="gkb")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    text = 'no,name,amount\n1,"Smith, John; and Co",1.5\n2,x,2\n'
    if delimiter != ",":
        text = 'no;name;amount\n1;"Smith, John| and Co";1,5\n2;x;2,25\n'.replace(";", delimiter)
    assert table(tmp_path, text).columns == ["no", "name", "amount"]


@pytest.mark.parametrize(("declared", "other", "shown"), [(",", ";", ";"), (";", ",", ","), (",", "\t", r"\\t")])
def test_a_wrong_delimiter_is_answered_with_the_right_one(
    tmp_path: Path, declared: str, other: str, shown: str
) -> None:
    with pytest.raises(MappingError, match=f'the header has one column, .*: set delimiter = "{shown}"'):
        table(tmp_path, f"no{other}name\n1{other}x\n", delimiter=declared)


def test_a_row_with_a_broken_quote_is_told_by_its_line_and_swallows_no_other(tmp_path: Path) -> None:
    found = rows(tmp_path, 'no,name\n1,x\n2,"open\n3,y\n4,"a"b\n5,"two\nlines"\n6,z\n7,19" rack\n')
    assert [(r.line, r.values[0]) for r in found if not r.problem] == [(2, "1"), (4, "3"), (6, "5"), (8, "6"), (9, "7")]
    assert [r.line for r in found if r.problem] == [3, 5]
    assert all("the quotes are broken" in str(r.problem) for r in found if r.problem)
    assert found[4].values == ["5", "two\nlines"]


def test_a_quote_that_is_never_closed_costs_one_row_of_a_thousand(tmp_path: Path) -> None:
    found = rows(tmp_path, "no,name\n" + "".join(f"{n},{chr(34) if n == 500 else ''}x\n" for n in range(1000)))
    assert [r.line for r in found if r.problem] == [502]
    assert len(found) == 1000


def test_too_few_and_too_many_values_are_told_and_empty_rows_left_out(tmp_path: Path) -> None:
    found = rows(tmp_path, "no,name\n1,x\n\n2\n,,\n3,y,z\n4,w,,\n  ,\n")
    assert [(r.line, r.problem) for r in found] == [
        (2, None),
        (4, "the row has 1 values, the header 2 columns"),
        (6, "the row has 3 values, the header 2 columns"),
        (7, None),
    ]


def test_old_line_ends_spaces_and_a_header_further_down_are_taken(tmp_path: Path) -> None:
    read = table(tmp_path, "Open items\rprinted 2026\r no ; name \r 1 ; x \r", header=3)
    assert (read.columns, list(read.rows())) == (["no", "name"], [Row(4, ["1", "x"])])


def test_what_stands_for_nothing_is_read_as_nothing(tmp_path: Path) -> None:
    assert rows(tmp_path, "no,day\n1,NULL\n", empty=["NULL", "-"])[0].values == ["1", ""]


def test_columns_of_one_name_are_told_apart_and_one_without_is_numbered(tmp_path: Path) -> None:
    assert table(tmp_path, "no,amount,amount,\n").columns == ["no", "amount", "amount 2", "column 4"]


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", ",,\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(MappingError, match=r"bills\.csv is empty: its line 1 should name the columns"):
        table(tmp_path, content)


def test_a_missing_file_is_answered_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "Bills 2026.csv").write_text("no\n")
    with pytest.raises(MappingError, match=r"bills\.csv cannot be read: .*; there are Bills 2026.csv; did you mean"):
        opened(tmp_path, CsvFile(path="bills.csv"))


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14", b"\xd0\xcf\x11\xe0\xa1"])
def test_a_workbook_is_told_from_csv_whatever_it_is_called(tmp_path: Path, start: bytes) -> None:
    with pytest.raises(MappingError, match=r"bills\.csv is a workbook, not CSV: save it as CSV"):
        table(tmp_path, start + b"\x00\x06")

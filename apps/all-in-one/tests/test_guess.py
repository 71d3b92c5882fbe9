"""A mapping guessed: columns by name and by content, what is left open is asked, what is unsure is said."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from all_in_one.cli import app
from all_in_one.drafting import Folder
from all_in_one.guess.contents import Answers
from all_in_one.guess.guessing import Guess, guessed
from all_in_one.guess.meanings import named
from all_in_one.mapping import MappingError, load

SAMPLES = Path(__file__).parents[3] / "docs" / "how-to" / "samples"
EURO = Answers(currency="EUR")


def guess(folder: Path, answers: Answers = EURO, **files: str) -> Guess:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return guessed(folder, answers)


def meanings(found: Guess) -> dict[str, tuple[str, str]]:
    return {c: (m.meaning, m.sure) for f in found.files.values() for c, m in f.why.items()}


def made(found: Guess, folder: Path) -> list[dict[str, Any]]:
    drafts = list(Folder(found.mapping, folder).drafts())
    assert not [d for d in drafts if d.problem]
    return [{"type": d.type.split(".")[1], **d.data} for d in drafts]


@pytest.mark.parametrize(
    ("names", "meaning"),
    [
        ("客户编号 KUNNR customerID customer_number partner_id Kunde Customer-No. 客户代码", "customer"),
        ("发票号 发票号码 BELNR invoiceNumber Invoice-No 单据编号", "invoice"),
        ("到期日 FAEDT ZFBDT invoice_date_due DueDate Fälligkeit", "due"),
        ("开票日期 BUDAT BLDAT invoice_date Posting_Date", "invoice_date"),
        ("价税合计 含税金额 WRBTR amount_total InvoiceAmount", "gross"),
        ("不含税金额 amount_untaxed NETWR", "net"),
        ("税额 amount_tax MWSBP", "tax"),
        ("订单日期 下单日期 orderDate date_order", "order_date"),
        ("品名 产品名称 productName ARKTX", "description"),
        ("品号 物料编码 MATNR productCode sku", "product"),
        ("数量 qty quantityOrdered KWMENG", "quantity"),
        ("单价 priceEach price_unit NETPR", "price"),
        ("回款日期 收款日期 SettledDate paymentDate AUGDT", "paid_on"),
        ("回款金额 收款金额 amount_paid", "paid"),
        ("收款单号 checkNumber", "payment"),
        ("币种 WAERS currency_id", "currency"),
        ("单据类型 BLART move_type", "kind"),
        ("信用额度 creditLimit KLIMK", "limit"),
        ("业务员 salesRepEmployeeNumber invoice_user_id", "owner"),
    ],
)
def test_columns_are_known_by_the_names_they_have_elsewhere(names: str, meaning: str) -> None:
    assert {name: named(name) for name in names.split()} == dict.fromkeys(names.split(), (meaning, "sure"))


@pytest.mark.parametrize(
    ("name", "meaning"),
    [("客户编号（必填）", "customer"), ("Customer Number [key]", "customer"), ("Total amount_total", "gross"),
     ("Invoice due date (net)", "due"), ("invoice_nummber", "invoice"), ("本次回款金额", "paid")],
)  # fmt: skip
def test_names_with_something_around_them_or_a_typing_mistake_are_likely(name: str, meaning: str) -> None:
    found = named(name)
    assert found is not None
    assert found[0] == meaning


@pytest.mark.parametrize("name", ["Farbe", "remark", "备注", "invoice status", "x", ""])
def test_other_names_mean_nothing(name: str) -> None:
    assert named(name) is None


def test_the_three_samples_are_understood_whole() -> None:
    unused = {
        "chinese-erp": {"备注"},
        "odoo": {"payment_state"},
        "sap": {"AUGBL"},
    }
    for folder, rest in unused.items():
        found = guessed(SAMPLES / folder, Answers())
        assert not found.questions
        assert {c.name for f in found.files.values() for c in f.free} == rest


def test_one_file_of_receivables_becomes_customers_invoices_and_payments(tmp_path: Path) -> None:
    text = "account,doc no,day,due date,total,settled date\nC1,1,2026-01-05,2026-02-04,5.00,2026-02-01\n"
    found = guess(tmp_path, invoices=text + "C1,2,2026-01-06,2026-02-05,6.00,\nC2,3,2026-01-07,2026-02-06,7.00,-\n")
    assert [(d["type"], d.get("invoice") or d.get("payment") or d["customer"]) for d in made(found, tmp_path)] == [
        ("Customer", "C1"), ("Invoice", "1"), ("Payment", "1"), ("Invoice", "2"), ("Customer", "C2"), ("Invoice", "3"),
    ]  # fmt: skip
    assert found.mapping.files["invoices"].empty == ("-",)


def test_orders_with_their_lines_in_another_file_whose_key_is_called_otherwise(tmp_path: Path) -> None:
    found = guess(
        tmp_path,
        orders="order no,customer,order date\nO1,C1,2026-01-05\nO2,C1,2026-01-06\n",
        order_lines="order id,sku,qty,unit price\nO1,A,1,2.50\nO1,B,2,3.00\nO2,A,4,2.50\n",
    )
    orders = [d for d in made(found, tmp_path) if d["type"] == "Order"]
    lines = [[(x["product"], x["quantity"]) for x in o["lines"]] for o in orders]
    assert lines == [[("A", "1"), ("B", "2")], [("A", "4")]]


def test_a_column_nobody_knows_is_recognised_by_the_keys_in_it(tmp_path: Path) -> None:
    found = guess(
        tmp_path,
        customers="customer id,name\nC1,Acme\nC2,Bolt\n",
        payments="payment no,who,payment date,amount,for\n1,C1,2026-01-05,5.00,I1\n2,C2,2026-01-06,6.00,I2\n",
        invoices="invoice no,buyer,invoice date,total\nI1,C1,2026-01-01,5.00\nI2,C2,2026-01-02,6.00\n",
    )
    known = meanings(found)
    assert known["who"] == known["buyer"] == ("customer", "likely")
    assert known["for"] == ("pays", "likely")
    assert "# who: customer, likely (its values are in customers.csv)" in found.text


def test_columns_that_are_called_nothing_are_taken_for_what_is_missing_and_that_is_unsure(tmp_path: Path) -> None:
    text = "f1,f2,f3,f4\nX-1,C1,2026-01-05,5.00\nX-2,C1,2026-01-06,6.00\n"
    customers = "customer id,name\nC1,Acme\nC2,Bolt\n"
    found = guess(tmp_path, invoices=text, customers=customers)
    assert meanings(found)["f1"] == ("invoice", "unsure")
    assert meanings(found)["f3"] == ("invoice_date", "unsure")
    assert meanings(found)["f4"] == ("gross", "unsure")
    assert "# unsure: no due date is named: 30 days after the invoice are assumed" in found.text
    assert len(made(found, tmp_path)) == 4


def test_names_that_are_no_keys_become_some(tmp_path: Path) -> None:
    found = guess(tmp_path, invoices="invoice,customer,invoice date,total\n1,上海 机械,2026-01-05,5.00\n")
    customer, bill = made(found, tmp_path)
    assert customer["customer"] == bill["customer"] != "上海 机械"
    assert customer["basics"]["name"] == "上海 机械"


def test_negative_amounts_are_taken_for_credit_notes_and_that_is_said(tmp_path: Path) -> None:
    text = (
        "invoice,customer,invoice date,due,total\n1,C1,2026-01-05,2026-02-05,5.00\n2,C1,2026-01-06,2026-02-05,-2.00\n"
    )
    found = guess(tmp_path, invoices=text)
    assert [d["type"] for d in made(found, tmp_path)] == ["Customer", "Invoice", "CreditNote"]
    assert "# unsure: a negative amount is taken for a credit note" in found.text


@pytest.mark.parametrize(
    ("days", "questions", "answer"),
    [
        (("1/5/2026", "2/6/2026"), 1, "%d/%m/%Y"),
        (("1/5/2026", "31/5/2026"), 0, None),
        (("1/5/2026", "1/31/2026"), 0, None),
        (("2026/1/5", "2026/1/31"), 0, None),
    ],
)
def test_day_and_month_are_asked_about_unless_one_date_tells(
    tmp_path: Path, days: tuple[str, str], questions: int, answer: str | None
) -> None:
    rows = "".join(f"{n},C1,{day},5.00\n" for n, day in enumerate(days))
    text = f"invoice,customer,invoice date,total\n{rows}"
    found = guess(tmp_path, invoices=text)
    assert [q.option for q in found.questions] == ["date"] * questions
    if answer:
        found = guess(tmp_path, Answers(date=answer, currency="EUR"), invoices=text)
    assert [d["invoice_date"][:4] for d in made(found, tmp_path) if d["type"] == "Invoice"] == ["2026", "2026"]


def test_a_decimal_mark_that_nothing_tells_is_asked_about(tmp_path: Path) -> None:
    text = 'invoice,customer,invoice date,total\n1,C1,2026-01-05,"1,234"\n'
    (question,) = guess(tmp_path, invoices=text).questions
    assert (question.option, question.choices) == ("decimal", (".", ","))
    assert question.text == "invoices.csv: 1,234 could be written with a decimal point or comma"
    found = guess(tmp_path, Answers(decimal=".", currency="EUR"), invoices=text)
    assert made(found, tmp_path)[1]["amount"]["amount"] == "1234"


def test_the_currency_is_asked_about_where_nothing_names_it(tmp_path: Path) -> None:
    text = "invoice,customer,invoice date,total\n1,C1,2026-01-05,5.00\n"
    assert [q.option for q in guess(tmp_path, Answers(), invoices=text).questions] == ["currency"]
    found = guess(tmp_path, Answers(), invoices=text.replace("total", "价税合计"))
    assert made(found, tmp_path)[1]["amount"]["currency"] == "CNY"


def test_currencies_that_are_spelled_out_are_translated(tmp_path: Path) -> None:
    text = "invoice,customer,invoice date,total,currency\n1,C1,2026-01-05,5.00,人民币\n2,C1,2026-01-05,5.00,USD\n"
    found = guess(tmp_path, Answers(), invoices=text)
    assert [d["amount"]["currency"] for d in made(found, tmp_path) if "amount" in d] == ["CNY", "USD"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, r"there is no CSV file in .*, but nothing; workbooks are saved as CSV"),
        ({"notes": "a,b\n1,2\n"}, r"nothing is understood of notes\.csv: write a mapping"),
    ],
)
def test_a_folder_of_which_nothing_is_understood_says_so(tmp_path: Path, files: dict[str, str], told: str) -> None:
    with pytest.raises(MappingError, match=told):
        guess(tmp_path, EURO, **files)


@pytest.mark.parametrize(("content", "told"), [(b"PK\x03\x04\x14\x00", "is a workbook, not CSV"), (b"", "is empty")])
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "bills.csv").write_bytes(content)
    with pytest.raises(MappingError, match=rf"bills\.csv {told}"):
        guessed(tmp_path, EURO)


def test_a_letter_among_the_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text(
        "Dear all,\n\nthese are the invoices, due dates and amounts\nof last year, as asked.\n"
    )
    found = guess(tmp_path, invoices="invoice,customer,invoice date,total\n1,C1,2026-01-05,5.00\n")
    assert [c.name for c in found.strange] == ["README.txt"]


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    files.mkdir()
    (files / "invoices.csv").write_text("invoice,customer,invoice date,total\n1,C1,1/5/2026,5.00\n")
    return files


def test_the_command_asks_what_is_open_shows_and_writes_only_what_is_confirmed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "my.toml"
    asked = ["import", "--guess", str(folder), "--out", str(target)]
    left = CliRunner().invoke(app, asked, input="%d/%m/%Y\nEUR\nn\n")
    assert left.exit_code == 1
    assert not target.exists()
    done = CliRunner().invoke(app, asked, input="%d/%m/%Y\nEUR\ny\n")
    assert done.exit_code == 0, done.output
    assert "day and month of 1/5/2026 could be either way round" in done.output
    assert load(str(target)).files["invoices"].date == ("%d/%m/%Y",)
    refused = CliRunner().invoke(app, asked, input="")
    assert "is there already" in "".join(refused.stderr.splitlines())


def test_with_yes_nothing_that_is_open_is_guessed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "my.toml"
    asked = ["import", "--guess", str(folder), "--out", str(target), "--yes"]
    refused = CliRunner().invoke(app, asked)
    told = " ".join(refused.stderr.split())
    assert refused.exit_code == 1
    assert '--date "%d/%m/%Y" or "%m/%d/%Y"' in told
    assert "--currency" in told
    assert not target.exists()
    assert CliRunner().invoke(app, [*asked, "--date", "%m/%d/%Y", "--currency", "EUR"]).exit_code == 0
    assert "effective = 2026-01-05" in target.read_text()


def test_a_dry_run_needs_no_server_and_ends_with_1_where_rows_do_not_fit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["import", "--guess", str(folder), "--out", "my.toml", "--yes", "--date", "%m/%d/%Y", "--currency", "EUR"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    (folder / "invoices.csv").write_text(
        "invoice,customer,invoice date,total\n1,C1,1/5/2026,5.00\n2,C1,1/6/2026,five\n"
    )
    checked = CliRunner().invoke(app, ["import", "my.toml", str(folder), "--dry-run"])
    assert checked.exit_code == 1
    assert "3 documents: 1 refused; nothing was sent" in checked.stdout
    assert "invoices.csv line 3, column total: 'five': this is no number" in checked.stdout
    assert (tmp_path / "files-refused.csv").read_text("utf-8-sig").count("\n") == 2


def test_a_mapping_without_a_folder_is_told_what_belongs_to_it() -> None:
    told = CliRunner().invoke(app, ["import", "classicmodels"])
    assert told.exit_code == 2
    assert "kehu import --guess" in " ".join(told.stderr.split())

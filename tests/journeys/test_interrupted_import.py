"""An import that was killed halfway is run again: the counts add up, nothing is doubled, nothing is missing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.people import Person
from tests.journeys.running import Kehu, company

ROOT = Path(__file__).parents[2]
CUSTOMERS, BILLS = 60, 400
DOCUMENTS = CUSTOMERS + 2 * BILLS
MAPPING = """
name = "shop"
source = "//shop"

[files.customers]
path = "customers.csv"

[files.bills]
path = "bills.csv"

[[documents]]
type = "erp.Customer.v1"
from = "customers"
id = "customer/{no}"
effective = "2024-01-01"
[documents.fields]
customer = "{no}"
since = "2024-01-01"
[documents.fields.basics]
name = "{name}"
type = "retailer"
currency = "USD"

[[documents]]
type = "erp.Invoice.v1"
from = "bills"
id = "bill/{no}"
effective = "{day}"
[documents.fields]
customer = "{customer}"
invoice = "{no}"
invoice_date = "{day}"
due = "{day + 30 days}"
amount = { amount = "{amount}", currency = "USD" }

[[documents]]
type = "erp.Payment.v1"
from = "bills"
id = "payment/{no}"
effective = "{day + 40 days}"
[documents.fields]
customer = "{customer}"
payment = "{no}"
amount = { amount = "{paid}", currency = "USD" }
value_date = "{day + 40 days}"
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("interrupted_import")]


@pytest.fixture(scope="module")
def kehu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kehu]:
    with company(tmp_path_factory.mktemp("importing")) as kehu:
        yield kehu


@pytest.fixture
def shop(kehu: Kehu) -> Path:
    """A folder with a mapping and two CSV files: bill n is over n.50, of which n is paid."""
    folder = kehu.folder / "shop"
    folder.mkdir()
    (folder / "shop.toml").write_text(MAPPING)
    customers = [f"{n},Shop {n}" for n in range(1, CUSTOMERS + 1)]
    bills = [f"{n},{n % CUSTOMERS + 1},2024-{n % 12 + 1:02}-15,{n}.50,{n}.00" for n in range(1, BILLS + 1)]
    (folder / "customers.csv").write_text("\n".join(["no,name", *customers, ""]))
    (folder / "bills.csv").write_text("\n".join(["no,customer,day,amount,paid", *bills, ""]))
    return folder


def importing(kehu: Kehu, shop: Path) -> list[str]:
    return ["import", str(shop / "shop.toml"), str(shop), "--url", kehu.url]


def test_an_import_killed_halfway_is_finished_by_the_next_one_and_nothing_is_doubled(kehu: Kehu, shop: Path) -> None:
    with Person(kehu) as boss:
        first = [sys.executable, "-m", "tests.journeys.cut_import", *importing(kehu, shop)]
        assert subprocess.run(first, check=False, cwd=ROOT, stderr=subprocess.DEVNULL).returncode == -9
        again = kehu.run(*importing(kehu, shop))
        assert again.returncode == 0, again.stdout + again.stderr
        counts = re.search(r"(\d+) documents: (\d+) accepted, (\d+) known already, 0 waiting, 0 refused", again.stdout)
        assert counts, again.stdout
        drafted, accepted, known = map(int, counts.groups())
        assert (drafted, accepted + known) == (DOCUMENTS, DOCUMENTS)
        assert known > CUSTOMERS + BILLS // 2
        assert accepted > 0
        kehu.settled()
        for kind, expected in (("InvoiceIssued", BILLS), ("PaymentReceived", BILLS), ("AccountOpened", CUSTOMERS)):
            told = boss.log("/api/credit", f"credit.{kind}")
            assert len(told) == len({e["subject"] for e in told}) == expected, kind
        totals: dict[str, Any] = boss.see("/api/analytics/totals", as_of="2025-12-31")
        whole = Decimal(sum(range(1, BILLS + 1)))
        assert (Decimal(totals["paid"]), Decimal(totals["billed"])) == (whole, whole + Decimal("0.5") * BILLS)
        assert (totals["customers"], totals["invoices"], totals["payments"]) == (CUSTOMERS, BILLS, BILLS)
        balance = boss.see("/api/analytics/balance", as_of="2025-12-31")
        assert Decimal(balance["outstanding"]) == Decimal("0.5") * BILLS

"""An import that was killed halfway is run again: the counts add up, nothing is doubled, nothing is missing."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

import all_in_one.importing
from all_in_one.cli import app
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
    return written(kehu.folder / "shop", "")


def written(folder: Path, prefix: str) -> Path:
    """A folder with a mapping and two CSV files: bill n is over n.50, of which n is paid. Keys begin with `prefix`."""
    folder.mkdir()
    (folder / "shop.toml").write_text(MAPPING)
    customers = [f"{prefix}{n},Shop {n}" for n in range(1, CUSTOMERS + 1)]
    bills = [
        f"{prefix}{n},{prefix}{n % CUSTOMERS + 1},2024-{n % 12 + 1:02}-15,{n}.50,{n}.00" for n in range(1, BILLS + 1)
    ]
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


FULL = """
create function no_room() returns trigger language plpgsql as $$
begin
    if new.pos > {last} then
        raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
    end if;
    return new;
end $$;
create trigger no_room before insert on events for each row execute function no_room();
"""
"""What PostgreSQL answers on a full disk, from a position of the log on."""
ROOM = "drop trigger no_room on events; drop function no_room"


def test_an_import_into_a_full_disk_stops_says_so_and_goes_on_once_there_is_room(
    kehu: Kehu, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(kehu.folder / "full", "F")
    monkeypatch.setattr(all_in_one.importing, "PATIENCE", 1.0)
    monkeypatch.chdir(kehu.folder)
    with Person(kehu) as boss:
        head = boss.see("/api/credit/events", after=10**9)["head"]
        told(kehu, FULL.format(last=head + CUSTOMERS + 300))
        stopped = CliRunner().invoke(app, importing(kehu, folder))
        assert stopped.exit_code == 1
        assert "/api/credit/intake answered 507" in " ".join(stopped.stderr.split())
        assert "start it again" in " ".join(stopped.stderr.split())
        told(kehu, ROOM)
        again = CliRunner().invoke(app, importing(kehu, folder))
        assert again.exit_code == 0, again.output
        assert f"{DOCUMENTS} documents:" in again.stdout
        kehu.settled()
        for kind in ("InvoiceIssued", "PaymentReceived"):
            subjects = [e["subject"] for e in boss.log("/api/credit", f"credit.{kind}") if "-F" in e["subject"]]
            assert len(subjects) == len(set(subjects)) == BILLS, kind


def told(kehu: Kehu, statement: str) -> None:
    """A word of the owner of credit's database."""

    async def run() -> None:
        connection = await asyncpg.connect(**kehu.database("credit"))
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())

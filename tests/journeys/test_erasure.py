"""An erased person can be read nowhere: no plaintext in any table, file or log; figures are what they were."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.journeys.people import Person, document, money, rebuild_everything, until
from tests.journeys.running import Kehu, company

FIGURES = ("balance", "balance/customers", "ageing", "dso", "limits", "tiers", "products", "totals", "complaints")
ERASED = {"person": "P-1", "name": "欧阳娜娜特", "phone": "021-7766554433", "email": "nana.ouyang@hudong.example"}
KEPT = {"person": "P-2", "name": "Wilhelmina Quist", "phone": "0046-8-12345678", "email": "mina@hudong.example"}
BASICS = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
DAY, DUE = "2030-01-07", "2030-01-08"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("erasure")]


@dataclass
class Archive:
    """A company that knows two persons, as contacts from people and from the ERP, and as complainants."""

    kehu: Kehu
    boss: Person
    complaints: dict[str, str]

    def contacts(self) -> dict[str, dict[str, Any]]:
        return {c["person"]: c for c in self.boss.see("/api/customers/contacts", customer="C-1")["items"]}

    def complainant(self, person: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.boss.see("/api/complaints/complainant", complaint=self.complaints[person])
        return shown

    def figures(self) -> dict[str, Any]:
        """All figures, without what they say about how much they know."""
        self.kehu.settled()
        shown = {name: self.boss.see(f"/api/analytics/{name}") for name in FIGURES}
        return {name: {k: v for k, v in f.items() if k not in ("known_at", "through")} for name, f in shown.items()}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with company(tmp_path_factory.mktemp("archive")) as kehu, Person(kehu) as boss:
        boss.do("/api/customers/days/open", {"day": DAY})
        boss.do("/api/customers/days/live", {})
        archive = Archive(kehu, boss, {})
        known(archive)
        refused(archive)
        kehu.settled()
        yield archive


def known(archive: Archive) -> None:
    """What two persons are known for, with some money moving around them."""
    boss = archive.boss
    boss.send(
        "/api/customers",
        document("Customer", "CUST-1", customer="C-1", basics=BASICS, contacts=[ERASED | {"role": "buyer"}]),
    )
    for person in (ERASED, KEPT):
        boss.do("/api/customers/contacts", {"customer": "C-1", "contact": person}, "PUT")
        complainant = {name: person[name] for name in ("person", "name", "phone")}
        complaint = {"customer": "C-1", "subject": "service", "object": "a call", "demand": "an answer"}
        opened = boss.do("/api/complaints/", {**complaint, "complainant": complainant})
        archive.complaints[person["person"]] = opened["id"]
    until(lambda: boss.client.get("/api/credit/accounts/C-1").status_code == 200)
    boss.do("/api/credit/limits", {"customer": "C-1", "limit": money("900.00"), "reason": "a first order"})
    line = {"product": "PUMP", "quantity": "10", "price": "60.00", "cost": "40.00"}
    boss.do("/api/customers/orders", {"customer": "C-1", "order": "O-1", "currency": "CNY", "lines": [line]})
    bill = {"customer": "C-1", "invoice": "I-1", "invoice_date": DAY, "due": DUE, "amount": money("700.00")}
    boss.do("/api/credit/invoices", bill)
    archive.kehu.settled()


def refused(archive: Archive) -> None:
    """Personal data in what is refused, in bodies, in a batch, in the wrong place."""
    boss = archive.boss
    wrong = {"customer": "C-1", "contact": {**ERASED, "shoe_size": "38"}}
    assert boss.ask("/api/customers/contacts", wrong, "PUT").status_code == 422
    assert boss.ask("/api/customers/contacts", {"customer": "C-404", "contact": ERASED}, "PUT").status_code == 404
    sent: dict[str, Any] = {"basics": BASICS, "contacts": [{**ERASED, "name": 7}]}
    [receipt] = boss.send("/api/customers", document("Customer", "CUST-2", customer="C-2", **sent))
    assert receipt["verdict"] == "rejected"


async def dumped(kehu: Kehu) -> str:
    """Every row of every table of all databases as text; bytes as hex."""
    rows: list[str] = []
    for service in ("customer", "credit", "complaint", "analytics"):
        connection = await asyncpg.connect(**kehu.database(service))
        try:
            tables = await connection.fetch("select oid::regclass::text from pg_class where relkind in ('r', 'm', 'p')")
            for (table,) in tables:
                rows += [r[0] for r in await connection.fetch(f"select t::text from {table} t")]
        finally:
            await connection.close()
    return "\n".join(rows)


def disguises(text: str) -> set[str]:
    """What `text` looks like in a dump: plain, escaped in JSON, in hex, in base64 wherever it begins."""
    plain = text.encode()
    inner = {b64encode(b"\0" * n + plain).decode()[4:-4] for n in range(3)}
    return {text, json.dumps(text)[1:-1], plain.hex(), plain.hex().upper()} | {i for i in inner if len(i) > 7}


def found(person: dict[str, str], text: str) -> list[str]:
    """Which of a person's name, phone and mail can be read in `text`."""
    return [n for n in ("name", "phone", "email") if any(d in text for d in disguises(person[n]))]


async def test_nothing_of_a_person_can_be_read_in_the_databases_the_files_and_the_logs_even_before_an_erasure(
    archive: Archive,
) -> None:
    assert (archive.contacts()["P-1"]["name"], archive.complainant("P-1")["phone"]) == (ERASED["name"], ERASED["phone"])
    dump = await dumped(archive.kehu)
    assert "沪东机械" in dump
    assert (found(ERASED, dump), found(KEPT, dump)) == ([], [])
    assert on_disk(archive.kehu, "沪东机械".encode())
    for person in (ERASED, KEPT):
        assert [n for n in ("name", "phone", "email") if on_disk(archive.kehu, person[n].encode())] == []


def on_disk(kehu: Kehu, plain: bytes) -> list[str]:
    """The files of the company's folder and the log of the process that hold `plain`."""
    files = [p for folder in (kehu.folder, kehu.cluster.parent) for p in folder.rglob("*") if p.is_file()]
    return [p.name for p in files if plain in content(p)]


def content(file: Path) -> bytes:
    """Nothing where the server, at work meanwhile, has removed the file."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


async def test_an_erased_person_is_null_everywhere_and_figures_stay_also_after_every_view_was_rebuilt(
    archive: Archive,
) -> None:
    before = archive.figures()
    assert before["balance"]["outstanding"] == "700.00"
    reason = "asked for it by letter"
    archive.boss.do("/api/customers/contacts/erase", {"customer": "C-1", "person": "P-1", "reason": reason})
    until(lambda: archive.complainant("P-1")["name"] is None)
    for _ in range(2):
        assert list(archive.contacts()) == ["P-2"]
        assert (archive.complainant("P-1")["name"], archive.complainant("P-1")["phone"]) == (None, None)
        assert archive.contacts()["P-2"]["name"] == archive.complainant("P-2")["name"] == KEPT["name"]
        assert archive.figures() == before
        rebuild_everything(archive.boss)
    dump = await dumped(archive.kehu)
    assert found(ERASED, dump) == []
    assert "asked for it by letter" in dump


async def test_an_erased_person_stays_erased_over_a_restart_and_cannot_be_recorded_again(archive: Archive) -> None:
    archive.kehu.stop()
    archive.kehu.start()
    assert archive.complainant("P-1")["name"] is None
    again = archive.boss.ask("/api/customers/contacts", {"customer": "C-1", "contact": ERASED}, "PUT")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/customer/person-is-erased")
    sent: dict[str, Any] = {"customer": "C-1", "basics": BASICS, "contacts": [ERASED]}
    [receipt] = archive.boss.send("/api/customers", document("Customer", "CUST-3", **sent))
    assert receipt["verdict"] == "accepted"
    assert list(archive.contacts()) == ["P-2"]
    assert found(ERASED, await dumped(archive.kehu)) == []
    assert not on_disk(archive.kehu, ERASED["name"].encode())

"""A company into a file and back: the same state, a new life; and every file that cannot be restored says why."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from all_in_one.cli import app
from all_in_one.commands.server import PREFIXES
from tests.journeys.people import Person, money, until
from tests.journeys.running import Kehu, company

BASICS = {"name": "Acme 泵业", "type": "dealer", "currency": "CNY"}
WANG = {"person": "wang-fang", "name": "王芳", "phone": "021-5551"}
Sums = Mapping[tuple[str, str], tuple[int, int]]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup"), pytest.mark.timeout(240)]


def kehu(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def told(*words: str) -> Any:
    done = kehu(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*words: str) -> str:
    done = kehu(*words)
    assert (done.exit_code, done.stdout) == (1, ""), done.output
    return " ".join(done.stderr.split())


@dataclass
class Saved:
    """A company that was backed up while it ran, and went on; `sums` are those of its views at the backup."""

    kehu: Kehu
    file: Path
    sums: Sums
    lives: set[str]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    folder, before = tmp_path_factory.mktemp("saved"), Path.cwd()
    os.chdir(folder)
    try:
        with company(folder, "mine") as running, Person(running) as boss:
            worked(boss)
            running.settled()
            lives = {s["incarnation"] for s in states(boss).values()}
            found = Saved(running, folder / "monday.kehu", sums(running), lives)
            told("backup", str(found.file), "--data", "mine")
            boss.do("/api/customers", {"customer": "later", "basics": BASICS})
            boss.do("/api/customers/days/advance", {"since": "2030-01-07", "days": 40})
            running.settled()
            yield found
    finally:
        os.chdir(before)


def worked(boss: Person) -> None:
    """Some of everything: a person, an order, an invoice, a complaint, an alert."""
    boss.do("/api/customers/days/open", {"day": "2030-01-07"})
    boss.do("/api/customers/days/live", {})
    boss.do("/api/customers", {"customer": "acme", "basics": BASICS})
    boss.do("/api/customers/contacts", {"customer": "acme", "contact": WANG}, "PUT")
    until(lambda: boss.client.get("/api/credit/accounts/acme").status_code == 200)
    boss.do("/api/credit/limits", {"customer": "acme", "limit": money("900.00"), "reason": "three good years"})
    bill = {"customer": "acme", "invoice": "I-1", "invoice_date": "2029-11-01", "due": "2029-12-01"}
    boss.do("/api/credit/invoices", {**bill, "amount": money("700.00")})
    complaint = {"customer": "acme", "subject": "service", "object": "a call", "demand": "an answer"}
    boss.do("/api/complaints/", {**complaint, "complaint": "K-1", "complainant": WANG})


def states(boss: Person) -> dict[str, Any]:
    return {name: boss.see(f"{prefix}/ops/store") for name, prefix in PREFIXES.items()}


def sums(running: Kehu) -> Sums:
    """Count and checksum of every view of every service."""
    return {(s, view): found for s in PREFIXES for view, found in asyncio.run(summed(running, s)).items()}


async def summed(running: Kehu, service: str) -> dict[str, tuple[int, int]]:
    connection = await asyncpg.connect(**running.database(service))
    try:
        names = [r[0] for r in await connection.fetch("select name from views order by 1")]
        query = 'select count(*), coalesce(sum(hash_record_extended(t, 0)::numeric), 0) from (select * from "{}") t'
        found = {name: await connection.fetchrow(query.format(name)) for name in names}
        return {name: (row[0], int(row[1])) for name, row in found.items() if row}
    finally:
        await connection.close()


def test_a_restored_company_ends_in_the_state_it_was_backed_up_in_and_work_goes_on(saved: Saved) -> None:
    assert len(saved.sums) > 20
    assert sum(rows for rows, _ in saved.sums.values()) > 15
    planned = told("restore", str(saved.file), "--data", "again")
    assert (planned["done"], planned["replaces"], planned["key"]) == (False, False, "inside")
    assert not Path(".kehu/again").exists()
    assert told("restore", str(saved.file), "--data", "again", "--yes")["done"]
    again = Kehu(saved.kehu.folder, "again")
    try:
        again.start()
        with Person(again, _keys=count(1000)) as boss:  # keys used before the backup are known
            anew(boss)
            assert sums(again) == saved.sums
            assert saved.lives.isdisjoint(s["incarnation"] for s in states(boss).values())
            [contact] = boss.see("/api/customers/contacts", customer="acme")
            assert contact["name"] == WANG["name"]
            assert boss.client.get("/api/customers/later").status_code == 404
            boss.do("/api/customers/days/advance", {"since": "2030-01-07", "days": 40})
            until(lambda: boss.see("/api/customers/days")["today"] == "2030-02-16")
            again.settled()
        assert again.stop() == 0
    finally:
        again.remove()


def anew(boss: Person) -> None:
    """Wait until every view was built anew, and caught up."""
    views = [(p, v["name"]) for p in PREFIXES.values() for v in boss.see(f"{p}/ops/views")]
    for prefix, name in views:
        until(lambda prefix=prefix, name=name: boss.see(f"{prefix}/ops/views/{name}")["build"] > 1)  # type: ignore[misc]
    boss.kehu.settled()


def test_a_file_is_never_written_over_and_a_company_that_is_not_there_is_told_with_those_that_are(
    saved: Saved, tmp_path: Path
) -> None:
    before = saved.file.read_bytes()
    assert "is there already; give another name" in refused("backup", str(saved.file), "--data", "mine")
    assert saved.file.read_bytes() == before
    assert "no company other here; there are: mine" in refused("backup", str(tmp_path / "x"), "--data", "other")
    assert kehu("backup", str(tmp_path / "x"), "--data", "No Name").exit_code == 2
    assert "No such file" in refused("backup", str(tmp_path / "nowhere" / "x"), "--data", "mine")
    assert list(tmp_path.iterdir()) == []


def changed(saved: Saved, to: Path, manifest: Mapping[str, Any]) -> str:
    """The backup with other values in its manifest."""
    with ZipFile(saved.file) as old, ZipFile(to, "w") as new:
        for name in old.namelist()[:-1]:
            new.writestr(name, old.read(name))
        new.writestr("manifest.json", json.dumps(json.loads(old.read("manifest.json")) | manifest))
    return str(to)


def test_a_backup_of_a_newer_kehu_is_refused_with_what_to_do(saved: Saved, tmp_path: Path) -> None:
    services = json.loads(ZipFile(saved.file).read("manifest.json"))["services"]
    newer = services | {"credit": services["credit"] | {"schema_revision": "9001"}}
    file = changed(saved, tmp_path / "schema", {"kehu": "7.0.0", "services": newer})
    said = refused("restore", file, "--data", "x")
    assert "was made by Kehu 7.0.0 with the schema 9001 of credit" in said
    assert "restore it with that version, or a later one" in said
    events = services["credit"]["types"] | {"credit.LimitSet.v9": 3}
    strange = services | {"credit": services["credit"] | {"types": events}}
    file = changed(saved, tmp_path / "events", {"kehu": "7.0.0", "services": strange})
    assert "holds events this one (0.1.0) does not know (credit.LimitSet.v9)" in refused("restore", file, "--data", "x")
    file = changed(saved, tmp_path / "format", {"kehu": "7.0.0", "format": 2})
    assert "has the format of Kehu 7.0.0" in refused("restore", file, "--data", "x")


def test_a_file_that_was_cut_off_damaged_or_is_something_else_is_refused(saved: Saved, tmp_path: Path) -> None:
    whole, file = saved.file.read_bytes(), tmp_path / "broken"
    for part in (whole[: len(whole) // 2], whole[:-1], b"", b"Customer;Name"):
        file.write_bytes(part)
        assert "is no backup, or its end is missing" in refused("restore", str(file), "--data", "x")
    middle = whole.index(b"PGDMP") + 2000
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert "is damaged: customer.dump is not what was written" in refused("restore", str(file), "--data", "x", "--yes")
    with ZipFile(file, "w") as other:
        other.writestr("readme.txt", "hello")
    assert "no backup made by `kehu backup`" in refused("restore", str(file), "--data", "x")
    assert "No such file" in refused("restore", str(tmp_path / "nothing"), "--data", "x")
    assert not list(Path(".kehu").glob("x*"))

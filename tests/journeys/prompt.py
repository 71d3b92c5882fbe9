"""Somebody at a prompt, a company worth looking after, and ways to break it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from typer.testing import CliRunner, Result

from all_in_one.cli import app
from all_in_one.commands.server import PREFIXES
from tests.journeys.people import Person, money, until
from tests.journeys.running import Kehu

BASICS = {"name": "Acme 泵业", "type": "dealer", "currency": "CNY"}
WANG = {"person": "wang-fang", "name": "王芳芳的名字", "phone": "021-5551234"}
Sums = Mapping[tuple[str, str], tuple[int, int]]


@dataclass
class Terminal:
    """Somebody at a prompt whose KEHU_URL names the running company."""

    kehu: Kehu

    def kehu_(self, *words: str, token: str = "dev-admin") -> Result:
        return CliRunner().invoke(app, list(words), env={"KEHU_URL": self.kehu.url, "KEHU_TOKEN": token})

    def json(self, *words: str, code: int = 0) -> Any:
        """What a program gets: one document on stdout and nothing else anywhere."""
        done = self.kehu_(*words, "--json")
        assert (done.exit_code, done.stderr) == (code, ""), done.output
        return json.loads(done.stdout)

    def said(self, *words: str, code: int = 0) -> str:
        done = self.kehu_(*words)
        assert done.exit_code == code, done.output
        assert "\x1b" not in done.output  # no colours in a pipe
        return done.output


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


def lives(boss: Person) -> set[str]:
    """The incarnations of all logs."""
    return {boss.see(f"{prefix}/ops/store")["incarnation"] for prefix in PREFIXES.values()}


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


def sql(kehu: Kehu, service: str, *statements: str) -> None:
    """Done in the database of a service, as its owner."""

    async def execute() -> None:
        connection = await asyncpg.connect(**kehu.database(service))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())


async def park(kehu: Kehu, event: dict[str, Any]) -> None:
    """As if the view of customers could not fold this event."""
    connection = await asyncpg.connect(**kehu.database("customer"))
    try:
        await connection.execute(
            "insert into dead_letters (grp, customer, topic, part, pos, event, type, kind, error, place) "
            "values ('view:customers', 'acme', 'customer', $1, $2, $3, $4, 'poison', 'builtins.ValueError', 'a.py:1')",
            event["kehupart"], int(event["sequence"]), event["id"], event["type"].removesuffix(".v1"),
        )  # fmt: skip
    finally:
        await connection.close()

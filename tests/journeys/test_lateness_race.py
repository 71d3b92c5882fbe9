"""PaymentDelayed is in the log once a step, while four processes race for the timers and one is killed at work."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import asyncpg
import pytest

from tests.journeys.people import Person, document, money
from tests.journeys.running import Kehu, company

ROOT = Path(__file__).parents[2]
DAY = date(2030, 1, 7)
DUE = DAY + timedelta(5)
STEPS = (1, 30, 60, 90)
CUSTOMERS, INVOICES, PAID = 20, 300, 30
FIRING = 5348006
"""Who fires timers holds this lock."""
HOLDER = f"""
select a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.objid = {FIRING} and l.granted and a.application_name like 'racer-%'"""
"""Which of the racers is firing timers just now."""
AT_WORK = """
select exists (select from pg_stat_activity where backend_type = 'client backend' and state <> 'idle'
    and application_name not like 'racer-%' and pid <> pg_backend_pid())"""
"""Whether Kehu itself has a transaction open."""
PLANNED = "select count(*) from timers where fired_at is null"
ALL_FIRED = "select not exists (select from timers where fired_at is null)"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("lateness_race")]
Racers = dict[str, "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def boss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with company(tmp_path_factory.mktemp("late")) as kehu, Person(kehu) as boss:
        boss.do("/api/customers/days/open", {"day": DAY.isoformat()})
        boss.do("/api/customers/days/live", {})
        yield boss


@pytest.fixture
def racers(boss: Person) -> Iterator[Racers]:
    """Three processes with the timers of credit-svc, beside the one that has everything."""
    urls = [boss.kehu.database_url(service) for service in ("customer", "credit")]
    names = [f"racer-{n}" for n in range(3)]
    command = [sys.executable, "-m", "tests.journeys.timer_worker"]
    racing = {
        name: subprocess.Popen([*command, name, *urls], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for name in names
    }
    try:
        for racer in racing.values():
            assert racer.stdout is not None
            first = racer.stdout.readline()
            assert first == b"at work\n", first + racer.stdout.read()
        yield racing
    finally:
        for racer in racing.values():
            racer.kill()
            racer.communicate()


def owing(boss: Person) -> None:
    """Invoices due in five days, the first of them paid in time."""
    basics = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
    keys = [f"C-{n}" for n in range(CUSTOMERS)]
    boss.send("/api/customers", *(document("Customer", k, customer=k, basics=basics) for k in keys))
    boss.kehu.settled()
    day: dict[str, Any] = {"invoice_date": DAY.isoformat(), "due": DUE.isoformat(), "amount": money("10.00")}
    bills = [
        document("Invoice", f"I-{n}", customer=f"C-{n % CUSTOMERS}", invoice=f"I-{n}", **day) for n in range(INVOICES)
    ]
    paid: dict[str, Any] = {"amount": money("10.00"), "value_date": DAY.isoformat()}
    payments = [
        document("Payment", f"P-{n}", customer=f"C-{n % CUSTOMERS}", payment=f"P-{n}", names=[f"I-{n}"], **paid)
        for n in range(PAID)
    ]
    assert {r["verdict"] for r in boss.send("/api/credit", *bills, *payments)} == {"accepted"}
    boss.kehu.settled()


def asked(kehu: Kehu, query: str) -> Any:
    """What the database of credit-svc answers, once that is true."""

    async def answered() -> Any:
        connection = await asyncpg.connect(**kehu.database("credit"))
        try:
            return await true(connection, query)
        finally:
            await connection.close()

    return asyncio.run(answered())


async def true(connection: "asyncpg.Connection[asyncpg.Record]", query: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            if found := await connection.fetchval(query):
                return found
            await asyncio.sleep(0.001)


async def one_killed_at_work(boss: Person, racers: Racers) -> str:
    """Open the day on which all is due, and kill the racer that begins.

    One of them does: Kehu itself, which could have everything done alone, stands still until then.
    """
    connection = await asyncpg.connect(**boss.kehu.database("credit"))
    try:
        await connection.execute(f"select pg_advisory_lock({FIRING})")
        await asyncio.to_thread(boss.do, "/api/customers/days/advance", {"since": DAY.isoformat(), "days": 100})
        await asyncio.to_thread(boss.kehu.settled)
        await stopped(boss.kehu, connection)
        await connection.execute(f"select pg_advisory_unlock({FIRING})")
        dead: str = await true(connection, HOLDER)
        racers[dead].kill()
        return dead
    finally:
        boss.kehu.signal(SIGCONT)
        await connection.close()


async def stopped(kehu: Kehu, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Kehu stands still, between two transactions: nobody waits for it."""
    async with asyncio.timeout(60):
        kehu.signal(SIGSTOP)
        while await connection.fetchval(AT_WORK):
            kehu.signal(SIGCONT)
            await asyncio.sleep(0.02)
            kehu.signal(SIGSTOP)
            await asyncio.sleep(0.02)


def test_each_step_is_noticed_once_and_none_of_what_was_paid_while_one_of_the_racers_is_killed(
    boss: Person, racers: Racers
) -> None:
    owing(boss)
    assert asked(boss.kehu, PLANNED) == INVOICES * len(STEPS)
    dead = asyncio.run(one_killed_at_work(boss, racers))
    assert asked(boss.kehu, ALL_FIRED)
    noticed = boss.log("/api/credit", "credit.PaymentDelayed")
    expected = [
        (f"I-{n}", 1, days, (DUE + timedelta(days)).isoformat()) for n in range(PAID, INVOICES) for days in STEPS
    ]
    told = [(e["data"]["invoice"], e["data"]["instalment"], e["data"]["days"], e["effectivedate"]) for e in noticed]
    assert sorted(told) == sorted(expected)
    assert racers[dead].wait(10) == -9
    assert all(racer.poll() is None for name, racer in racers.items() if name != dead)

"""A thousand alerts, live: a client that is cut and comes back has each of them once; open streams end with Kehu."""

import random
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import pytest

from tests.journeys.people import Listener, Person, document, money, told, until
from tests.journeys.running import NO_TLS, Kehu, company

CUSTOMERS, CUTS = 1000, 20
DAY, DUE = "2030-01-07", "2030-02-06"
ALERTS = "/api/analytics/alerts/stream"
KINDS = ("Raised", "Changed", "Acknowledged", "Resolved", "Retracted", "Cleared")

OFFICE = {"Authorization": "Bearer dev-office"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("live_alerts")]


@pytest.fixture(scope="module")
def boss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with company(tmp_path_factory.mktemp("alerting")) as kehu, Person(kehu) as boss:
        boss.do("/api/customers/days/open", {"day": DAY})
        boss.do("/api/customers/days/live", {})
        yield boss


def without_credit(boss: Person, count: int) -> None:
    """So many customers with a new account's limit, which is 0."""
    basics = {"name": "沪东机械", "type": "dealer", "currency": "CNY"}
    keys = [f"C-{n}" for n in range(count)]
    boss.send("/api/customers", *(document("Customer", k, customer=k, basics=basics) for k in keys))
    boss.kehu.settled()


def billed(boss: Person, customers: range) -> None:
    """An invoice each: every one of them is then above its limit."""
    bill: dict[str, Any] = {"invoice_date": DAY, "due": DUE, "amount": money("10.00")}
    documents = [document("Invoice", f"I-{n}", customer=f"C-{n}", invoice=f"I-{n}", **bill) for n in customers]
    assert {r["verdict"] for r in boss.send("/api/credit", *documents)} == {"accepted"}


def part(kehu: Kehu, last: int, lines: int) -> list[tuple[int, str, dict[str, Any]]]:
    """What a client is told after `last` until its connection is cut, `lines` lines later, whatever they are."""
    with (
        httpx.Client(base_url=kehu.url, headers=OFFICE, timeout=60, verify=NO_TLS) as client,
        client.stream("GET", ALERTS, headers={"Last-Event-ID": str(last)}) as stream,
    ):
        return list(told(islice(stream.iter_lines(), lines)))


def test_a_client_that_is_cut_twenty_times_among_a_thousand_alerts_has_each_of_them_once(boss: Person) -> None:
    without_credit(boss, CUSTOMERS)
    chance = random.Random(20)
    seen: list[tuple[int, str, dict[str, Any]]] = []
    for cut in range(CUTS):
        billed(boss, range(cut * CUSTOMERS // CUTS, (cut + 1) * CUSTOMERS // CUTS))
        last = seen[-1][0] if seen else 0
        seen += part(boss.kehu, last, chance.randint(1, 4 * CUSTOMERS // CUTS))
    while len(seen) < CUSTOMERS:
        seen += part(boss.kehu, seen[-1][0], 2 + 4 * (CUSTOMERS - len(seen)))
    assert {data["customer"] for _, name, data in seen if name == "AlertRaised"} == {f"C-{n}" for n in range(CUSTOMERS)}
    logged = boss.log("/api/analytics", *(f"analytics.Alert{kind}" for kind in KINDS))
    assert [position for position, _, _ in seen] == [int(e["sequence"]) for e in logged]
    assert len(seen) == CUSTOMERS


def test_a_stop_ends_open_streams_and_the_process_cleanly_within_ten_seconds(boss: Person) -> None:
    listeners = [Listener(boss.kehu) for _ in range(5)]
    for listener in listeners:
        listener.start()
        assert listener.listening.wait(60)
    until(lambda: all(len(listener.heard) == CUSTOMERS for listener in listeners))
    began = time.perf_counter()
    assert boss.kehu.stop() == 0, boss.kehu.log()
    assert time.perf_counter() - began < 10
    for listener in listeners:
        listener.join(5)
        assert not listener.is_alive()
    assert "Traceback" not in boss.kehu.log()
    assert '"level": "error"' not in boss.kehu.log()

"""The page on operating Kehu on Kafka and PostgreSQL: its steps are taken on one company, faults included."""

import asyncio
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson
import pytest

from all_in_one.home import Home
from tests.journeys.pages import patiently
from tests.journeys.people import Person
from tests.journeys.prompt import Sums, Terminal, lives, park, sums, worked
from tests.journeys.readme import Example, examples, missing_line
from tests.journeys.running import Kehu, company

PAGE, PAGE_ZH = "docs/how-to/operate.md", "docs/how-to/operate.zh-CN.md"
KIND = "distributed"
BROKER = ".kehu/kafka/3-broker/broker-1/"
CLUSTER = ".kehu/mine/postgresql/cluster"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Operator:
    """Somebody who types what the page shows; what the company was when it was backed up."""

    kehu: Kehu
    saved: Sums
    lives: set[str]

    def type(self, command: str) -> str:
        """What it says; the company is stopped for a restore."""
        if command.startswith("kehu restore") and self.running:
            assert self.kehu.stop() == 0, self.kehu.log()
        words = shlex.split(command) if command.startswith("kehu ") else []
        said = Terminal(self.kehu).kehu_(*words[1:]).output if words else self._shell(command)
        if not self.running and command.endswith("--yes"):
            self.kehu.start()
        return said.replace("\t", "   ")

    @property
    def running(self) -> bool:
        return self.kehu.process is not None and self.kehu.process.poll() is None

    def _shell(self, command: str) -> str:
        """With the one broker and the place of the database that this company has."""
        here = command.replace(BROKER, ".kehu/mine/kafka/broker-1/").replace(CLUSTER, str(self.kehu.cluster))
        done = subprocess.run(["bash", "-c", here], check=True, capture_output=True, text=True)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, kafka_cluster: str) -> Iterator[Operator]:
    """On a Kafka that it starts by itself; that there can be one is asked by `kafka_cluster`."""
    assert kafka_cluster
    folder, before = tmp_path_factory.mktemp("operate"), Path.cwd()
    os.chdir(folder)
    try:
        with company(folder, "mine", "") as kehu, Person(kehu) as boss:
            worked(boss)
            kehu.settled()
            yield Operator(kehu, sums(kehu), lives(boss))
    finally:
        os.chdir(before)
        Home(folder / ".kehu" / "mine-before-1").remove()


def refused(operator: Operator, example: Example, said: dict[str, str]) -> str | None:
    """The first line shown that was not said yet: what only looks is asked again."""
    for command in example.commands:
        if command not in said or command.startswith(("kehu status", "kehu relay status", "kehu deadletters")):
            said[command] = operator.type(command.strip())
    together = "\n".join(said.values())
    line = missing_line(example.shown, together)
    return line and f"{line}: {together}"


def test_what_the_page_does_to_a_company_says_what_it_shows_and_leaves_it_as_it_was_backed_up(
    operator: Operator,
) -> None:
    found = examples(KIND, page=PAGE)
    assert len(found) == 8
    for example in found:
        if "deadletters" in example.commands[0]:
            tail = Terminal(operator.kehu).said("events", "tail", "--type", "customer.CustomerRegistered", "--json")
            asyncio.run(park(operator.kehu, orjson.loads(tail.splitlines()[0])))
        patiently(partial(refused, operator, example, {}))
    operator.kehu.settled()


def test_after_the_restore_the_state_is_that_of_the_backup_in_another_life_and_work_goes_on(operator: Operator) -> None:
    with Person(operator.kehu) as boss:
        assert operator.lives.isdisjoint(lives(boss))
        assert sums(operator.kehu) == operator.saved
        basics = {"name": "Later", "type": "dealer", "currency": "CNY"}
        boss.do("/api/customers", {"customer": "later", "basics": basics}, **{"Idempotency-Key": "later"})
        operator.kehu.settled()
        assert boss.see("/api/credit/accounts/later")["customer"] == "later"


def test_the_chinese_page_types_and_shows_the_same() -> None:
    assert examples(KIND, page=PAGE_ZH) == examples(KIND, page=PAGE)

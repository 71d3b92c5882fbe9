"""Every import contract is broken on purpose, in a copy of the tree: exactly that contract must then fail."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("breaking.py")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
pytestmark = pytest.mark.xdist_group("contracts")  # the tree is copied once


@dataclass(frozen=True)
class Case:
    """`files` (module -> text appended to it, or a new module) break `contract`; None: they break none.

    `alone`: a package that holds nothing but these files, so that an import upwards closes no cycle as well.
    `also`: the other contract that forbids just this.
    """

    contract: str | None
    kind: str
    files: Mapping[str, str]
    alone: str | None = None
    also: str | None = None

    def __str__(self) -> str:
        return f"{self.contract or 'none'}: {self.kind}"

    def asked(self) -> dict[str, object]:
        return {
            "clear": str(place(self.alone)) if self.alone else None,
            "files": {f"{place(module)}.py": text for module, text in self.files.items()},
        }


def place(module: str) -> Path:
    """Where a module lies in the tree, without ``.py``."""
    package = module.partition(".")[0]
    found = next(ROOT.glob(f"*/*/src/{package}")).relative_to(ROOT)
    return found.joinpath(*module.split(".")[1:])


def service(**modules: str) -> dict[str, str]:
    """A whole customer_svc with nothing in it but these modules' texts (``domain__order``: a module in a package)."""
    empty = dict.fromkeys(("__init__", "service", "api", "intake", "projections.__init__", "domain.__init__"), "")
    given = {name.replace("__", "."): text for name, text in modules.items()}
    return {f"customer_svc.{name}": text for name, text in (empty | given).items()}


def inside(kind: str, **modules: str) -> Case:
    return Case("inside-a-service", kind, service(**modules), alone="customer_svc")


CASES = (
    Case(None, "the tree as it is", {}),
    Case(
        None,
        "what is allowed",
        {
            "credit_svc.domain.strange": "from uuid import uuid5\nimport engine.decider\nimport events.credit\n",
            "credit_svc.projections.strange": "import sqlalchemy\nimport credit_svc.domain\n",
            "engine.strange": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sqlalchemy, asyncpg\n",
            "engine.projection": "\nif TYPE_CHECKING:\n    import asyncpg\n",
            "engine.kafka.bus": "import aiokafka\n",
            "engine.testing.strange": "import asyncpg\nimport engine.embedded\n",
            "credit_svc.testing": "\nimport engine.testing.spec\n",
            "chassis.strange": "import engine.database\nimport asyncio\n",
            "all_in_one.strange": "import engine.embedded\nimport chassis.service\n",
        },
    ),
    Case("one-direction", "events know nobody", {"events.strange": "import engine.reaction\n"}),
    Case("one-direction", "the engine knows no chassis", {"engine.strange": "import chassis.settings\n"}),
    Case("one-direction", "the engine knows no service", {"engine.strange": "import credit_svc\n"}),
    Case("one-direction", "the chassis knows no service", {"chassis.strange": "import complaint_svc\n"}),
    Case("one-direction", "a service sees no other", {"credit_svc.strange": "import customer_svc.domain\n"}),
    Case(
        "one-direction",
        "a service's rules see no other",
        {"analytics_svc.domain.strange": "import credit_svc.domain\n"},
    ),
    Case("one-direction", "a service knows no app", {"analytics_svc.strange": "import console\n"}),
    Case("one-direction", "the console runs without the all-in-one", {"console.strange": "import all_in_one\n"}),
    Case("pure", "a rule opens a socket", {"credit_svc.domain.strange": "import socket\n"}),
    Case("pure", "a rule asks a server", {"complaint_svc.domain.strange": "import httpx\n"}),
    Case("pure", "a rule speaks SQL", {"complaint_svc.domain.strange": "import sqlalchemy\n"}, also="sql-tables"),
    Case("pure", "a rule reads the clock", {"customer_svc.domain.strange": "from engine.clock import now\n"}),
    Case("pure", "a rule draws an id", {"customer_svc.domain.strange": "from engine import ids\n"}),
    Case("pure", "a measure rolls dice", {"analytics_svc.domain.strange": "import random\n"}),
    Case("pure", "a rule reads the environment, late", {"credit_svc.domain.strange": "def f():\n    import os\n"}),
    Case("pure", "a rule does IO through a third", {"credit_svc.domain.strange": "import engine.wakeups\n"}),
    Case("pure", "an event reads a file", {"events.strange": "from pathlib import Path\n"}),
    Case("pure", "the decider waits", {"engine.decider": "\nimport asyncio\n"}),
    Case("pure", "the projection speaks SQL", {"engine.projection": "\nimport sqlalchemy\n"}, also="sql-tables"),
    Case("pure", "the projection waits", {"engine.projection": "\nimport asyncio\n"}),
    Case("pure", "the reaction logs", {"engine.reaction": "\nimport logging\n"}),
    Case("pure", "the ports know the driver", {"engine.ports": "\nfrom threading import Lock\n"}),
    Case("invented", "the demo company looks at the clock", {"all_in_one.demo.company.strange": "import time\n"}),
    Case("invented", "the demo company knows the engine", {"all_in_one.demo.company.strange": "import engine.ids\n"}),
    inside("the rules see a view", domain__strange="import customer_svc.projections\n"),
    inside("the rules see the routes", domain__strange="import customer_svc.api\n"),
    inside("a view sees the routes", projections__strange="import customer_svc.api\n"),
    inside("a view sees the intake", projections__strange="import customer_svc.intake\n"),
    inside("the routes see the manifest", api="import customer_svc.service\n"),
    inside("the routes see the intake", api="import customer_svc.intake\n"),
    inside("the intake sees the routes", intake="import customer_svc.api\n"),
    Case("no-cycles", "of modules", {"engine.strange": "import engine.odd\n", "engine.odd": "import engine.strange\n"}),
    Case(
        "no-cycles",
        "of views",
        {
            "credit_svc.projections.strange": "import credit_svc.projections.odd\n",
            "credit_svc.projections.odd": "import credit_svc.projections.strange\n",
        },
    ),
    Case(
        "no-cycles",
        "of packages",
        {
            "chassis.strange.one": "import chassis.odd.one\n",
            "chassis.odd.two": "import chassis.strange.two\n",
            **{f"chassis.{m}": "" for m in ("strange.__init__", "strange.two", "odd.__init__", "odd.one")},
        },
    ),
    Case("one-kafka", "another module of the engine", {"engine.strange": "from aiokafka import AIOKafkaProducer\n"}),
    Case("one-kafka", "the engine's own port", {"engine.topics": "import aiokafka\n"}),
    Case("one-kafka", "the chassis", {"chassis.strange": "import aiokafka.errors\n"}),
    Case("one-kafka", "a view", {"credit_svc.projections.strange": "import aiokafka\n"}),
    Case("one-scrape", "the engine", {"engine.strange": "from prometheus_client import Counter\n"}),
    Case("one-scrape", "a service", {"credit_svc.strange": "import prometheus_client\n"}),
    Case("one-tracer", "the engine", {"engine.strange": "import opentelemetry.trace\n"}),
    Case("one-tracer", "what is always loaded", {"chassis.strange": "from opentelemetry import trace\n"}),
    Case("one-mirror", "another view", {"analytics_svc.projections.strange": "import duckdb\n"}),
    Case("one-mirror", "another service", {"credit_svc.strange": "from duckdb import connect\n"}),
    Case("sql-driver", "another module of the engine", {"engine.strange": "import asyncpg\n"}),
    Case("sql-driver", "the chassis", {"chassis.strange": "import asyncpg\n"}),
    Case("sql-driver", "a view", {"credit_svc.projections.strange": "from asyncpg import Pool\n"}),
    Case("sql-tables", "another module of the engine", {"engine.strange": "import sqlalchemy\n"}),
    Case("sql-tables", "the chassis", {"chassis.strange": "from sqlalchemy.ext.asyncio import AsyncConnection\n"}),
    Case("sql-tables", "routes", {"credit_svc.strange": "import sqlalchemy\n"}),
    Case("sql-tables", "migrations outside the engine", {"credit_svc.projections.strange": "from alembic import op\n"}),
    Case("test-kits-stay", "the engine", {"engine.strange": "import engine.testing.spec\n"}),
    Case("test-kits-stay", "a service", {"credit_svc.strange": "from engine.testing import spec\n"}),
    Case(
        "test-kits-stay",
        "a kit of a service",
        {"credit_svc.testing": "", "credit_svc.odd": "import credit_svc.testing\n"},
    ),
    Case("test-kits-stay", "the all-in-one", {"all_in_one.strange": "import engine.testing\n"}),
    Case("embedded-by-choice", "the chassis", {"chassis.strange": "import engine.embedded\n"}),
    Case("embedded-by-choice", "the engine", {"engine.strange": "from engine import embedded_home\n"}),
    Case("embedded-by-choice", "a service", {"credit_svc.strange": "from engine.embedded import start\n"}),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """For each case the ids of the contracts it broke."""
    tree = tmp_path_factory.mktemp("broken")
    for source in ROOT.glob("*/*/src"):
        shutil.copytree(source, tree / source.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    path = os.pathsep.join(str(s) for s in sorted(tree.glob("*/*/src")))
    run = subprocess.run(
        [sys.executable, str(WORKER)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        input=json.dumps([case.asked() for case in CASES]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    answers = json.loads(run.stdout.splitlines()[-1])
    return {str(case): set(answer) for case, answer in zip(CASES, answers, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_exactly_this_contract_fails(case: Case, found: dict[str, set[str]]) -> None:
    """Beside what is broken anyway, of which the first case tells."""
    anyway = found[str(CASES[0])] if case.files else set()
    assert found[str(case)] - anyway == {case.contract, case.also} - anyway - {None}


def test_every_contract_is_broken_by_some_case() -> None:
    assert {case.contract for case in CASES if case.contract} == {contract["id"] for contract in CONTRACTS}
    assert len({str(case) for case in CASES}) == len(CASES)


def test_the_lists_of_who_may_name_only_what_exists_and_uses_it() -> None:
    stale = []
    for importer, package in (e.split(" -> ") for c in CONTRACTS for e in c.get("ignore_imports", ()) if "*" not in e):
        file = (ROOT / place(importer)).with_suffix(".py")
        if package != "aiokafka" and (not file.exists() or package not in file.read_text()):
            stale.append(f"{importer} -> {package}")
    assert stale == []

"""Each guarantee is taken out on purpose, in a copy of the tree; the tests that hold it must then turn red.

A sabotage replaces one text that occurs exactly once. When the code has moved on, the sabotage fails until it is
told again where the guarantee now lies.
"""

import asyncio
import compileall
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import SimpleQueue

import pytest

from engine.testing.plugin import TestServer
from tests.sabotage.child import Done, run
from tests.sabotage.guarantee import Guarantee
from tests.sabotage.guarantees import GUARANTEES

ROOT = Path(__file__).parents[2]
KEPT = ("libs", "services", "apps", "tests", "tools", "docs/reference/openapi", "conftest.py", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "node_modules", "uploads")
AT_ONCE, WAITING = 2, 2
"""Runs at the same time: as many as a machine has cores, and of those that only wait some beside them."""
RED = re.compile(r"^FAILED (.*?)(?: - .*)?$", re.MULTILINE)
PLUGINS = ("pytest_asyncio.plugin", "pytest_timeout")
SHAPING = re.compile(
    r"/(migrations|projections|testing)/|/(business_day|database|ownership|projection|roles|runtime|service|shape|views)\.py|testing\.py"
)
"""Files that say what tables there are: without one of their guarantees a test makes its databases itself."""
UNTOUCHED = "nothing {}".format
"""Beside the names of guarantees: the run of a part of what turned red, in the tree as it is."""
TESTS_FAILED = 1
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sabotage")]  # the tree is copied once


@dataclass(frozen=True)
class Saboteur:
    """Runs tests in copies of the tree, one run a copy at a time, all on the session's database server."""

    copies: SimpleQueue[Path]
    url: str
    templates: str

    def sabotage(self, guarantee: Guarantee) -> Done:
        """The run of the guarantee's tests without what holds it."""
        copy = self.copies.get()
        file = copy / guarantee.file
        try:
            whole = file.read_text()
            count = whole.count(guarantee.holds)
            assert count == 1, f"the place of this guarantee occurs {count} times in {guarantee.file}"
            file.write_text(whole.replace(guarantee.holds, guarantee.broken))
            try:
                return self._run(guarantee.tests, copy, "-x", own_tables=bool(SHAPING.search(guarantee.file)))
            finally:
                file.write_text(whole)
        finally:
            self.copies.put(copy)

    def untouched(self, tests: Sequence[str]) -> Done:
        """The run of `tests` in the tree as it is."""
        if not tests:
            return Done(0, "")
        copy = self.copies.get()
        try:
            return self._run(tests, copy)
        finally:
            self.copies.put(copy)

    def _run(self, tests: Iterable[str], copy: Path, *more: str, own_tables: bool = False) -> Done:
        """The copy's packages come before the installed ones, in what its tests start, too."""
        plugins = [f"-p{name}" for name in PLUGINS]
        options = ["-q", "-rfE", "--tb=short", "--assert=plain", "-pno:cacheprovider", "--timeout=40", *plugins, *more]
        path = os.pathsep.join(str(p) for p in sorted(copy.glob("*/*/src")))
        ours = {
            "KEHU_TEST_DATABASE_URL": self.url,
            "KEHU_TEST_TEMPLATES": "" if own_tables else self.templates,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": path,
        }
        return run(copy, [*options, *tests], ours)


def copied(place: Path) -> Path:
    """A copy of the tree at `place`, compiled so that a change of a file is never overlooked."""
    for name in KEPT:
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, place / name, ignore=LEFT_OUT)
        elif origin.exists():
            shutil.copy(origin, place / name)
    compileall.compile_dir(place, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return place


def chosen(items: Sequence[pytest.Item]) -> list[str]:
    """The names of the guarantees whose tests are asked for in this session."""
    named = [
        i.callspec.params.get("guarantee") for i in items if isinstance(i, pytest.Function) and hasattr(i, "callspec")
    ]
    return [g.name for g in named if isinstance(g, Guarantee)]


def red(runs: Iterable["Future[Done]"]) -> list[str]:
    """The tests that failed in these runs, once all of them have ended."""
    done = [run.result() for run in runs if run.exception() is None]
    return sorted({test for run in done for test in RED.findall(run.printed)})


@pytest.fixture(scope="module")
def saboteur(tmp_path_factory: pytest.TempPathFactory, postgres_server: TestServer) -> Iterator[Saboteur]:
    copies: SimpleQueue[Path] = SimpleQueue()
    first = copied(tmp_path_factory.mktemp("sabotaged"))
    copies.put(first)
    for _ in range(AT_ONCE + WAITING - 1):
        copies.put(shutil.copytree(first, tmp_path_factory.mktemp("sabotaged"), dirs_exist_ok=True))
    templates = f"sabotage {os.getpid()}"
    yield Saboteur(copies, postgres_server.postgres.url("postgres"), templates)
    asyncio.run(postgres_server.forget(templates))


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, saboteur: Saboteur) -> Iterator[Mapping[str, "Future[Done]"]]:
    """The runs of all that is asked for, some at a time: each test waits for its own."""
    wanted = set(chosen(request.session.items))
    asked = [g for g in GUARANTEES if g.name in wanted]
    with ThreadPoolExecutor(AT_ONCE) as working, ThreadPoolExecutor(WAITING) as waiting:
        found = {g.name: (waiting if g.waits else working).submit(saboteur.sabotage, g) for g in asked}
        every = sorted({test for g in GUARANTEES for test in g.tests})

        def whole(part: int) -> Done:
            tests = red(found.values()) if asked else every
            return saboteur.untouched(tests[len(tests) * part // AT_ONCE : len(tests) * (part + 1) // AT_ONCE])

        yield found | {UNTOUCHED(part): working.submit(whole, part) for part in range(AT_ONCE)}
        for pool in (working, waiting):
            pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("guarantee", GUARANTEES, ids=lambda g: g.name)
def test_a_test_turns_red_without(guarantee: Guarantee, runs: Mapping[str, "Future[Done]"]) -> None:
    done = runs[guarantee.name].result()
    told = done.printed[-4000:]
    assert done.returncode == TESTS_FAILED, f"nothing turned red:\n{told}"
    assert RED.search(done.printed), f"a test could not even begin:\n{told}"


@pytest.mark.timeout(600)  # it begins when all others have ended
@pytest.mark.parametrize("part", range(AT_ONCE))
def test_what_turned_red_is_green_in_the_copy_as_it_is(part: int, runs: Mapping[str, "Future[Done]"]) -> None:
    done = runs[UNTOUCHED(part)].result()
    assert done.returncode == 0, done.printed[-3000:]


def test_each_guarantee_has_a_name_of_its_own() -> None:
    assert len({g.name for g in GUARANTEES}) == len(GUARANTEES)

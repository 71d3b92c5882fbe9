"""Runs tests of a copy of the tree in a process forked from one that has loaded libraries, and none of our own code."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

LIBRARIES = ["alembic.command", "asyncpg", "fastapi", "httpx", "pytest", "sqlalchemy.ext.asyncio"]
"""What most tests load: half of the time of a short run."""
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(LIBRARIES)


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended and what it printed."""

    returncode: int
    printed: str


def run(copy: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> Done:
    """pytest with these arguments in `copy`, whose packages come before the installed ones."""
    printed = copy / "printed.txt"
    process = PROCESSES.Process(target=_tests, args=(copy, printed, [*arguments], {**environment}))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    return Done(-1 if code is None else code, printed.read_text(errors="replace"))


def _tests(copy: Path, printed: Path, arguments: list[str], environment: dict[str, str]) -> None:
    with printed.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(copy)
    os.environ |= environment
    for name in [n for n in sys.modules if n.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path[:0] = [str(copy), *(str(p) for p in sorted(copy.glob("*/*/src")))]
    import pytest  # noqa: PLC0415 - only here, where the copy's come first

    sys.exit(pytest.main(arguments))

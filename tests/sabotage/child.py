"""Runs tests of a copy of the tree in a process forked from one that has loaded libraries, and none of our own code."""

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import Any

LIBRARIES = """aiokafka alembic.command asyncpg cryptography.fernet cryptography.x509 duckdb fastapi holidays httpx
hypothesis jwt limits.storage orjson prometheus_client pydantic_settings pytest pytest_asyncio.plugin pytest_timeout
rich.progress sqlalchemy.ext.asyncio structlog tenacity typer uvicorn.server""".split()
"""What tests load: most of the time of a short run."""
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(LIBRARIES)
ONE = Lock()
"""Starting a process reads how others have ended, which can be read once: one thread at a time starts one or asks."""
PATIENCE = 400.0
"""Seconds a run may take; longer takes only one that hangs, each test having a limit of its own."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended and what it printed."""

    returncode: int
    printed: str


def run(copy: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> Done:
    """pytest with these arguments in `copy`, whose packages come before the installed ones."""
    printed = copy / "printed.txt"
    printed.unlink(missing_ok=True)  # a run that dies before it begins does not show what the one before it said
    code = forked(_tests, copy, printed, [*arguments], {**environment})
    return Done(code, printed.read_text(errors="replace") if printed.exists() else "")


def forked(work: Callable[..., object], *args: Any, patience: float = PATIENCE) -> int:
    """The exit code of a process that does `work`; it is killed where that takes longer than `patience` seconds."""
    process = PROCESSES.Process(target=work, args=args, daemon=True)  # ends with us
    with ONE:
        process.start()
    ended = wait([process.sentinel], patience)
    with ONE:
        if not ended:
            process.kill()
        process.join()
        code = process.exitcode
        process.close()
    assert code is not None
    return code


def _tests(copy: Path, printed: Path, arguments: list[str], environment: dict[str, str]) -> None:
    with printed.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(copy)
    os.environ |= environment
    gc.freeze()
    gc.disable()  # it would look for garbage a fifth of the second it lives
    for name in [n for n in sys.modules if n.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path[:0] = [str(copy), *(str(p) for p in sorted(copy.glob("*/*/src")))]
    import pytest  # noqa: PLC0415 - only here, where the copy's come first

    sys.exit(pytest.main(arguments))

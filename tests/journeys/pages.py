"""A page's commands, typed as a person types them; each answer is compared with the one the page shows."""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.journeys.readme import Example, Terminal, differs, documents, missing_line
from tests.journeys.running import Kehu

DATA = Path(os.environ.get("KEHU_DATA_SETS", Path(__file__).parents[3] / "shared" / "data")) / "classicmodels"
PATIENCE = 30.0
"""Seconds until what was asked for is seen everywhere; a person reads meanwhile."""


def walk(terminal: Terminal, kehu: Kehu, example: Example) -> None:
    """Type the commands of `example` and compare each answer with the one shown."""
    asking = [c for c in example.commands if c.startswith("curl")]
    if not asking:
        said = "".join(terminal.type(here(command, kehu)) for command in example.commands)
        assert missing_line(example.shown, said) is None, said
        return
    answers = iter(documents(example.shown))
    for command in example.commands:
        if command not in asking:
            terminal.type(here(command, kehu))
            continue
        expected = next(answers)
        look = partial(answered, terminal, here(command, kehu), expected)
        changes = "--json" in command
        problem = look() if changes else patiently(look)
        assert problem is None, f"{command}\n{problem}"
        if changes:  # a person reads before the next: credit-svc knows the day it decides about an order on
            kehu.settled()
    assert not list(answers), f"more is shown than asked: {example.shown}"


def answered(terminal: Terminal, command: str, expected: Any) -> str | None:
    """Where the answer to `command` differs from the one shown."""
    said = terminal.type(command)
    try:
        problem = differs(expected, json.loads(said))
    except json.JSONDecodeError:
        problem = "no JSON"
    return problem and f"{problem}: {said}"


def here(command: str, kehu: Kehu) -> str:
    """`command` as typed against this Kehu, with this Python and this data set."""
    python, data = f"'{sys.executable}'", f"'{DATA}' --url {kehu.url}"
    return (
        command.replace("localhost:8000", f"127.0.0.1:{kehu.port}")
        .replace(".venv/bin/python", python)
        .replace("path/to/classicmodels", data)
    )


def patiently(look: Callable[[], str | None]) -> str | None:
    """What `look` still has to complain about when patience ends; None as soon as it has nothing."""
    deadline = time.perf_counter() + PATIENCE
    while (problem := look()) and time.perf_counter() < deadline:
        time.sleep(0.1)
    assert problem is None, problem
    return problem

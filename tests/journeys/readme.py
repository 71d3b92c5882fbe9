"""The examples of README.md and other pages: which commands it shows, and whether an answer is the one it prints.

A fence marked ``sh tour`` holds commands, the fence behind it their answers: JSON one after the other, or text. In both
`...` stands for anything: a value, the rest of an object or of a list, a part of a line.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(.+)\n((?:.*\n)*?)^```$", re.MULTILINE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\.\.\.')
REST = "..."
DONE = "__done__"


@dataclass(frozen=True, slots=True)
class Example:
    """Commands and the answers README prints behind them; `kind` is what the fence says: tour, tour open, data."""

    kind: str
    commands: list[str]
    shown: str


def examples(*kinds: str, page: str = "README.md") -> list[Example]:
    """The examples of these kinds on a page, in order."""
    fences = _FENCE.findall((ROOT / page).read_text())
    behind = [*fences[1:], ("", "")]
    return [
        Example(info.removeprefix("sh "), list(commands(body)), shown)
        for (info, body), (_, shown) in zip(fences, behind, strict=True)
        if info.startswith("sh ") and info.removeprefix("sh ") in kinds
    ]


def commands(body: str) -> Iterator[str]:
    """Each command of a fence, its continuation lines and quoted lines included."""
    command = ""
    for line in body.splitlines():
        command += line + "\n"
        if not line.endswith("\\") and command.count("'") % 2 == 0:
            yield command
            command = ""


def documents(shown: str) -> list[Any]:
    """The JSON documents a fence shows."""
    decoder, text = json.JSONDecoder(), _plain(shown).strip()
    found: list[Any] = []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


def _plain(shown: str) -> str:
    """`...` as JSON: a string, and in an object a member of that name."""

    def token(match: re.Match[str]) -> str:
        if match[0] != REST:
            return match[0]
        before, after = shown[: match.start()].rstrip(), shown[match.end() :].lstrip()
        return '"...": "..."' if after.startswith("}") and not before.endswith(":") else '"..."'

    return _TOKEN.sub(token, shown)


def differs(expected: Any, found: Any, where: str = "") -> str | None:
    """Where an answer is not the one shown; None when it is."""
    if expected == REST:
        return None
    if isinstance(expected, dict) and isinstance(found, dict):
        return _members_differ(expected, found, where)
    if isinstance(expected, list) and isinstance(found, list):
        whole = not expected or expected[-1] != REST
        shown = expected if whole else expected[:-1]
        if len(found) < len(shown) or (whole and len(found) != len(shown)):
            return f"{where} has {len(found)} items, {len(shown)} are shown"
        pairs = zip(shown, found, strict=False)
        return next((d for n, (e, f) in enumerate(pairs) if (d := differs(e, f, f"{where}/{n}"))), None)
    return None if expected == found else f"{where or '/'} is {found!r}, {expected!r} is shown"


def _members_differ(expected: dict[str, Any], found: dict[str, Any], where: str) -> str | None:
    names = expected.keys() - {REST}
    if missing := names - found.keys():
        return f"{where} lacks {sorted(missing)}"
    if REST not in expected and (more := found.keys() - names):
        return f"{where} has {sorted(more)}, too"
    return next((d for n in sorted(names) if (d := differs(expected[n], found[n], f"{where}/{n}"))), None)


def missing_line(shown: str, said: str) -> str | None:
    """The first line of a text fence that was not said; None when all were."""
    for line in filter(None, shown.splitlines()):
        pattern = ".*".join(re.escape(part) for part in line.split(REST))
        if not re.search(f"^{pattern}$", said, re.MULTILINE):
            return line
    return None


class Terminal:
    """One shell, so that a variable set by a command is there for the next."""

    def __init__(self, folder: Path) -> None:
        self._shell = subprocess.Popen(
            ["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate("exit\n")

    def type(self, command: str) -> str:
        """What `command` prints."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho; echo {DONE}\n")
        self._shell.stdin.flush()
        said = ""
        while (line := self._shell.stdout.readline()) and line.strip() != DONE:
            said += line
        return said.strip()

"""ClickHouse, in a process of its own, for what deploy/clickhouse says: tests and the bench ask it through here.

It is the server's code as a library (PyPI `chdb-core`), installed once beside the Python packages in .venv, in the
version and with the hashes of tools/clickhouse/requirements.txt: some 900 MB, which nobody else needs.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path(__file__).with_name("clickhouse")
SQL = ROOT / "deploy" / "clickhouse"
FROM_KAFKA = "engine = Kafka"

TAKEN = """create table kehu.credit_events
    (event String, `_headers.name` Array(String), `_headers.value` Array(String)) engine = Null"""

Query = tuple[str, Mapping[str, str]]


class NoClickHouse(Exception):
    """It cannot be had here."""


def installed() -> Path:
    """The interpreter that has it, made unless it is there. Raises NoClickHouse."""
    lock = SOURCE / "requirements.txt"
    folder = ROOT / ".venv" / "clickhouse" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if not (folder / ".ready").exists():
        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        _uv("venv", "--python", sys.executable, str(made))
        _uv("pip", "install", "--python", str(made), "--require-hashes", "--requirement", str(lock))
        (made / ".ready").touch()
        if folder.exists():  # somebody else was faster
            shutil.rmtree(made)
        else:
            made.rename(folder)
    return folder / "bin" / "python"


def _uv(*words: str) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise NoClickHouse(f"uv {words[0]}: {done.stderr.strip()[-500:]}")


def statements(file: str) -> list[str]:
    """Those of a file in deploy/clickhouse."""
    lines = [line for line in (SQL / file).read_text().splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]


def facts() -> list[str]:
    """Those of facts.sql, with a table to put records into where the server has one that reads Kafka.

    The library has no threads that read Kafka. What such a table gives of a record is the same: value and headers.
    """
    return [TAKEN if FROM_KAFKA in statement else statement for statement in statements("facts.sql")]


def questions() -> dict[str, str]:
    """Those of figures.sql by name."""
    names = re.findall(r"^-- (\w+): ", (SQL / "figures.sql").read_text(), re.MULTILINE)
    return dict(zip(names, statements("figures.sql"), strict=True))


def arrived(records: Iterable[tuple[bytes, Sequence[tuple[str, bytes]]]]) -> str:
    """The statement that brings these records, each its value and its headers."""
    lines = [
        json.dumps({
            "event": value.decode(),
            "_headers.name": [name for name, _ in headers],
            "_headers.value": [said.decode() for _, said in headers],
        })
        for value, headers in records
    ]  # fmt: skip
    return "\n".join(["insert into kehu.credit_events format JSONEachRow", *lines])


def asked(statements: Sequence[str], queries: Mapping[str, Query], *, seconds: bool = False) -> dict[str, Any]:
    """What each query answers after the statements, or the seconds it takes. Raises NoClickHouse."""
    given = json.dumps({"statements": statements, "queries": queries, "seconds": seconds})
    command = [installed(), SOURCE / "session.py"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoClickHouse(done.stderr.strip()[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found

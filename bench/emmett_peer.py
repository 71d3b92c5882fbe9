"""`emmett-postgresql`, the event store of Node: run where Node is there, in the versions its lock file names."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.measure import Sample

NAME = "emmett-postgresql 0.42"
HERE = Path(__file__).with_name("emmett")
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Emmett:
    """The peer, installed in a folder of its own."""

    folder: Path

    @classmethod
    def installed(cls) -> "Emmett | None":
        """None, and one line that says so, where Node or its packages cannot be had."""
        if not (shutil.which("node") and shutil.which("npm")):
            print(f"{NAME}: not measured, there is no Node here", file=sys.stderr, flush=True)
            return None
        folder = Path(tempfile.mkdtemp(prefix="kehu-bench-emmett-"))
        shutil.copytree(HERE, folder, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
        if done.returncode == 0:
            return cls(folder)
        print(f"{NAME}: not measured, npm ci said: {done.stderr.strip()[:300]}", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def append(self, place: dict[str, str], writers: int, seconds: float, length: int, bodies: Sequence[Any]) -> Sample:
        """So many writers for so long, each on streams of `length` events, after a fourth of the time to warm up."""
        return self._run("append.mjs", bodies, place, str(writers), str(seconds), str(length))

    def rebuild(self, place: dict[str, str], bodies: Sequence[Any]) -> Sample:
        """A projection of all the events, from nothing."""
        return self._run("rebuild.mjs", bodies, place)

    def _run(self, script: str, bodies: Sequence[Any], place: dict[str, str], *arguments: str) -> Sample:
        command = ["node", script, _url(place), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, input=json.dumps(list(bodies)), capture_output=True, text=True, check=False,
            timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}: {done.stderr[-2000:]}"
        return Sample(**json.loads(done.stdout.splitlines()[-1]))

    def remove(self) -> None:
        """What was installed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _url(place: dict[str, str]) -> str:
    host = quote(place["POSTGRES_HOST"], safe="/")
    return f"postgresql://{place['POSTGRES_USER']}@localhost/{place['POSTGRES_DBNAME']}?host={host}"

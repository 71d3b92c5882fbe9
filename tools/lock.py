"""Writes requirements.lock anew: what it holds already stays at its version, unless `--upgrade` is given.

requirements.runtime.lock is what an image of the services holds: no tests, no tools, no embedded database.
requirements.build.lock is what builds our own packages for it.

Resolved in a copy of the project files, so that nothing but the lock changes.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
UV = (sys.executable, "-m", "uv")
EXPORT = ("--format", "requirements.txt", "--no-emit-workspace", "--no-annotate", "--no-header")
EXPORTS = {
    LOCK: ("--all-groups", "--all-extras"),
    ROOT / "requirements.runtime.lock": ("--only-group", "runtime"),
    ROOT / "requirements.build.lock": ("--only-group", "build"),
}


def pins(lock: str) -> list[str]:
    """The versions a lock holds, with the conditions they are for."""
    return [line.rstrip(" \\") for line in lock.splitlines() if re.match(r"[\w.-]+==", line)]


def constrained(project: str, held: Sequence[str]) -> str:
    """The text of a workspace's pyproject.toml that holds dependencies at these versions."""
    lines = "".join(f"    {pin!r},\n" for pin in held)
    return project.replace("[tool.uv]\n", f"[tool.uv]\nconstraint-dependencies = [\n{lines}]\n", 1)


def main(upgrade: bool) -> int:
    """The exit code of uv."""
    held = [] if upgrade or not LOCK.exists() else pins(LOCK.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for project in ROOT.glob("*/*/pyproject.toml"):
            there = copy / project.relative_to(ROOT)
            there.parent.mkdir(parents=True)
            shutil.copy(project, there)
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        (copy / "pyproject.toml").write_text(constrained(text, held), encoding="utf-8")
        commands = [["lock"], *(["export", *EXPORT, *which, "--output-file", str(to)] for to, which in EXPORTS.items())]
        for command in commands:
            if code := subprocess.run([*UV, *command, "--quiet"], cwd=copy, check=False).returncode:
                return code
        return 0


if __name__ == "__main__":
    sys.exit(main("--upgrade" in sys.argv[1:]))

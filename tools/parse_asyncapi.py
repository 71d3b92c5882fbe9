"""Parses docs/reference/asyncapi.json with the official parser (npm `@asyncapi/parser`).

`python -m tools.parse_asyncapi [FILE...]`. The parser is installed once, in the version and with the hashes of
tools/asyncapi/package-lock.json, beside the Python packages in .venv. Where there is no Node it says so and does
nothing; with CI=true it fails.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path(__file__).with_name("asyncapi")
DOCUMENT = ROOT / "docs" / "reference" / "asyncapi.json"
NO_NODE = "NO NODE: THE ASYNCAPI DOCUMENT IS NOT PARSED (node and npm are needed)"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


class CannotParse(Exception):
    """The parser cannot be had."""


def installed() -> Path:
    """The folder of the parser, installed unless it is there. Raises CannotParse."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise CannotParse(NO_NODE)
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = ROOT / ".venv" / "node" / f"asyncapi-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / ".ready").exists():
        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.copytree(SOURCE, made, ignore=shutil.ignore_patterns("node_modules"))
        done = subprocess.run(INSTALL, cwd=made, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(made)
            raise CannotParse(f"npm ci: {done.stderr.strip()[-500:] or done.stdout.strip()[-500:]}")
        (made / ".ready").touch()
        if folder.exists():  # somebody else was faster
            shutil.rmtree(made)
        else:
            made.rename(folder)
    shutil.copy(SOURCE / "check.mjs", folder)
    return folder


def parse(documents: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    """What the parser says of `documents`: exit code 1 where one is wrong. Raises CannotParse."""
    command = ["node", "check.mjs", *map(str, documents)]
    return subprocess.run(command, cwd=installed(), capture_output=True, text=True, check=False)


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    try:
        done = parse([Path(a).resolve() for a in arguments] or [DOCUMENT])
    except CannotParse as reason:
        print(reason, file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" or str(reason) != NO_NODE else 0
    print((done.stdout + done.stderr).replace(f"{ROOT}{os.sep}", ""), end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

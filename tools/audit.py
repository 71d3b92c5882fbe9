"""`make audit`: unsafe code, secrets in the tree, known holes in what is installed. Fails where it finds one."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRITTEN = re.compile(
    r"^requirements(\.\w+)?\.lock$|package-lock\.json$|no_secrets\.json$|vendored\.toml$|/answers\.json$|/static/"
)
"""Written by programs."""
MOVED = 3
"""What the hook ends with where nothing is new and known ones stand elsewhere."""
KNOWN = ROOT / "tools" / "no_secrets.json"
"""Texts that look like secrets and are none, by their hashes: `detect-secrets scan` wrote it, a person looked."""
OFFLINE = ("ConnectionError", "ServiceError", "Max retries", "Name or service", "HTTPError")


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def unsafe() -> list[str]:
    """What bandit has against our code."""
    found = run(
        "bandit", "--quiet", "--configfile", "pyproject.toml", "--format", "json", "-r", "libs", "services", "apps"
    )
    issues = json.loads(found.stdout)["results"]
    return [f"{i['filename']}:{i['line_number']}: {i['test_id']} {i['issue_text']}" for i in issues]


def tree() -> list[str]:
    """The files of the tree that people write."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [f for f in listed.stdout.splitlines() if not f.startswith("docs/reference/") and not WRITTEN.search(f)]


def secrets(files: Sequence[str]) -> list[str]:
    """Texts in these files that look like secrets and are not known to be none.

    The hook notes where known ones have moved to in the list it is given: a copy, so that looking changes nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        known = shutil.copy(KNOWN, folder)
        found = run("detect_secrets.pre_commit_hook", "--baseline", str(known), *files)
    return found.stdout.splitlines() if found.returncode not in (0, MOVED) else []


def holes() -> list[str] | None:
    """Known holes in what requirements.lock installs; None where the data about them cannot be had."""
    found = run("pip_audit", "--requirement", "requirements.lock", "--disable-pip", "--format", "json")
    try:
        packages = json.loads(found.stdout)["dependencies"]
        if all("skip_reason" in p for p in packages):
            return None
    except (json.JSONDecodeError, KeyError):
        if any(word in found.stderr for word in OFFLINE):
            return None
        return [found.stderr.strip()[-1000:]]
    return [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", ())]


def told(what: str, found: Sequence[str] | None) -> bool:
    """Print what was found; whether it is nothing."""
    if found is None:
        print(f"{what}: NOT LOOKED AT, THE DATA CANNOT BE HAD FROM HERE")
        return True
    print(f"{what}: {len(found) or 'nothing'} found", *found, sep="\n  ")
    return not found


def main() -> int:
    checks = (("unsafe code", unsafe()), ("secrets", secrets(tree())), ("known holes", holes()))
    return 0 if sum(not told(what, found) for what, found in checks) == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

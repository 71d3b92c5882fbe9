"""Set up `.venv` with what requirements.lock says, and the members of the workspace, editable.

Needs nothing but Python 3.11, its venv module and a package index. Programs are run as `python -m`, because a script's
first line breaks in long folders and in folders with a space.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"


def run(*command: str | Path, env: dict[str, str] | None = None) -> int:
    return subprocess.run([str(part) for part in command], cwd=ROOT, env=env, check=False).returncode


def asked(*module: str) -> str:
    """What a module of the environment prints; nothing if it is not there."""
    return subprocess.run([PYTHON, "-m", *module], capture_output=True, text=True, check=False).stdout


def make_venv() -> None:
    if PYTHON.exists() and asked("pip", "--version"):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if run(sys.executable, "-m", "venv", VENV) == 0:
        return
    # Some distributions leave ensurepip out; their own pip can put one in.
    shutil.rmtree(VENV, ignore_errors=True)
    bare = run(sys.executable, "-m", "venv", "--without-pip", VENV) == 0
    if not bare or run(sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "pip") != 0:
        sys.exit(
            "cannot make .venv: this Python has neither ensurepip nor pip (Debian, Ubuntu: apt install python3-venv)"
        )


def locked(name: str) -> str:
    """The lock's own lines for one package, hashes included."""
    found = re.search(rf"^{name}==.*(?:\n    .*)*", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        sys.exit(f"requirements.lock has no {name}; run `make lock`")
    return found[0] + "\n"


def install_uv() -> bool:
    wanted = locked("uv").split()[0].removeprefix("uv==")
    if asked("uv", "--version").split()[1:2] == [wanted]:
        return True
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as only:
        only.write(locked("uv"))
        only.flush()
        return run(PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", only.name) == 0


def uv_environment() -> dict[str, str]:
    """What pip was told about index and certificates, told to uv, which does not read pip's configuration."""
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    listed = asked("pip", "config", "list")
    told = dict(re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", listed, re.MULTILINE))
    for theirs, ours in (("index-url", "UV_DEFAULT_INDEX"), ("extra-index-url", "UV_INDEX"), ("cert", "SSL_CERT_FILE")):
        if theirs in told:
            env.setdefault(ours, told[theirs].replace("\\n", " ").strip())
    home = Path(env.get("UV_CACHE_DIR") or env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/")) / ".cache")
    while not home.exists():
        home = home.parent
    if not os.access(home, os.W_OK):
        env["UV_CACHE_DIR"] = str(VENV / ".cache")
    return env


def members() -> list[Path]:
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]
    return [ROOT / member for member in workspace["members"]]


def main() -> None:
    make_venv()
    editable = [part for member in members() for part in ("--editable", member)]
    pip: tuple[str | Path, ...]
    if install_uv():
        pip, env = (PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON), uv_environment()
    else:
        pip, env = (PYTHON, "-m", "pip", "install", "--quiet"), dict(os.environ)
    if run(*pip, "--no-deps", "--require-hashes", "-r", LOCK, env=env) != 0:
        sys.exit("could not install requirements.lock (see above)")
    if run(*pip, "--no-deps", "--no-build-isolation", *editable, env=env) != 0:
        sys.exit("could not install the members of the workspace (see above)")


if __name__ == "__main__":
    main()

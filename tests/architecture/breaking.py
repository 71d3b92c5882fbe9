"""Run in a copy of the tree: writes each case's files, asks import-linter which contracts are broken, takes them back.

Standard input: [{"clear": folder or null, "files": {path: text to append}}, ...]; standard output: the ids, by case.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from importlinter import configuration
from importlinter.application import use_cases
from importlinter.application.user_options import UserOptions


def broken(options: UserOptions, cache: str) -> list[str]:
    """The ids of the contracts that do not hold."""
    report = use_cases.create_report(options, cache_dir=cache)
    if report.could_not_run:
        raise RuntimeError(str(report.invalid_contract_options))
    return sorted(c.contract_options["id"] for c, check in report.get_contracts_and_checks() if not check.kept)


@contextmanager
def written(case: Mapping[str, Any]) -> Iterator[None]:
    """The tree with the files of `case`, the folder it clears emptied before; afterwards the tree as it was."""
    folder = Path(case["clear"]) if case["clear"] else None
    kept = [folder] if folder else [Path(name) for name in case["files"]]
    aside = Path(tempfile.mkdtemp())
    for number, path in enumerate(kept):
        if path.is_dir():
            path.rename(aside / str(number))
        elif path.exists():
            shutil.copy2(path, aside / str(number))
    try:
        for name, text in case["files"].items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((path.read_text() if path.exists() else "") + text)
        yield
    finally:
        for number, path in enumerate(kept):
            restore(path, aside / str(number))
        shutil.rmtree(aside)


def restore(path: Path, original: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if original.exists():
        shutil.move(original, path)


def main() -> None:
    configuration.configure()
    options = use_cases.read_user_options("pyproject.toml")
    use_cases._register_contract_types(options)
    found = []
    with tempfile.TemporaryDirectory() as cache:
        for case in json.load(sys.stdin):
            with written(case):
                found.append(broken(options, cache))
    sys.stdout.write("\n" + json.dumps(found))


if __name__ == "__main__":
    main()

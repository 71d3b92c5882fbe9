"""Every module can be imported anywhere: without an environment, without a network."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.architecture.tree import ROOT, modules

WORKER = Path(__file__).with_name("importing.py")


def failures(names: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    command = [sys.executable, "-W", "error::ResourceWarning", str(WORKER), *names]
    run = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.splitlines()


def test_every_module_imports_with_an_empty_environment_and_no_network() -> None:
    assert failures(modules(), {}) == []


def test_a_module_that_reads_the_environment_or_the_network_is_found(tmp_path: Path) -> None:
    samples = {
        "good_sample": "import os\ndef f():\n    return os.environ['KEHU_X']\n",
        "bad_environment": "import os\nX = os.environ['KEHU_X']\n",
        "bad_network": "import socket\nsocket.create_connection(('127.0.0.1', 9))\n",
    }
    for name, text in samples.items():
        (tmp_path / f"{name}.py").write_text(text)
    found = failures(samples, {"PYTHONPATH": os.fspath(tmp_path)})
    assert [line.partition(":")[0] for line in found] == ["bad_environment", "bad_network"]

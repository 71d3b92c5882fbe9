"""Requests nobody thought of, made from the OpenAPI documents: no 5xx, nothing answered that is not described."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from all_in_one.services import SERVICES
from chassis.settings import Auth, Company, Http, Logs, Settings
from engine.testing.plugin import TestServer
from tests.security.serving import Kehu, kehu

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
PREFIXES = {service.name: service.prefix for service in SERVICES}
SHARED = "^/(ops|events)"
"""The same routes in every service; one is asked."""
ENDLESS = "stream$"
"""Answers that do not end: tests of their own."""
LONG = "FUZZ_CASES" in os.environ
CASES = os.environ.get("FUZZ_CASES", "4")
"""Drawn at random for each operation, beside those at the edges of what its schema allows."""
EVERYTHING = "examples,coverage,fuzzing"
RUNS = (
    ("customer", EVERYTHING, "."),
    ("credit", EVERYTHING, "."),
    ("complaint", EVERYTHING, "."),
    ("analytics", EVERYTHING if LONG else "examples,fuzzing", "."),
    ("analytics", "coverage", "^/(alert|dso)"),  # all figures take their parameters from the same place
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(0 if LONG else 400)]


@pytest.fixture(scope="module")
def served(postgres_server: TestServer) -> Iterator[Kehu]:
    http = Http(port=0, patience=0.01, heartbeat=0.05, rate="100000/second", failures="100000/second")
    alone = Company(opens_days=False)
    settings = Settings(auth=Auth(development=True), company=alone, http=http, logs=Logs(level="error"))
    with kehu(postgres_server, settings) as it:
        yield it


@pytest.mark.parametrize(("service", "phases", "paths"), RUNS)
def test_no_request_breaks_a_service_or_is_answered_otherwise_than_described(
    served: Kehu, service: str, phases: str, paths: str
) -> None:
    url = f"{served.url}{PREFIXES[service]}"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"]
    options = ["--url", url, "--phases", phases, "--max-examples", CASES, "--no-color", "--include-path-regex", paths]
    left_out = ENDLESS if service == "credit" else f"{SHARED}|{ENDLESS}"
    command += [*options, "--exclude-path-regex", left_out]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    counted = re.search(r"Selected: (\d+)/\d+\s+Tested: (\d+)", done.stdout)
    assert counted, done.stdout[-2_000:]
    assert int(counted[1]) == int(counted[2]) > 5

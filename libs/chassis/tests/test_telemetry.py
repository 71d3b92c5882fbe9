"""Logs tell what happened, never to whom or with what content."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from starlette.datastructures import Headers

from chassis.settings import Logs, Settings
from chassis.settings_page import reference
from chassis.telemetry import LOG, configure, correlation, traceparent

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:], root.level = before
    logging.getLogger("kehu").setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
def test_an_error_is_logged_by_type_and_place_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Logs())
    try:
        raise ValueError("Ms Zhang, 139")
    except ValueError:
        logging.getLogger("kehu.any").exception("a worker failed")
    line = capsys.readouterr().out
    told = json.loads(line)
    assert (told["event"], told["error"], told["logger"]) == ("a worker failed", "ValueError", "kehu.any")
    assert "test_telemetry.py" in told["at"][0]
    assert "Zhang" not in line


@pytest.mark.usefixtures("restored")
def test_the_terminal_may_be_spared_what_a_file_keeps_and_files_are_begun_anew(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configure(Logs(format="pretty", level="warning", file=tmp_path / "kehu.log", file_size=1000, file_count=1))
    for n in range(20):
        LOG.info("request", path="/api/credit", n=n)
        logging.getLogger("kehu.any").info("a worker")
    LOG.warning("unavailable")
    said = capsys.readouterr().out
    assert ("unavailable" in said, "request" in said, "a worker" in said) == (True, False, False)
    lines = "".join((tmp_path / name).read_text() for name in ("kehu.log.1", "kehu.log")).splitlines()
    kept = [json.loads(line) for line in lines]
    assert [(r["event"], r["level"]) for r in kept[-3:]] == [
        ("request", "info"), ("a worker", "info"), ("unavailable", "warning"),
    ]  # fmt: skip
    assert kept[-3]["n"] == 19
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kehu.log", "kehu.log.1"]


def test_the_correlation_of_a_request_is_its_own_or_its_traces() -> None:
    given = UUID("0af76519-16cd-43dd-8448-eb211c80319c")
    assert correlation(Headers({"X-Correlation-Id": str(given)})) == given
    assert correlation(Headers({"X-Correlation-Id": "a"})) == correlation(Headers({"X-Correlation-Id": "a"}))
    assert correlation(Headers({}), traceparent(Headers({"traceparent": TRACE}))) == given
    assert correlation(Headers({})) != correlation(Headers({}))
    assert (traceparent(Headers({"traceparent": TRACE})), traceparent(Headers({"traceparent": "x"}))) == (TRACE, None)


def test_every_setting_is_read_from_the_environment_and_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_HTTP__PORT", "8123")
    monkeypatch.setenv("KEHU_AUTH__TOKENS", '{"t": {"id": "erp", "roles": ["integration"]}}')
    settings = Settings()
    assert settings.http.port == 8123
    assert settings.auth.known()["t"].roles == {"integration"}
    assert "dev-admin" not in settings.auth.known()
    assert "| `KEHU_HTTP__PORT` | `8000` | TCP port. |" in reference()
    assert "None |\n" not in reference()

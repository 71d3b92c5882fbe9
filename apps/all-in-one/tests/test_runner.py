"""The port is taken before anything is started; a PostgreSQL that is named is used instead of the embedded one."""

import socket
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from all_in_one.home import Home
from all_in_one.runner import application, embedded_settings, listening
from chassis.run import PortTaken
from chassis.settings import Databases
from engine.testing.plugin import TestServer


def test_a_port_that_is_taken_is_named_with_what_to_do_and_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        port = theirs.getsockname()[1]
        with pytest.raises(
            PortTaken, match=f"{port}: address already in use; choose another: make run PORT={port + 1}"
        ):
            listening("127.0.0.1", port)


async def test_a_postgresql_given_by_url_is_used_and_none_is_started(
    postgres_server: TestServer, tmp_path: Path
) -> None:
    home, stages = Home(tmp_path / "company"), list[str]()
    given = Databases(server=SecretStr(postgres_server.postgres.url("postgres")))
    settings = embedded_settings(home, 8000).model_copy(update={"databases": given})
    async with application(home, settings, stages.append) as app:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")
        health = (await client.get("/health/ready")).json()
        assert (await client.get("/console/demo")).json()["demo"] is False
    assert {name: service["store"] for name, service in health["services"].items()} == dict.fromkeys(
        ("customer", "credit", "complaint", "analytics"), "up"
    )
    assert not (home.folder / "postgresql").exists()


def test_the_terminal_is_calm_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    logs = embedded_settings(home, 8000).logs
    assert (logs.format, logs.level, logs.file) == ("pretty", "warning", tmp_path / "kehu.log")
    monkeypatch.setenv("KEHU_LOGS__LEVEL", "info")
    monkeypatch.setenv("KEHU_LOGS__FILE", "/var/log/kehu.log")
    logs = embedded_settings(home, 8000).logs
    assert (logs.format, logs.level, logs.file) == ("pretty", "info", Path("/var/log/kehu.log"))

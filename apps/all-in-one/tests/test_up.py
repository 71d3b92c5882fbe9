"""`kehu up` as a process: what it says to a script, and that another company's key is refused."""

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT
from typing import Any

import asyncpg
import httpx
import pytest

from all_in_one.home import new_key
from all_in_one.services import SERVICES
from engine.database import migrate
from engine.keys import PersonalKeys
from engine.testing.plugin import MakeDatabase, TestServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
KEY = new_key()


class Company:
    """A company on databases of its own, whose folder lies in `place`."""

    def __init__(self, place: Path, urls: Mapping[str, str]) -> None:
        self.place, self.urls = place, urls
        self.folder = place / ".kehu" / "mine"
        self.folder.mkdir(parents=True)
        self.keep(KEY)

    def keep(self, key: str) -> None:
        (self.folder / "encryption.key").write_text(key)

    def up(self, *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "all_in_one", "up", "--data", "mine", *options]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.place, stdout=pipe, stderr=pipe, text=True)

    async def rows(self) -> dict[str, Any]:
        """Everything that is stored of events and keys."""
        found: dict[str, Any] = {}
        for name, url in self.urls.items():
            connection = await asyncpg.connect(url)
            for table in ("events", "personal_keys"):
                found[f"{name}/{table}"] = await connection.fetch(f"select t::text from {table} t order by 1")
            await connection.close()
        return found


@pytest.fixture
def port() -> int:
    """One that is free; a moment later it is ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
async def company(
    postgres_server: TestServer, make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Company:
    urls = {service.name: await make_database() for service in SERVICES}
    for url in urls.values():
        await migrate(url)
    pool = await asyncpg.create_pool(urls["customer"], min_size=1, max_size=1)
    await PersonalKeys(pool, base64.b64decode(KEY)).ensure(["wang-fang"])
    await pool.close()
    monkeypatch.setenv("KEHU_DATABASES__SERVER", postgres_server.postgres.url("postgres"))
    monkeypatch.setenv("KEHU_DATABASES__URLS", json.dumps(urls))
    return Company(tmp_path, urls)


async def test_a_key_that_is_another_companys_is_refused_by_the_place_it_came_from_and_nothing_is_changed(
    company: Company, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await company.rows()
    assert len(before["customer/personal_keys"]) == 1

    async def refused(place: str) -> None:
        process = company.up("--port", str(port))
        said, complained = process.communicate(timeout=100)
        assert (process.returncode, "is up" in said) == (1, False)
        sentence = "is not the key persons were sealed with in customer: bring back the one that is"
        assert " ".join(complained.split()) == f"Kehu did not start: {place} {sentence}"
        assert await company.rows() == before

    monkeypatch.setenv("KEHU_KEYS__ENCRYPTION", new_key())
    await refused("KEHU_KEYS__ENCRYPTION")
    monkeypatch.delenv("KEHU_KEYS__ENCRYPTION")
    company.keep(new_key())
    await refused(".kehu/mine/encryption.key")


async def test_with_json_one_document_says_where_it_is_up_and_nothing_else_stands_on_stdout(
    company: Company, port: int
) -> None:
    process = company.up("--port", str(port), "--json")
    assert process.stdout is not None
    try:
        lines = ""
        while not lines.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()
            lines += line
        told = json.loads(lines)
        assert told == {"url": f"http://127.0.0.1:{port}", "data": ".kehu/mine", "token": "dev-admin"}
        until_served(told["url"])
        process.send_signal(SIGINT)
        rest, other = process.communicate(timeout=100)
    finally:
        process.kill()
    assert (process.returncode, rest) == (0, "")
    assert "opening the services" in other


def until_served(url: str) -> None:
    """The port is taken before it is told: whoever comes early waits."""
    httpx.get(f"{url}/health/live", timeout=60).raise_for_status()

"""Where a company's data lies when Kehu runs embedded: ``.kehu/<name>``, one folder a company."""

import base64
import json
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from engine import embedded
from engine.database import create_database
from engine.embedded_home import located, relocate

ROOT = Path(".kehu")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
SERVER_DATABASE = "postgres"
POSTGRESQL = "postgresql"
NOTE = "last-backup.json"
DEMO = "demo"


class BadName(ValueError):
    """The name of a company's folder is not one: small letters, digits, - and _, 41 at most."""


def new_key() -> str:
    """A key-encryption key, base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class KeyMissing(Exception):
    """The key of a company is not where it belongs; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """A company's folder: the database cluster and the key that wraps the keys of persons."""

    folder: Path

    @classmethod
    def named(cls, name: str) -> "Home":
        """The folder of the company `name`. Raises BadName."""
        if not NAME.fullmatch(name):
            raise BadName(f"DATA={name!r}: use small letters, digits, - and _ (41 at most)")
        return cls(ROOT / name)

    @property
    def is_demo(self) -> bool:
        """Whether the name asks for the demo company: it begins with "demo"."""
        return self.folder.name.startswith(DEMO)

    @property
    def is_new(self) -> bool:
        return not self.folder.exists()

    @property
    def has_data(self) -> bool:
        """Whether a company's database lies in it, running or not."""
        return (located(self.folder / POSTGRESQL) / "cluster").exists()

    @property
    def key_place(self) -> Path:
        """Where the key-encryption key lies."""
        return self.folder / "encryption.key"

    def encryption_key(self) -> str:
        """The key-encryption key, base64; made at the first start. Raises KeyMissing where data is there without it."""
        if not self.key_place.exists():
            if self.has_data:
                raise KeyMissing(
                    f"{self.key_place} is missing, and without it nothing said of persons can be read: bring it back. "
                    f"Where it is lost for ever: kehu backup --without-key, then kehu restore --without-persons"
                )
            self.keep_key(new_key())
        return self.key_place.read_text().strip()

    def keep_key(self, key: str) -> None:
        """Write the key down, readable by its owner only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key_place.touch(mode=0o600)
        self.key_place.write_text(key)

    async def start_database(self, sessions: int | None = None) -> embedded.Server:
        """PostgreSQL on this folder, for so many sessions. Raises engine.embedded_home.CannotStart with what to do."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {"max_connections": str(sessions)} if sessions else {}
        return await embedded.start(self.folder.resolve() / POSTGRESQL, settings=settings)

    def running_database(self) -> embedded.Postgres | None:
        """PostgreSQL on this folder if it runs, started by whomever."""
        return embedded.found(self.folder.resolve() / POSTGRESQL)

    @asynccontextmanager
    async def database_at_hand(self) -> AsyncIterator[embedded.Postgres]:
        """The one that runs; where none does, one of our own while the block lasts. Raises CannotStart."""
        running = self.running_database()
        postgres = running or await self.start_database()
        try:
            yield postgres
        finally:
            if running is None:
                await postgres.stop()

    def note_backup(self, file: Path, made_at: datetime) -> None:
        """Remember where the last backup was written to, and when."""
        (self.folder / NOTE).write_text(json.dumps({"file": str(file.absolute()), "made_at": made_at.isoformat()}))

    def move(self, to: "Home") -> None:
        """Take the place of `to`, which is not there."""
        relocate(self.folder.resolve(), to.folder.absolute(), POSTGRESQL)

    def remove(self) -> None:
        """All of it, also what lies elsewhere because its user cannot reach the folder."""
        shutil.rmtree(located(self.folder / POSTGRESQL), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def aside(self) -> "Home":
        """A place beside it that is free: ``mine-before-1``."""
        numbered = (self.folder.with_name(f"{self.folder.name}-before-{n}") for n in count(1))
        return Home(next(folder for folder in numbered if not folder.exists()))


async def databases(server: embedded.Postgres, services: tuple[str, ...]) -> Mapping[str, str]:
    """Service name -> URL of its database on `server`; created where missing."""
    admin = server.url(SERVER_DATABASE)
    return {name: await create_database(admin, f"kehu_{name}") for name in services}

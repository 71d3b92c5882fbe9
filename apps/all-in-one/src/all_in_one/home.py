"""Where a company's data lies when Kehu runs embedded: ``.kehu/<name>``, one folder a company."""

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine import embedded
from engine.database import create_database

ROOT = Path(".kehu")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
SERVER_DATABASE = "postgres"
DEMO = "demo"


class BadName(ValueError):
    """The name of a company's folder is not one: small letters, digits, - and _, 41 at most."""


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

    def encryption_key(self) -> str:
        """The key-encryption key, base64; made at the first start, readable by its owner only."""
        place = self.folder / "encryption.key"
        if not place.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            place.touch(mode=0o600)
            place.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        return place.read_text().strip()

    async def start_database(self) -> embedded.Server:
        """PostgreSQL on this folder. Raises engine.embedded_home.CannotStart with what to do."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return await embedded.start(self.folder.resolve() / "postgresql")


async def databases(server: embedded.Postgres, services: tuple[str, ...]) -> Mapping[str, str]:
    """Service name -> URL of its database on `server`; created where missing."""
    admin = server.url(SERVER_DATABASE)
    return {name: await create_database(admin, f"kehu_{name}") for name in services}

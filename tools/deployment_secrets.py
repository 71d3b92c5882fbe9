"""The secrets of a deployment, made up at random: a folder each, as docker-compose.yml and Kubernetes take them.

`python -m tools.deployment_secrets [FOLDER] [--host HOST] [--query QUERY]` makes what is missing in FOLDER (.secrets)
and changes nothing that is there. `--host` and `--query` say where PostgreSQL is and what is added to its URLs.
"""

import json
import secrets
import sys
from argparse import ArgumentParser, Namespace
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READS = "kehu_reads"
READ: Mapping[str, tuple[str, ...]] = {
    "customer": ("credit", "complaint", "analytics"),
    "credit": ("customer",),
    "complaint": ("customer",),
    "analytics": ("customer", "credit", "complaint"),
}
"""Service -> those whose logs it reads. A test compares it with the manifests."""
LOGINS = (READS, *(f"kehu_{name}{end}" for name in READ for end in ("_owner", "")))
KEY_BYTES = 32


def url(login: str, password: str, service: str, place: Namespace) -> str:
    """Where the database of `service` is for `login`."""
    query = f"?{place.query}" if place.query else ""
    return f"postgresql://{login}:{password}@{place.host}/kehu_{service}{query}"


def urls(service: str, passwords: Mapping[str, str], place: Namespace) -> str:
    """The databases the processes of a service work with: its own, and the logs of others it reads."""
    own = {service: url(f"kehu_{service}", passwords[f"kehu_{service}"], service, place)}
    read = {name: url(READS, passwords[READS], name, place) for name in READ[service]}
    return json.dumps({**own, **read})


def fixed() -> Iterator[tuple[str, str]]:
    """What is chosen at random."""
    for login in LOGINS:
        yield f"{login.replace('_', '-')}-login/username", login
        yield f"{login.replace('_', '-')}-login/password", secrets.token_hex(24)
    admin = {"id": "admin", "roles": ["admin"]}
    yield "kehu-keda-login/username", "kehu-keda"
    yield "kehu-access/metrics__token", secrets.token_hex(24)
    yield "kehu-access/auth__tokens", json.dumps({secrets.token_hex(24): admin})
    yield "kehu-keys/keys__encryption", b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    yield "kehu-postgres/password", secrets.token_hex(24)
    yield "kehu-grafana/password", secrets.token_hex(24)


def composed(folder: Path, place: Namespace) -> Iterator[tuple[str, str]]:
    """What is made of the passwords that are there."""
    passwords = {login: (folder / f"{login.replace('_', '-')}-login" / "password").read_text() for login in LOGINS}
    for name in READ:
        owner = url(f"kehu_{name}_owner", passwords[f"kehu_{name}_owner"], name, place)
        yield f"kehu-{name}/databases__urls", urls(name, passwords, place)
        yield f"kehu-{name}-migrate/databases__urls", json.dumps({name: owner})


def write(folder: Path, name: str, text: str) -> bool:
    """Keep it unless it is there. The folder is its owner's alone; in a container another user reads the file."""
    path = folder / name
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o444)
    return True


def make(folder: Path, place: Namespace) -> int:
    """How many were missing."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = sum([write(folder, name, text) for name, text in fixed()])
    return made + sum([write(folder, name, text) for name, text in composed(folder, place)])


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.deployment_secrets", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / ".secrets")
    parser.add_argument("--host", default="postgres:5432", help="host:port of PostgreSQL (postgres:5432)")
    parser.add_argument("--query", default="", help="added to the URLs of databases: sslmode=require")
    asked = parser.parse_args()
    made = make(asked.folder, asked)
    told = f"{made} secrets made in" if made else "nothing was changed, all secrets are in"
    print(f"{told} {asked.folder}")
    print("Keep kehu-keys apart from backups of the databases: with it what is said of persons can be read.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

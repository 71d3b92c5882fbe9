"""A PostgreSQL of our own: the wheel's binaries started on a folder, for one machine and for tests.

The server listens on a unix socket in an owner-only folder, never on TCP, and ends with the process that started it.
PostgreSQL refuses to run as root: then it runs as the owner of the data, or as an unprivileged user.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self
from urllib.parse import quote, urlsplit

from engine.embedded_home import ENVIRONMENT, Account, CannotStart, located, move, reachable_binaries, settle

__all__ = ["SETTINGS", "CannotStart", "External", "Postgres", "Server", "found", "start"]

SUPERUSER = "postgres"
SOCKETS = Path("/tmp")  # noqa: S108 - short on purpose: a socket's path holds 107 bytes; the folder in it is owner-only
LOG_LIMIT = 5_000_000
ENDING, HEARING = 10.0, 3.0
"""Seconds a server on the folder is given to end; and to begin with it, where whoever started it has just died."""
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
}
INITDB = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
AUTH = ("--auth-local=trust", "--auth-host=reject")


class Postgres(Protocol):
    """Where databases are: our own server, or one given by URL."""

    def url(self, database: str) -> str: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True)
class External:
    """A PostgreSQL run by somebody else. Creates nothing, stops nothing."""

    base: str

    def url(self, database: str) -> str:
        parts = urlsplit(self.base)
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}{query}"

    async def stop(self) -> None:
        return None


@dataclass
class Server:
    """A running server. `data` (cluster and log) is where it really is, asked for or not."""

    data: Path
    sockets: Path
    account: Account
    command: Sequence[str | Path] = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    name: ClassVar[str] = "PostgreSQL"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> Path:
        """What it has to say."""
        return self.data / "server.log"

    def ended(self) -> int | None:
        """How it ended; None while it runs."""
        return self.process.poll()

    async def again(self) -> None:
        """Start it again where it was, so that its URLs stay what they are. Raises CannotStart."""
        self.process = begun(self.command, self.log, self.account)
        await self.ready(60.0)

    async def ready(self, patience: float) -> None:
        """Wait until it takes sessions. Raises CannotStart."""
        deadline = asyncio.get_running_loop().time() + patience
        while not await became_ready(self, patience):
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGQUIT)
                await asyncio.to_thread(self.process.wait)
            said = tail(self.log)
            if "still in use" not in said or asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"PostgreSQL did not start on {self.data}. It said:\n{said}")
            await asyncio.sleep(0.2)  # the last sessions of a killed server are still leaving
            self.process = begun(self.command, self.log, self.account)

    def url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={quote(str(self.sockets), safe='/')}"

    async def stop(self, patience: float = 30.0) -> None:
        """Fast shutdown: sessions are ended, everything is on disk. After `patience` seconds, immediate."""
        await self.end(signal.SIGINT, patience)

    async def kill_immediate(self) -> None:
        """As if the machine had killed it: no checkpoint, no goodbye. For tests of faults."""
        await self.end(signal.SIGKILL, 5.0)

    async def end(self, how: signal.Signals, patience: float) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
        if not await until(lambda: self.process.poll() is not None, patience):
            self.process.send_signal(signal.SIGQUIT)
            await asyncio.to_thread(self.process.wait)
        shutil.rmtree(self.sockets, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def start(data: Path, *, settings: Mapping[str, str] | None = None, patience: float = 60.0) -> Server:
    """Start PostgreSQL on `data`, creating the cluster when the folder has none.

    Call it from a thread that lives as long as the server should: the server ends with the thread that started it.
    """
    chosen = {**SETTINGS, **(settings or {})}
    account, data = await asyncio.to_thread(settle, data)
    binaries = await asyncio.to_thread(reachable_binaries, account)
    cluster = data / "cluster"
    await refuse_if_running(cluster)
    if not cluster.exists():
        await asyncio.to_thread(create, cluster, binaries, account, chosen["fsync"] != "off")
    server = launch(data, binaries, account, chosen)
    try:
        await server.ready(patience)
    except CannotStart:
        shutil.rmtree(server.sockets, ignore_errors=True)
        raise
    return server


def found(asked: Path) -> External | None:
    """The server that runs on the folder `asked`, started by whomever; None where none does."""
    cluster = located(asked) / "cluster"
    lines = pid_lines(cluster)
    if len(lines) < 8 or lines[7].strip() != "ready" or not runs_on(int(lines[0]), cluster.absolute()):
        return None
    return External(f"postgresql://{SUPERUSER}@?host={quote(lines[4], safe='/')}")


def create(cluster: Path, binaries: Path, account: Account, sync: bool) -> None:
    """`initdb` beside its place and then one rename, so that a cut power line leaves no half cluster."""
    half = cluster.with_name("creating")
    shutil.rmtree(half, ignore_errors=True)
    options = (*INITDB, *AUTH, f"--username={SUPERUSER}", *(() if sync else ("--no-sync",)))
    done = account.run(binaries / "initdb", "-D", half, *options)
    if done.returncode != 0:
        raise CannotStart(f"PostgreSQL could not create {cluster}:\n{done.stdout}{done.stderr}")
    move(half, cluster)


def launch(data: Path, binaries: Path, account: Account, settings: Mapping[str, str]) -> Server:
    sockets = Path(tempfile.mkdtemp(prefix="kehu-", dir=SOCKETS if os.access(SOCKETS, os.W_OK) else None))
    account.own(sockets)
    note = data / "sockets"
    if note.exists():  # of a start whose process was killed
        last = Path(note.read_text(encoding="utf-8"))
        if last.parent == sockets.parent and last.name.startswith("kehu-"):
            shutil.rmtree(last, ignore_errors=True)
    note.write_text(str(sockets), encoding="utf-8")
    chosen = {**settings, "unix_socket_directories": str(sockets)}
    arguments = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    command: list[str | Path] = [binaries / "postgres", "-D", data / "cluster", *arguments]
    return Server(data, sockets, account, command, begun(command, data / "server.log", account))


def begun(command: Sequence[str | Path], written: Path, account: Account) -> subprocess.Popen[bytes]:
    """The server's process; what it says is added to `written`."""
    shorten = written.exists() and written.stat().st_size > LOG_LIMIT
    with written.open("wb" if shorten else "ab") as output:
        account.own(written)
        return subprocess.Popen(  # noqa: S603
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else (),
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us; we end the server when nobody needs it any more
            preexec_fn=end_with(os.getpid()),  # noqa: PLW1509
        )


def end_with(parent: int) -> Callable[[], None] | None:
    """Linux ends the server (fast shutdown) when we die, however we die. Elsewhere the next start names it."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(1, int(signal.SIGINT), 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask


async def refuse_if_running(cluster: Path) -> None:
    """A pid file is no proof of a server: only a live PostgreSQL on this very folder is."""
    began = asyncio.get_running_loop().time()
    while lines := pid_lines(cluster):
        pid, waited = int(lines[0]), asyncio.get_running_loop().time() - began
        if not runs_on(pid, cluster):
            (cluster / "postmaster.pid").unlink(missing_ok=True)
            return
        if waited > (ENDING if lines[-1].strip() == "stopping" else HEARING):
            raise CannotStart(
                f"a PostgreSQL server (pid {pid}) is already running on {cluster.parent}; "
                f"stop what started it, or the server itself (kill -INT {pid}), or choose another folder"
            )
        await asyncio.sleep(0.05)  # it is ending with the process that started it, or has yet to hear that it should


def runs_on(pid: int, cluster: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:  # gone; or not Linux, where its signal tells less but enough
        return sys.platform != "linux" and alive(pid)
    return str(cluster) in command.split("\0")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def pid_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


async def became_ready(server: Server, patience: float) -> bool:
    await until(lambda: server.process.poll() is not None or is_ready(server), patience)
    return is_ready(server)


def is_ready(server: Server) -> bool:
    lines = pid_lines(server.data / "cluster")
    return len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready"


def tail(path: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])


async def until(done: Callable[[], bool], patience: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not done():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True

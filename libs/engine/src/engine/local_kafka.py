"""A real Apache Kafka of our own: KRaft brokers on one machine, for one machine's use and for tests.

The server comes as jars that Maven resolves once (``deploy/kafka``), each checked against its hash. Brokers listen on
loopback only and end with the process that started them.
"""

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM, Signals

from engine.embedded import end_with, until

CLUSTER = "4L6g3nShT-eMCtK--X86sw"
"""Id of every local cluster: brokers of one machine never meet others."""
JAVA = ("-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
READY = 120.0
HOST = "127.0.0.1"
LISTENERS = ("CLIENTS", "INSIDE", "CONTROLLER")


class NoKafka(Exception):
    """No Kafka can be started here; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Jars:
    """Where the server's jars are; `pom` says which, `jars.sha256` beside it what is in them."""

    pom: Path
    folder: Path

    def ready(self) -> Path:
        """The folder with all of them, resolved by Maven where one is missing. Raises NoKafka."""
        for program in ("java", "mvn"):
            if shutil.which(program) is None:
                raise NoKafka(
                    f"{program} is not installed, and a local Kafka needs Java 17 or later and Maven: install them, "
                    "or name a running Kafka with KEHU_KAFKA__BOOTSTRAP (docker compose up kafka starts one)"
                )
        wanted = self._wanted()
        if self._wrong(wanted):
            self._resolve()
        if wrong := self._wrong(wanted):
            raise NoKafka(f"{self.folder}: {', '.join(wrong[:3])} are not what jars.sha256 says; remove the folder")
        return self.folder

    def _wanted(self) -> Mapping[str, str]:
        lines = self.pom.with_name("jars.sha256").read_text(encoding="utf-8").splitlines()
        return {name: digest for digest, name in (line.split() for line in lines)}

    def _wrong(self, wanted: Mapping[str, str]) -> list[str]:
        there = {path.name for path in self.folder.glob("*.jar")}
        strange = sorted(there - set(wanted))
        return strange + [name for name, digest in wanted.items() if name not in there or self._is(name) != digest]

    def _is(self, name: str) -> str:
        with (self.folder / name).open("rb") as jar:
            return hashlib.file_digest(jar, "sha256").hexdigest()

    def _resolve(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        command: list[str | Path] = [
            "mvn",
            "-q",
            "-B",
            "-f",
            self.pom,
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
        ]
        done = subprocess.run(  # noqa: S603
            [*command, "-DincludeScope=runtime", f"-DoutputDirectory={self.folder.absolute()}"],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise NoKafka(f"Maven could not resolve Apache Kafka: {(done.stdout + done.stderr).strip()[-500:]}")


@dataclass(frozen=True, slots=True)
class Secured:
    """Clients are let in over TLS only, and only as one of `users` (name -> password, SCRAM-SHA-512).

    `certificate` and `key` are the brokers', as PEM. With an `administrator`, one of the users, all others may do
    nothing but what a rule (ACL) allows them.
    """

    certificate: str
    key: str = field(repr=False)
    users: Mapping[str, str] = field(repr=False)
    administrator: str | None = None

    def properties(self) -> dict[str, str]:
        """What a broker is told."""
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return self._rules() | {
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _one_line(self.certificate),
            "ssl.keystore.key": _one_line(self.key),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": login,
        }

    def _rules(self) -> dict[str, str]:
        """The brokers among themselves are nobody, and may do all; nobody else comes in where they meet."""
        if self.administrator is None:
            return {}
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{self.administrator}",
            "allow.everyone.if.no.acl.found": "false",
        }


def _one_line(pem: str) -> str:
    return pem.strip().replace("\n", "\\n")


@dataclass
class Broker:
    """One node. Its `address` stays the same when it is started again."""

    node: int
    folder: Path
    address: str
    command: Sequence[str | Path]
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """As people call it."""
        return f"Kafka's broker {self.node}"

    @property
    def log(self) -> Path:
        """What it has to say."""
        return self.folder / "server.log"

    def ended(self) -> int | None:
        """How it ended; None while it runs."""
        return self.process.poll() if self.process is not None else None

    async def again(self) -> None:
        """Start it again where it was."""
        self.launch()

    def launch(self) -> None:
        """Start it; it answers some seconds later."""
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for us; we end it when nobody needs it any more
                preexec_fn=end_with(os.getpid()),  # noqa: PLW1509
            )

    def signal(self, number: Signals) -> None:
        """Send a signal to its process, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    async def end(self, how: Signals = SIGTERM, patience: float = 20.0) -> None:
        """Ask it to end; kill it where that takes longer."""
        process = self.process
        if process is None:
            return
        self.signal(how)
        if not await until(lambda: process.poll() is not None, patience):
            process.kill()
            await asyncio.to_thread(process.wait)

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-1500:] if self.log.exists() else ""


@dataclass
class LocalKafka:
    """A running cluster."""

    brokers: list[Broker]

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, as clients take them."""
        return ",".join(broker.address for broker in self.brokers)

    async def stop(self) -> None:
        """End all brokers at once; what was acknowledged is on disk."""
        await asyncio.gather(*(broker.end() for broker in self.brokers))


async def start(
    folder: Path,
    jars: Jars,
    *,
    brokers: int = 1,
    port: int = 0,
    settings: Mapping[str, str] | None = None,
    secured: Secured | None = None,
) -> LocalKafka:
    """Start `brokers` on `folder`, which keeps their data; on `port` and those that follow (0: free ones).

    `settings` of the server are added to each. They listen when this returns; `engine.kafka.ready` tells when the group
    coordinator answers, too. Raises NoKafka.
    """
    libraries = await asyncio.to_thread(jars.ready)
    ports = _ports(brokers * 3, port)
    more = {**(secured.properties() if secured else {}), **(settings or {})}
    users = secured.users if secured else {}
    made = await asyncio.to_thread(_nodes, folder, jars.pom, libraries, ports, more, users)
    cluster = LocalKafka(made)
    for broker in made:
        broker.launch()
    for broker in made:
        await _listening(cluster, broker)
    return cluster


async def _listening(cluster: LocalKafka, broker: Broker) -> None:
    process = broker.process
    assert process is not None
    host, _, at = broker.address.rpartition(":")
    await until(lambda: process.poll() is not None or _answers(host, int(at)), READY)
    if process.poll() is not None or not _answers(host, int(at)):
        await cluster.stop()
        raise NoKafka(f"Kafka did not start on {broker.folder}. It said:\n{broker.said()}")


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _ports(count: int, first: int) -> list[int]:
    """Ports that are free now, all different; or those from `first` on."""
    if first:
        return list(range(first, first + count))
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _nodes(
    folder: Path,
    pom: Path,
    libraries: Path,
    ports: Sequence[int],
    settings: Mapping[str, str],
    users: Mapping[str, str],
) -> list[Broker]:
    """A node for each three ports, ready to be launched: the first third is for clients."""
    folder, count = folder.absolute(), len(ports) // 3
    listen, control, inside = ports[:count], ports[count : 2 * count], ports[2 * count :]
    voters = ",".join(f"{n + 1}@{HOST}:{at}" for n, at in enumerate(control))
    return [
        _prepared(
            folder / f"broker-{n + 1}", n + 1, libraries, pom,
            _properties(n + 1, voters, (listen[n], inside[n], control[n]), count, settings), users,
        )
        for n in range(count)
    ]  # fmt: skip


def _properties(
    node: int, voters: str, ports: tuple[int, int, int], brokers: int, settings: Mapping[str, str]
) -> dict[str, str]:
    clients, inside, control = (f"{name}://{HOST}:{at}" for name, at in zip(LISTENERS, ports, strict=True))
    replicas = str(min(brokers, 3))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": voters,
        "listeners": f"{clients},{inside},{control}",
        "advertised.listeners": f"{clients},{inside}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INSIDE",
        "controller.listener.names": "CONTROLLER",
        "default.replication.factor": replicas,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": "1",
        "min.insync.replicas": "2" if brokers >= 3 else "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "auto.create.topics.enable": "false",
        "num.partitions": "12",
        "log.segment.bytes": "104857600",
        **settings,
    }


def _prepared(
    folder: Path, node: int, libraries: Path, pom: Path, properties: dict[str, str], users: Mapping[str, str]
) -> Broker:
    """A broker whose folder is formatted, ready to be launched."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "server.properties"
    properties = {**properties, "log.dirs": str(folder / "data")}
    written.touch(mode=0o600)  # it may hold a key
    written.write_text("".join(f"{k}={v}\n" for k, v in properties.items()), encoding="utf-8")
    java = ["java", *JAVA, f"-Dlog4j2.configurationFile={pom.with_name('log4j2.properties').absolute()}"]
    java += ["-cp", f"{libraries.absolute()}/*"]
    if not (folder / "data" / "meta.properties").exists():
        scram = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in users.items()]
        more = [part for user in scram for part in ("--add-scram", user)]
        _formatted([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(written), *more], folder)
    address = properties["advertised.listeners"].partition(",")[0].partition("://")[2]
    return Broker(node, folder, address, [*java, "kafka.Kafka", written])


def _formatted(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise NoKafka(f"Kafka could not format {folder}: {(done.stdout + done.stderr).strip()[-500:]}")

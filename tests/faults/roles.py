"""The processes that are stopped and killed: a writer, a relay, projectors, a reactor; each notes what it is told.

``forking("-m", "tests.faults.roles")``: each job takes a `Place` as JSON and the name it has, and works until killed.
The log lies in one database, what is made of it (views, reactions, positions) in another.
"""

import asyncio
import logging
import signal
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from engine import consumer as consuming
from engine import ids, projector, reactor
from engine import rebuild as building
from engine.consumer import Batch as Letters
from engine.database import SETTINGS, Database
from engine.faults import Lost
from engine.handle import Handler
from engine.kafka import line, relay, sending
from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.kafka.bus import KafkaBus, KafkaSubscription
from engine.lifecycle import Supervisor, Worker
from engine.ports import Append, Conflict, Delivery, Meta, NewEvent, Place, StoreFailed, Verdict
from engine.projection import View
from engine.projector import Projector
from engine.reactor import Reactor
from engine.serde import Serde
from engine.store import PostgresStore
from engine.testing.fire import WRITER, opened
from engine.testing.forked import obey, say, stop_here
from engine.testing.sample_service import REACTION, handler
from engine.testing.sample_views import DAY, LEDGER, TOTALS, owner_set, paid, refusing
from events.base import Event
from events.credit import PaymentReceived
from events.upcasts import Upcast
from tests.faults.history import Recorder, mark

CONTEXTS = ("credit", "customer")
CUSTOMERS = 200
OWNERS = 10
"""Of so many events one assigns an owner, which calls for a reaction."""
BAD = "CX"
UPCASTS: Mapping[tuple[str, int], Upcast] = {("credit.PaymentReceived", 1): dict}
"""What a newer software reads older payments with."""


class Stage(BaseModel):
    """Where all of them work. Times in seconds: how long a silent relay keeps the cursor, what Kafka brings so late is
    read from the log, a send may take, a member may be silent."""

    log: str
    home: str
    bootstrap: str
    namespace: str
    notes: str
    lease: float = 10.0
    late: float = 10.0
    patience: float = 30.0
    session: float = 10.0

    def access(self) -> Access:
        """To the cluster."""
        return Access(self.bootstrap, namespace=self.namespace, session=self.session)

    def layout(self) -> Layout:
        """The cluster's topics."""
        return Layout(self.access())

    def recorder(self, name: str) -> Recorder:
        """For the process of that name."""
        return Recorder(Path(self.notes) / name)

    def timed(self) -> None:
        """Have this process work with these times; what it logs goes to a file beside the notes."""
        said = Path(self.notes).with_suffix(".log")
        logging.basicConfig(filename=said, level=logging.WARNING, format="%(asctime)s %(process)d %(name)s %(message)s")
        relay.LEASE = timedelta(seconds=self.lease)
        line.LATE = self.late
        sending.PATIENCE = self.patience


def newer() -> Serde:
    """From here on this process is of a newer version: its payments are v2."""
    PaymentReceived.version = 2
    return Serde(upcasts=UPCASTS)


async def write(stage: str, name: str, rate: float, flight: int, kind: str = "") -> None:
    """Append `rate` times a second, at most `flight` at a time.

    `kind`: ``bad`` writes payments of the customer `BAD` that no fold bears; ``newer`` writes them in a newer version.
    """
    place, numbers, began = Stage.model_validate_json(stage), count(), monotonic()
    place.timed()
    SETTINGS["application_name"] = WRITER
    serde = newer() if "newer" in kind else Serde()
    recorder, store = place.recorder(name), PostgresStore(await opened(place.log), serde, "kehu")

    async def lane() -> None:
        for n in numbers:
            if (ahead := began + n / rate - monotonic()) > 0:
                await asyncio.sleep(ahead)
            if await append(store, recorder, f"{name}k{n}", n, bad="bad" in kind):
                acknowledged[0] += 1

    async def tell() -> None:
        while True:
            await asyncio.sleep(1)
            say("acknowledged", events=acknowledged[0])

    acknowledged = [0]
    say("writing")
    await asyncio.gather(tell(), *(lane() for _ in range(flight)))


async def append(store: PostgresStore, recorder: Recorder, op: str, n: int, *, bad: bool) -> bool:
    """One command; one in fifty takes the stream for new and is refused. Whether it was acknowledged."""
    who = f"C{n % CUSTOMERS}"
    event: Event = owner_set(who, op) if n % OWNERS == 0 else paid(BAD if bad else who, 1 + n % 7, "BAD" if bad else op)
    stream = f"{event.context()}-{event.about}"
    expected = {stream: 0} if n % 50 == 49 else {}
    command = (Verdict(ids.named("faults", op), "accepted", b""),)
    recorder.note("ask", op)
    try:
        done = await store.append(Append(expected, [NewEvent(stream, event, DAY)], Meta(op, ids.named(op)), command))
        recorder.note("ok", op, done.repeated.positions[0] if done.repeated and done.repeated.positions else done.first)
        return True
    except Conflict:
        recorder.note("fail", op)
    except StoreFailed as failed:
        recorder.note("fail" if "not stored" in str(failed) else "unknown", op)
        await asyncio.sleep(0.05)
    return False


async def publish(stage: str, name: str, stops: str = "", greedy: bool = False) -> None:
    """Relay the log. `stops`: when (``sent``: after the first acknowledgement) it stops itself, as by SIGSTOP.

    `greedy`: it takes the cursor from whoever has not moved it for a moment, as if that one's lease were over.
    """
    place = Stage.model_validate_json(stage)
    place.timed()
    store = PostgresStore(await opened(place.log), Serde(), "kehu")
    working = relay.Relay(store, "faults", CONTEXTS, place.layout())
    noting_relay(working, place.recorder(name), stops)
    if greedy:
        relay._TAKE = relay._TAKE.replace("expires_at <", "expires_at - $2::interval + interval '20 ms' <")
        relay.WAIT = 0.005
        assert "20 ms" in relay._TAKE
    await at_work([working])


def noting_relay(working: relay.Relay, recorder: Recorder, stops: str) -> None:
    """Have it note when it took the cursor, what was acknowledged, and where it moved the cursor."""
    publishing, sending_, moving = working._publish, working._sender.send, working._move

    async def publish_(epoch: int, position: int, life: UUID, stop: asyncio.Event) -> None:
        recorder.note("took", epoch, position, str(life))
        await publishing(epoch, position, life, stop)

    async def send(entries: Any) -> None:
        await sending_(entries)
        for (topic, part), found in entries.items():
            said = [dict(entry.headers) for entry in found]
            positions = [int(one["ce_sequence"]) for one in said]
            marks = [int(one["ce_id"][-8:], 16) for one in said]
            context = topic.removesuffix(".events.v1").rpartition(".")[2]
            recorder.note("sent", said[0]["ce_kehulife"].decode(), context, part, positions, marks)
        if stops == "sent":
            stop_here("stopped")

    async def move(epoch: int, position: int, sent: int, life: Any) -> None:
        await moving(epoch, position, sent, life)
        recorder.note("moved", epoch, position)

    working._publish, working._sender.send, working._move = publish_, send, move  # type: ignore[method-assign]


async def project(stage: str, name: str, kind: str = "", stops: str = "") -> None:
    """Feed the views. `stops`: it stops itself when it has so much of a first batch: ``folded``, ``moved``.

    `kind`: ``refusing`` parks who has a bad payment; ``newer`` knows a newer version of the payments.
    """
    place, home, bus = await reading(stage)
    noting_reader(place.recorder(name), stops)
    views: Sequence[View] = (refusing(), LEDGER) if "refusing" in kind else (TOTALS, LEDGER)
    serde = newer() if "newer" in kind else Serde()
    await at_work([Projector(view, home, bus, serde, member=name) for view in views])


async def react(stage: str, name: str, stops: str = "") -> None:
    """Answer every owner that was assigned with one command."""
    place, home, bus = await reading(stage)
    noting_reader(place.recorder(name), stops)
    store = PostgresStore(home, Serde(), "kehu")
    deciding: Handler = handler(store, home)
    await at_work([Reactor(REACTION, bus, deciding, home, store.serde, member=name)])


async def reading(stage: str) -> tuple[Stage, Database, KafkaBus]:
    """What a process that reads the log has."""
    place = Stage.model_validate_json(stage)
    place.timed()
    home, log = await opened(place.home), await opened(place.log)
    return place, home, KafkaBus(place.layout(), "faults", dict.fromkeys(CONTEXTS, log.reader), home.pool)


async def at_work(workers: Sequence[Worker]) -> None:
    """As in the product: what fails is started again; asked by SIGTERM, all leave their groups and end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    supervisor = Supervisor(workers, shortest=0.1, longest=1.0)
    await supervisor.start()
    say("working")
    halted = set[str]()
    while not stop.is_set():
        await asyncio.sleep(0.1)
        for name, status in supervisor.status().items():
            if status.state == "halted" and name not in halted:
                halted.add(name)
                say("halted", name=name, why=status.error)
    await supervisor.stop()


def noting_reader(recorder: Recorder, stops: str) -> None:
    """Have all readers of this process note what they get, what they commit, and when they begin anew."""
    noting_deliveries(recorder)
    noting_commits(recorder, stops)
    rebuilding, starting_over = building.rebuild, consuming.start_over

    async def rebuild(view: View, *args: Any, **more: Any) -> Any:
        recorder.note("anew", f"view:{view.name}")
        return await rebuilding(view, *args, **more)

    async def start_over(home: asyncpg.Pool, bus: Any, group: str, topic: str) -> None:
        recorder.note("anew", group)
        await starting_over(home, bus, group, topic)

    vars(projector)["rebuild"], vars(reactor)["start_over"] = rebuild, start_over


def noting_deliveries(recorder: Recorder) -> None:
    """What a subscription gives, under which epoch, and where it begins again."""
    fetching, seeking, readers = KafkaSubscription.fetch, KafkaSubscription.seek, count()
    numbers: dict[int, int] = {}

    def number(reader: KafkaSubscription) -> int:
        return numbers.setdefault(id(reader._claims), next(readers))

    async def fetch(self: KafkaSubscription, limit: int, timeout: float) -> Sequence[Delivery]:
        found = await fetching(self, limit, timeout)
        parts: defaultdict[tuple[str, str, int], list[Delivery]] = defaultdict(list)
        for one in found:
            parts[str(one.incarnation), one.topic, one.part].append(one)
        for (life, topic, part), got in parts.items():
            epoch, group = self._held[topic, part].epoch, self._claims._group
            previous, positions = [d.previous for d in got], [d.position for d in got]
            marks = [mark(d.raw.id) for d in got]
            recorder.note("got", number(self), group, epoch, life, topic, part, previous, positions, marks)
        return found

    async def seek(self: KafkaSubscription, place: Place) -> None:
        recorder.note("sought", number(self), place.topic, place.part)
        await seeking(self, place)

    KafkaSubscription.fetch, KafkaSubscription.seek = fetch, seek  # type: ignore[method-assign]


def noting_commits(recorder: Recorder, stops: str) -> None:
    """What is about to be committed, and what became of it."""
    moving, committed, numbers = Letters._moved, Letters.committed, count()
    stopping = iter([stops])

    async def _moved(self: Letters, connection: Any, swap: str) -> Any:
        number = self.number = next(numbers)  # type: ignore[attr-defined]
        parts: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for letter in self.letters:
            parts[letter.delivery.topic, letter.delivery.part].append(letter.delivery.position)
        for at, positions in parts.items():
            standing = self._standings[at]
            recorder.note("committing", number, self.group, str(standing.incarnation), *at, standing.last, positions)
        stop = next(stopping, "")
        if stop == "folded":
            stop_here("stopped")
        try:
            moved = await moving(self, connection, swap)
        except Lost:
            recorder.note("refused", number)
            say("refused")
            raise
        if stop == "moved":
            stop_here("stopped")
        return moved

    def _committed(self: Letters, moved: Any) -> None:
        committed(self, moved)
        recorder.note("committed", self.number)  # type: ignore[attr-defined]

    Letters._moved, Letters.committed = _moved, _committed  # type: ignore[method-assign]


if __name__ == "__main__":
    obey({"write": write, "relay": publish, "project": project, "react": react})

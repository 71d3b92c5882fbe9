"""Durable appends of one event with an expected version, by 1, 8 and 32 writers at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any

from bench.append_by_hand import HandStore
from bench.append_peer import PeerStore
from bench.emmett_peer import NAME as EMMETT
from bench.emmett_peer import Emmett
from bench.facts import DAY, body, meta, payments
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target, ratio
from engine.ports import Append, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from events.credit import PaymentReceived

WRITERS = (1, 8, 32)
LENGTH = 20
"""Events of a stream, before a writer turns to the next."""
Write = Callable[[str, int, Any], Awaitable[object]]


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """One outcome a number of writers."""
    events = list(payments(2_000, plan.seed))
    store = PostgresStore(await ground.database("append"), Serde())
    hand = await HandStore.open(await ground.database("append_by_hand"))
    peer, emmett = PeerStore(await ground.peer("append_peer"), max(WRITERS)), await asyncio.to_thread(Emmett.installed)
    place = await ground.peer("append_emmett")
    try:
        found = [await _with(writers, plan, events, store, hand, peer) for writers in WRITERS]
        return found if emmett is None else [*found, await _beside(emmett, place, plan, events, store)]
    finally:
        if emmett:
            emmett.remove()
        await store.close()
        await hand.close()
        peer.close()


async def _with(
    writers: int, plan: Plan, events: Sequence[PaymentReceived], store: PostgresStore, hand: HandStore, peer: PeerStore
) -> Outcome:
    ours = _to(store)
    kehu, by_hand, other = Contender("kehu"), Contender("SQL by hand"), Contender("eventsourcing 9.5")
    bodies = [body(e) for e in events]
    for write, contents in ((ours, events), (hand.append, bodies)):
        await _timed(writers, plan.seconds / 4, f"{writers}-warm", contents, write)
    for number in range(plan.rounds):
        name = f"{writers}-{number}"
        kehu.samples.append(await _timed(writers, plan.seconds, name, events, ours))
        by_hand.samples.append(await _timed(writers, plan.seconds, name, bodies, hand.append))
        other.samples.append(await asyncio.to_thread(peer.timed, writers, plan.seconds, LENGTH, bodies))
    return Outcome(f"append, {writers} writers", (kehu, by_hand, other), _targets(kehu, by_hand, other, writers))


async def _beside(
    emmett: Emmett, place: dict[str, str], plan: Plan, events: Sequence[PaymentReceived], store: PostgresStore
) -> Outcome:
    """The most writers once more, beside the peer in Node, which is a process of its own in each round."""
    kehu, other, writers = Contender("kehu"), Contender(EMMETT), max(WRITERS)
    bodies = [body(e) for e in events]
    for number in range(plan.rounds):
        kehu.samples.append(await _timed(writers, plan.seconds, f"emmett-{number}", events, _to(store)))
        other.samples.append(await asyncio.to_thread(emmett.append, place, writers, plan.seconds, LENGTH, bodies))
    targets = [Target(f"of {EMMETT}", ratio(kehu, other), 4)]
    return Outcome(f"append, {writers} writers, beside Node", (kehu, other), targets)


def _to(store: PostgresStore) -> Write:
    async def write(stream: str, version: int, event: PaymentReceived) -> object:
        return await store.append(Append({stream: version}, [NewEvent(stream, event, DAY)], meta()))

    return write


def _targets(kehu: Contender, hand: Contender, peer: Contender, writers: int) -> list[Target]:
    gates = writers == max(WRITERS)
    found = [
        Target("of SQL by hand", ratio(kehu, hand), 0.85, gates=gates),
        Target("of eventsourcing", ratio(kehu, peer), 15 if gates else 1, gates=gates),
    ]
    if gates:
        found.append(Target("p99", (kehu.latency(0.99) or 0) * 1000, 12, "ms", most=True))
    return found


async def _timed(writers: int, seconds: float, name: str, contents: Sequence[Any], write: Write) -> Sample:
    latencies: list[float] = []
    end = perf_counter() + seconds

    async def writer(number: int) -> None:
        stream, version, turn = "", LENGTH, number
        while (began := perf_counter()) < end:
            if version == LENGTH:
                stream, version = f"payment-{name}-{number}-{turn}", 0
            await write(stream, version, contents[turn % len(contents)])
            latencies.append(perf_counter() - began)
            version, turn = version + 1, turn + 1

    began = perf_counter()
    await asyncio.gather(*(writer(n) for n in range(writers)))
    return Sample(len(latencies), perf_counter() - began, latencies)

"""From an ERP's message to the view: Kafka -> intake -> decided, stored -> relay -> Kafka -> folded.

The product's own worker processes, each with one role, beside the same chain by hand in as many processes; then with
more processes that take in and fold.
"""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter

import asyncpg
import orjson

from bench import chain_by_hand
from bench.chain_documents import NAMESPACE, TOPIC, invoices
from bench.chain_product import Chain, cluster, costs, counted, product
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target, ratio
from bench.processes import environment
from engine.kafka.access import Access
from engine.kafka.admin import Layout
from engine.ports import PARTS

LOOK = 0.01
WIDER = (2, 4)
"""Processes that take in, and as many that fold."""
_FOLDED = "select count(*) from receivables"
_PLACES = "select part, last_pos from consumers where grp = 'view:receivables' and topic = 'credit'"
_STORED = """select data->>'invoice', part, pos from events where type = 'credit.InvoiceIssued' and pos > $1"""


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """Rounds of as many messages at once; then messages at half the rate reached, each one timed; then wider."""
    number = max(plan.events // 2, 2_000)
    ours, hand = Contender(_shape(1)), Contender("by hand, 3 processes")
    async with cluster() as broker, product(ground, broker) as chain:
        await through(chain, 200)  # so that all of them are at work
        spent: list[dict[str, float]] = []
        for n in range(plan.rounds):
            before = chain.busy()
            ours.samples.append(await through(chain, number))
            spent.append(costs(before, chain.busy(), number))
            hand.samples.append(await by_hand(ground, chain.bootstrap, n, number))
        told = [_told(1, spent, chain)]
        half = Contender("kehu, at half load", [await paced(chain, ours.rate / 2, plan.seconds * 5)])
        trip = Contender("produce -> consume, one at a time", [await round_trips(chain.bootstrap, plan)])
        wider = [await widened(chain, n, number, plan.rounds, told) for n in WIDER]
    p99 = (half.latency(0.99) or 0) * 1000
    targets = [
        Target("of the chain by hand", ratio(ours, hand), 0.5),
        Target("messages", ours.rate, 6_000, "/s", gates=False),
        Target("p99 at half load", p99, 250, "ms", most=True),
    ]
    return [Outcome("ERP message to view, on Kafka", (ours, hand, half, trip, *wider), targets, told)]


async def widened(chain: Chain, consumers: int, number: int, rounds: int, told: list[str]) -> Contender:
    """The same messages through more processes."""
    await chain.widen(consumers)
    await through(chain, 200)
    found, spent = Contender(_shape(consumers)), list[dict[str, float]]()
    for _ in range(rounds):
        before = chain.busy()
        found.samples.append(await through(chain, number))
        spent.append(costs(before, chain.busy(), number))
    told.append(_told(consumers, spent, chain))
    return found


def _shape(consumers: int) -> str:
    return f"kehu, {2 * consumers + 1} processes: {consumers} take in, 1 relays, {consumers} fold"


def _told(consumers: int, spent: Sequence[dict[str, float]], chain: Chain) -> str:
    """What a message costs, and the memory of a process."""
    each = {who: sum(s[who] for s in spent) / len(spent) for who in spent[0]}
    times = ", ".join(f"{who} {us:.0f}" for who, us in each.items())
    most = ", ".join(f"{who} {mib:.0f}" for who, mib in chain.memory().items())
    return (
        f"- {consumers} take in and {consumers} fold: {sum(each.values()):.0f} us of a processor a message ({times}); "
        f"most memory of a process, MiB: {most}."
    )


async def through(chain: Chain, number: int) -> Sample:
    """So many invoices produced at once, until the last of them is in the ledger."""
    documents = invoices(chain.sent, number)
    producer = await chain_by_hand.producing(chain.bootstrap)
    began = perf_counter()
    await chain_by_hand.send(producer, NAMESPACE + TOPIC, documents)
    chain.sent += number
    await counted(chain.analytics, _FOLDED, chain.sent)
    took = perf_counter() - began
    await producer.stop()
    return Sample(number, took)


async def by_hand(ground: Ground, bootstrap: str, n: int, number: int) -> Sample:
    """The same documents through the three processes written by hand, which wait for the first."""
    url, topic, events = await ground.url(f"chain_{n}"), f"hand.{n}.{TOPIC}", f"hand.{n}.events"
    await Layout(Access(bootstrap)).present([topic, events])
    connection = await asyncpg.connect(url)
    await connection.execute(chain_by_hand.TABLES)
    given = (bootstrap, url, topic, events, str(number))
    processes = [
        subprocess.Popen([sys.executable, "-m", "bench.chain_by_hand", role, *given], env=environment())
        for role in ("intake", "relay", "fold")
    ]
    await asyncio.sleep(3)
    producer = await chain_by_hand.producing(bootstrap)
    began = perf_counter()
    await chain_by_hand.send(producer, topic, invoices(0, number))
    await counted(connection, "select count(*) from by_hand_ledger", number)
    took = perf_counter() - began
    for process in processes:
        await asyncio.to_thread(process.wait)
    await producer.stop()
    await connection.close()
    return Sample(number, took)


async def paced(chain: Chain, rate: float, seconds: float) -> Sample:
    """Messages at `rate` for a while; from each one's sending to the commit of what it is folded into."""
    first = await chain.credit.fetchval("select coalesce(max(pos), 0) from events")
    watching, seen = asyncio.Event(), list[tuple[float, dict[int, int]]]()
    watch = asyncio.create_task(watched(chain.analytics, watching, seen))
    sent: dict[str, float] = {}
    producer, step = await chain_by_hand.producing(chain.bootstrap), 0.02
    began, done = perf_counter(), 0
    while (passed := perf_counter() - began) < seconds:
        due = int(rate * passed) - done
        if due > 0:
            documents = invoices(chain.sent + done, due)
            sent |= dict.fromkeys((orjson.loads(d[1])["invoice"] for d in documents), perf_counter())
            await chain_by_hand.send(producer, NAMESPACE + TOPIC, documents)
            done += due
        await asyncio.sleep(step)
    chain.sent += done
    await producer.stop()
    await counted(chain.credit, "select count(*) from events where type = 'credit.InvoiceIssued'", chain.sent)
    stored = await chain.credit.fetch(_STORED, first)
    goal = {part: max((r[2] for r in stored if r[1] == part), default=0) for part in range(PARTS)}
    while not seen or any(seen[-1][1].get(part, 0) < pos for part, pos in goal.items()):  # noqa: ASYNC110
        await asyncio.sleep(LOOK)
    watching.set()
    await watch
    return Sample(done, seconds, latencies(sent, stored, seen))


async def watched(
    connection: asyncpg.Connection, stop: asyncio.Event, seen: list[tuple[float, dict[int, int]]]
) -> None:
    """How far the ledger is in each part, with the time it was seen, whenever it has moved."""
    while not stop.is_set():
        places = {row[0]: row[1] for row in await connection.fetch(_PLACES)}
        if not seen or seen[-1][1] != places:
            seen.append((perf_counter(), places))
        await asyncio.sleep(0.005)


def latencies(
    sent: dict[str, float], stored: Sequence[asyncpg.Record], seen: Sequence[tuple[float, dict[int, int]]]
) -> list[float]:
    """Seconds from sending each invoice to the first look that found it folded."""
    found: list[float] = []
    for part in range(PARTS):
        mine = sorted((r[2], r[0]) for r in stored if r[1] == part)
        looks = iter(seen)
        at, places = next(looks)
        for position, invoice in mine:
            while places.get(part, 0) < position:
                at, places = next(looks)
            found.append(at - sent[invoice])
    return found


async def round_trips(bootstrap: str, plan: Plan) -> Sample:
    """The floor of any latency here: a record produced and consumed, one at a time."""
    await Layout(Access(bootstrap)).present(["bench.trips"])
    producer, consumer = await chain_by_hand.producing(bootstrap), await chain_by_hand.reading(bootstrap, "bench.trips")
    taken: list[float] = []
    began = perf_counter()
    for n in range(200):
        sent = perf_counter()
        await producer.send_and_wait("bench.trips", b"x", partition=n % PARTS)
        while not await chain_by_hand.fetched(consumer):
            pass
        taken.append(perf_counter() - sent)
    took = perf_counter() - began
    await producer.stop()
    await consumer.stop()
    return Sample(len(taken), took, taken[20:])

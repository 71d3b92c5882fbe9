"""Catching up a live projection, and rebuilding it: sums by customer, and a ledger."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

import asyncpg

from bench import fold_by_hand as hand
from bench.emmett_peer import NAME as EMMETT
from bench.emmett_peer import Emmett
from bench.facts import body, fill, payments
from bench.fold_peer import PeerProjections
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target, ratio
from bench.views import CHECKS, VIEWS
from engine.database import Database
from engine.projection import View
from engine.projector import Projector
from engine.rebuild import rebuild
from engine.serde import Serde
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.views import ViewRegistry, group_of

LIVE = {"bench_totals": 45_000, "bench_ledger": 25_000}
REBUILT = {"bench_totals": 100_000, "bench_ledger": 60_000}
WRITES: Mapping[str, hand.Write] = {"bench_totals": hand.add_totals, "bench_ledger": hand.add_entries}
REBUILDS = {"bench_totals": hand.rebuild_totals, "bench_ledger": hand.rebuild_ledger}
Step = Callable[[View], Awaitable[Sample]]


@dataclass(frozen=True)
class Stage:
    """A log with all its events, and everybody who folds it."""

    database: Database
    store: PostgresStore
    bus: TableBus
    peer: PeerProjections
    events: int

    async def caught_up(self, view: View) -> Sample:
        """The projector, from the first event on, over its bus."""
        live = await ViewRegistry(self.database.pool).live(view.name)
        assert live is not None
        await self.database.pool.execute(f'truncate "{live.table}"')
        await self.database.pool.execute(
            "update consumers set last_pos = 0, next_offset = 0 where grp = $1", group_of(view)
        )
        projector = Projector(view, self.database, self.bus, self.store.serde, wakeups=self.store.wakeups)
        wakeups, stop, began = self.store.wakeups, asyncio.Event(), perf_counter()
        running = asyncio.create_task(projector.run(stop))
        while not running.done():
            seen = wakeups.count(projector.name)
            if projector.tally.folded >= self.events:
                break
            await wakeups.wait(projector.name, 0.1, seen)
        seconds = perf_counter() - began
        stop.set()
        await running
        return Sample(self.events, seconds)

    async def caught_up_by_hand(self, view: View) -> Sample:
        await hand.prepare(self.database.pool)
        began = perf_counter()
        done = await hand.follow(self.database.pool, view.name.removeprefix("bench_"), WRITES[view.name])
        return Sample(done, perf_counter() - began)

    async def rebuilt(self, view: View) -> Sample:
        began = perf_counter()
        outcome = await rebuild(view, self.database, self.bus, self.store.serde)
        assert outcome is not None
        return Sample(outcome.events, perf_counter() - began)

    async def rebuilt_by_hand(self, view: View) -> Sample:
        await hand.prepare(self.database.pool)
        began = perf_counter()
        done = await REBUILDS[view.name](self.database.pool)
        return Sample(done, perf_counter() - began)

    async def followed_by_peer(self, view: View) -> Sample:
        return await asyncio.to_thread(self.peer.timed, view.name)

    async def compared(self, view: View) -> None:
        """All who folded it say the same."""
        ours = await self.database.pool.fetchrow(CHECKS[view.name].format(table=view.name))
        by_hand = CHECKS[view.name].format(table=view.name.replace("bench_", "hand_"))
        assert ours == await self.database.pool.fetchrow(by_hand), f"{view.name}: not what the loop by hand has"


@asynccontextmanager
async def stage(ground: Ground, plan: Plan) -> AsyncIterator[Stage]:
    database = await ground.database("projections")
    store = PostgresStore(database, Serde())
    bus = TableBus({"credit": database.pool}, database.pool, wakeups=store.wakeups)
    await ViewRegistry(database.pool).ensure(VIEWS)
    for view in VIEWS:
        await rebuild(view, database, bus, store.serde)
    events = list(payments(plan.events, plan.seed))
    present = await store.head()
    if not present:
        await fill(store, events)
        owner = await asyncpg.connect(database.url)
        await owner.execute("vacuum analyze events")
        await owner.close()
    peer = PeerProjections(
        await ground.peer("projections_peer"), [] if present else [body(e) for e in events[: plan.peer_events]]
    )
    try:
        yield Stage(database, store, bus, peer, plan.events)
    finally:
        await store.close()


async def live(ground: Ground, plan: Plan) -> list[Outcome]:
    """A projector that has the whole log before it."""
    async with stage(ground, plan) as s:
        found = [
            await _rounds("live", v, plan, (s.caught_up, s.caught_up_by_hand, s.followed_by_peer), s) for v in VIEWS
        ]
    return [Outcome(o.case, o.contenders, _live_targets(o, v)) for o, v in zip(found, VIEWS, strict=True)]


async def rebuilds(ground: Ground, plan: Plan) -> list[Outcome]:
    """The view anew in a shadow, compared with the live one and put in its place."""
    async with stage(ground, plan) as s:
        for view in VIEWS:
            await s.caught_up(view)  # a rebuild goes as far as the live view stands
        found = [
            await _rounds("rebuild", v, plan, (s.rebuilt, s.rebuilt_by_hand, s.followed_by_peer), s) for v in VIEWS
        ]
    told = [Outcome(o.case, o.contenders, _rebuild_targets(o, v)) for o, v in zip(found, VIEWS, strict=True)]
    emmett = await asyncio.to_thread(Emmett.installed)
    return told if emmett is None else [*told, await _beside(emmett, ground, plan, found[0].contenders[0])]


async def _beside(emmett: Emmett, ground: Ground, plan: Plan, kehu: Contender) -> Outcome:
    """The peer in Node builds its sums anew, from a shorter log; its rate is per event."""
    other, bodies = Contender(EMMETT), [body(e) for e in payments(plan.peer_events * 5, plan.seed)]
    for number in range(plan.rounds):
        place = await ground.peer(f"rebuild_emmett_{number}")
        other.samples.append(await asyncio.to_thread(emmett.rebuild, place, bodies))
    emmett.remove()
    return Outcome("rebuild, totals, beside Node", (kehu, other), [Target(f"of {EMMETT}", ratio(kehu, other), 100)])


async def _rounds(what: str, view: View, plan: Plan, steps: tuple[Step, ...], s: Stage) -> Outcome:
    contenders = [Contender(n) for n in ("kehu", "loop by hand", "eventsourcing 9.5")]
    for _ in range(plan.rounds):
        for contender, step in zip(contenders, steps, strict=True):
            contender.samples.append(await step(view))
        await s.compared(view)
    return Outcome(f"{what}, {view.name.removeprefix('bench_')}", contenders, ())


def _live_targets(outcome: Outcome, view: View) -> list[Target]:
    kehu, by_hand, peer = outcome.contenders
    return [
        Target("of the loop by hand", ratio(kehu, by_hand), 0.8),
        Target("of eventsourcing", ratio(kehu, peer), 40),
        Target("rate", kehu.rate, LIVE[view.name], "ev/s", gates=False),
    ]


def _rebuild_targets(outcome: Outcome, view: View) -> list[Target]:
    kehu, by_hand, peer = outcome.contenders
    return [
        Target("of the loop by hand", ratio(kehu, by_hand), 0.5, gates=False),
        Target("of eventsourcing", ratio(kehu, peer), 40),
        Target("rate", kehu.rate, REBUILT[view.name], "ev/s", gates=False),
    ]

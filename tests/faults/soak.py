"""All faults in random order, under load, for minutes: ``make soak [MINUTES=10] [SEED=...]``.

Prints how far everybody is, and at the end one line: CLEAN, or what is wrong. The exit code says the same.
"""

import argparse
import asyncio
import logging
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from engine import ids
from engine.kafka.admin import Topic, ensure, ready, remove
from engine.kafka.relay import relayed, resend
from engine.local_kafka import LocalKafka, start
from engine.testing.fire import AWAY
from engine.testing.forked import forking
from engine.testing.kafka import JARS
from tests.faults.mending import replayed, strangers
from tests.faults.roles import CONTEXTS
from tests.faults.stage import Play, PostgreSQL, opening, patiently

WRITERS, PROJECTORS = 4, 3
ONCE = ("all_brokers_down", "an_older_log_is_restored", "topics_deleted_and_made_again", "a_newer_version_is_deployed")
"""Faults that take long, or can happen once; the others come again in every round."""
STOPPED, DOWN = 20.0, 60.0
SETTLING = 1_800.0


@dataclass
class Soak:
    """What is under load, and what happens to it. Every method that is listed in `FAULTS` is a fault."""

    play: Play
    cluster: LocalKafka
    dice: Random
    ends: float
    rate: int
    short: float = 1.0
    """By what the times of long faults are multiplied in a short soak."""
    now: str = "nothing yet"
    newer: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    def fill(self, writers: int = WRITERS) -> None:
        """As many of each kind as there have to be."""
        for job, many in (("write", writers), ("relay", 1), ("project", PROJECTORS), ("react", 1)):
            while len(self.play.of(job)) < many:
                self.play.enlist(job, *self.arguments(job))

    def arguments(self, job: str) -> tuple[object, ...]:
        """Those of a process that does it now."""
        match job:
            case "write":
                return self.rate // WRITERS, 100, self.newer
            case "project":
                return (f"refusing {self.newer}",)
            case _:
                return ()

    async def killed(self, job: str) -> None:
        await self.play.kill(self.dice.choice(self.play.of(job)))
        self.fill()

    async def stopped(self, job: str) -> None:
        zombie = self.dice.choice(self.play.of(job))
        if job != "project":
            self.play.enlist(job, *self.arguments(job))
        await self.play.pause(zombie, STOPPED * self.short)
        await asyncio.sleep(2)
        for name in self.play.of(job)[{"project": PROJECTORS}.get(job, 1) :]:
            await self.play.dismiss(name)

    async def a_writer_killed(self) -> None:
        await self.killed("write")

    async def the_relay_killed(self) -> None:
        await self.killed("relay")

    async def the_relay_killed_between_acknowledgement_and_cursor(self) -> None:
        for name in self.play.of("relay"):
            await self.play.kill(name)
        doomed = self.play.enlist("relay", "sent")
        await self.play.at_work[doomed].said("stopped")
        await self.play.kill(doomed)
        self.fill()

    async def a_projector_killed(self) -> None:
        await self.killed("project")

    async def the_reactor_killed(self) -> None:
        await self.killed("react")

    async def the_relay_stopped_while_another_works(self) -> None:
        await self.stopped("relay")

    async def a_projector_stopped(self) -> None:
        await self.stopped("project")

    async def the_reactor_stopped_while_another_works(self) -> None:
        await self.stopped("react")

    async def two_relays_at_once(self) -> None:
        second = self.play.enlist("relay", "", True)
        await asyncio.sleep(8)
        await self.play.dismiss(second)

    async def members_join_and_leave(self) -> None:
        for number in range(6):
            self.play.enlist("project", *self.arguments("project"))
            await asyncio.sleep(1)
            name = self.play.of("project")[0]
            await (self.play.kill(name) if number % 2 else self.play.dismiss(name))

    async def postgresql_stopped_at_once(self) -> None:
        await self.play.postgres.stop_immediately()
        await asyncio.sleep(1)
        await self.play.postgres.start_again()

    async def a_leader_killed(self) -> None:
        broker = self.dice.choice(self.cluster.brokers)
        await broker.end(signal.SIGKILL)
        await asyncio.sleep(8)
        broker.launch()
        await ready(self.play.stage.access())

    async def a_broker_stopped(self) -> None:
        broker = self.dice.choice(self.cluster.brokers)
        broker.signal(signal.SIGSTOP)
        await asyncio.sleep(STOPPED * self.short)
        broker.signal(signal.SIGCONT)

    async def all_brokers_down(self) -> None:
        await asyncio.gather(*(broker.end(signal.SIGKILL) for broker in self.cluster.brokers))
        await asyncio.sleep(DOWN * self.short)
        for broker in self.cluster.brokers:
            broker.launch()
        await ready(self.play.stage.access(), 120)

    async def an_older_log_is_restored(self) -> None:
        await patiently(self.play.backup)
        await asyncio.sleep(3)
        await self.play.restore()
        self.fill()

    async def topics_deleted_and_made_again(self) -> None:
        access = self.play.stage.access()
        await remove(access, [access.topic(c) for c in CONTEXTS])
        await asyncio.sleep(2)
        await ensure(access, [Topic(access.topic(c)) for c in CONTEXTS])

    async def the_last_stretch_is_sent_again(self) -> None:
        async with self.play.pools() as (log, _):
            await resend(log, max((await relayed(log)).position - 20_000, 0))

    async def records_of_strangers(self) -> None:
        async with self.play.pools() as (log, _):
            await strangers(self.play.stage.access(), (await relayed(log)).head)

    async def a_poisonous_customer(self) -> None:
        name = self.play.enlist("write", 20, 2, "bad")
        await asyncio.sleep(3)
        await self.play.kill(name)

    async def a_newer_version_is_deployed(self) -> None:
        """Producers first: the old projectors halt and say why; then the new ones come, and go on."""
        old, self.newer = self.play.of("project"), "newer"
        self.play.enlist("write", 50, 5, "newer")
        async with asyncio.timeout(SETTLING):
            while not all(self.play.at_work[name].heard("halted") for name in old):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        for name in old:
            await self.play.dismiss(name)
        self.fill()


FAULTS: tuple[Callable[[Soak], Awaitable[None]], ...] = (
    Soak.a_writer_killed,
    Soak.the_relay_killed,
    Soak.the_relay_killed_between_acknowledgement_and_cursor,
    Soak.a_projector_killed,
    Soak.the_reactor_killed,
    Soak.the_relay_stopped_while_another_works,
    Soak.a_projector_stopped,
    Soak.the_reactor_stopped_while_another_works,
    Soak.two_relays_at_once,
    Soak.members_join_and_leave,
    Soak.postgresql_stopped_at_once,
    Soak.a_leader_killed,
    Soak.a_broker_stopped,
    Soak.all_brokers_down,
    Soak.an_older_log_is_restored,
    Soak.topics_deleted_and_made_again,
    Soak.the_last_stretch_is_sent_again,
    Soak.records_of_strangers,
    Soak.a_poisonous_customer,
    Soak.a_newer_version_is_deployed,
)


def line(text: str) -> None:
    """To the terminal, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def told(soak: Soak, began: float) -> None:
    """Every few seconds how far everybody is."""
    while True:
        await asyncio.sleep(3)
        try:
            async with asyncio.timeout(5), soak.play.pools() as (log, home):
                state = await relayed(log)
                folded = await home.fetchval("select coalesce(sum(events), 0) from sample_totals")
        except (*AWAY, KeyError):
            line(f"{time.monotonic() - began:5.0f} s  the database is away  now: {soak.now}")
            continue
        line(
            f"{time.monotonic() - began:5.0f} s  acknowledged {soak.play.acknowledged():9,}  log {state.head:9,}"
            f"  relayed {state.position:9,}  folded {folded:9,}  now: {soak.now}"
        )


async def faults(soak: Soak) -> None:
    """Rounds of all of them, each in another order, until the time is over."""
    left = list(FAULTS)
    while time.monotonic() < soak.ends:
        soak.dice.shuffle(left)
        for fault in left:
            if time.monotonic() > soak.ends:
                return
            soak.now = fault.__name__.replace("_", " ")
            await fault(soak)
            soak.counts[soak.now] = soak.counts.get(soak.now, 0) + 1
            soak.now = "nothing"
            await asyncio.sleep(soak.dice.uniform(0.5, 2.5))
        left = [fault for fault in FAULTS if fault.__name__ not in ONCE]


async def ended(soak: Soak) -> int:
    """Whoever is parked is dealt with by a mended projector; then the verdict."""
    play = soak.play
    soak.now = "nothing: settling"
    await play.silence()
    soak.fill(writers=0)
    await play.settled(within=SETTLING)
    for name in play.of("project"):
        await play.dismiss(name)
    for _ in range(PROJECTORS):
        play.enlist("project", soak.newer)
    await replayed(play, soak.newer)
    verdict = await play.verdict(SETTLING)
    line(f"faults: {sum(soak.counts.values())} ({', '.join(f'{n} {c}' for n, c in sorted(soak.counts.items()))})")
    line(", ".join(f"{name} {count:,}" for name, count in verdict.counts.items()))
    for wrong in verdict.wrong[:30]:
        line(f"  {wrong}")
    if verdict.wrong:
        line(f"WRONG: {len(verdict.wrong)}, the first: {verdict.wrong[0]}")
        return 1
    line(
        f"CLEAN: {verdict.counts['acknowledged']:,} commands acknowledged, none missing, none applied twice, "
        f"after {sum(soak.counts.values())} faults"
    )
    return 0


async def main(minutes: float, seed: int, rate: int) -> int:
    """The exit code."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # of looks given up while the database is away
    line(f"{minutes:g} minutes, seed {seed} (repeat with SEED={seed}), at most {rate:,} commands a second")
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="kehu-soak-"))
    cluster = await start(folder / "kafka", JARS, brokers=3)
    postgres = await PostgreSQL.start(None)
    try:
        with forking("-m", "tests.faults.roles") as fork:
            name, where = f"soak{ids.new().hex[-6:]}", cluster.bootstrap
            play = await opening(postgres, fork, name, folder / "notes", bootstrap=where, session=6.0)
            short = min(minutes / 10, 1.0)
            soak = Soak(play, cluster, Random(seed), time.monotonic() + minutes * 60, rate, short)
            soak.fill()
            line(f"{time.monotonic() - began:5.0f} s  three brokers, a database and {len(play.at_work)} processes work")
            telling = asyncio.create_task(told(soak, began))
            try:
                await faults(soak)
                return await ended(soak)
            except Exception as failed:
                line(f"WRONG: it did not go on, now: {soak.now}: {failed!r}"[:2000])
                return 1
            finally:
                telling.cancel()
    finally:
        await cluster.stop()
        await postgres.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--seed", type=int, default=None)
    asked.add_argument("--rate", type=int, default=2_500)
    given = asked.parse_args()
    sown = given.seed if given.seed is not None else ids.new().int % 1_000_000
    sys.exit(asyncio.run(main(given.minutes, sown, given.rate)))

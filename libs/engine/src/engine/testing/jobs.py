"""What processes do that tests stop and kill: write, project, react, fire timers, rebuild.

``forking("-m", "engine.testing.jobs")``. Each job takes the URL of a migrated database that holds every topic; all but
``rebuild`` work until they are killed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from time import monotonic
from typing import Any

from engine import rebuild as rebuilding
from engine.business_day import BUSINESS_DAY
from engine.consumer import Batch
from engine.database import SETTINGS, Database
from engine.handle import Handler
from engine.keeper import Keeper, Means
from engine.lifecycle import Supervisor, Worker
from engine.ports import StoreFailed
from engine.projector import Projector
from engine.reactor import Reactor
from engine.rebuild import rebuild
from engine.serde import Serde
from engine.shadow import Shadow
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.fire import AWAY, WRITER, opened
from engine.testing.forked import obey, say, stop_here
from engine.testing.sample_service import REACTION, TIMER, Drop, handler
from engine.testing.sample_views import TOTALS, VIEWS, append, owner_set, paid, refusing
from engine.timers import TimerRunner, TimerView
from events.base import Event

LEASE = timedelta(seconds=1)
IN_FLIGHT = 64
CUSTOMERS = 30
PARKED = ("C1", "C7")
"""Only payments are written for these: between topics there is no order, so what of them is parked would be chance."""

Moment = tuple[str, str]
"""A step and ``before`` or ``after``: where a process stops itself, as by SIGSTOP."""
STEPS: dict[str, tuple[Any, str]] = {
    "creating the table": (rebuilding, "create"),
    "filling it": (Shadow, "_fold"),
    "adding keys": (Shadow, "finish"),
    "locking": (rebuilding, "hold"),
    "comparing": (rebuilding, "checksum"),
    "repointing": (rebuilding, "show"),
    "moving letters": (rebuilding, "park"),
    "committing": (rebuilding._Swap, "run"),  # noqa: SLF001 - its end is the first moment after the commit
    "folding a batch": (Keeper, "take"),
    "moving positions": (Batch, "commit"),
}


@dataclass(frozen=True, slots=True)
class World:
    """What a process of a service has."""

    database: Database
    store: PostgresStore
    bus: TableBus
    deciding: Handler

    @classmethod
    async def open(cls, url: str) -> "World":
        """Over one database; a member that falls silent loses its parts after a second."""
        database = await opened(url)
        store = PostgresStore(database, Serde(), "kehu")
        owners = dict.fromkeys(("company", "customer", "credit"), database.pool)
        bus = TableBus(owners, database.pool, wakeups=store.wakeups, lease=LEASE)
        return cls(database, store, bus, handler(store, database))

    def means(self, member: str) -> Means:
        """For a consumer."""
        return Means(self.database, self.bus, self.store.serde, member, self.store.wakeups)


def written(n: int) -> Event:
    """The n-th event of `write`: every name in it is used once."""
    who = f"C{n % CUSTOMERS}"
    return paid(who, 1 + n % 5, f"P{n}") if n % 4 else owner_set(who, f"A{n}-B{n}")


async def write(url: str, rate: int) -> None:
    """Append `rate` times a second; what was late is made up for, as fast as the store takes it."""
    SETTINGS["application_name"] = WRITER
    world, numbers, began = await World.open(url), count(), monotonic()

    async def lane() -> None:
        for n in numbers:
            await asyncio.sleep(began + n / rate - monotonic())
            try:
                await append(world.store, written(n))
            except (StoreFailed, *AWAY):
                await asyncio.sleep(0.05)

    say("writing")
    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))


async def project(url: str, member: str, stop: Moment | None = None, idle: str = "60s") -> None:
    """Feed the sample views. `idle`: how long the database bears with a transaction in which nothing happens."""
    SETTINGS["idle_in_transaction_session_timeout"] = idle
    world = await World.open(url)
    views = VIEWS if stop is None else (TOTALS,)
    if stop:
        stopping(*stop)
    telling(Keeper)
    await working(
        [
            Projector(v, world.database, world.bus, world.store.serde, member=member, wakeups=world.store.wakeups)
            for v in views
        ]
    )


async def react(url: str, member: str) -> None:
    """Answer events with commands."""
    world = await World.open(url)
    telling(Reactor)
    await working(
        [Reactor(REACTION, world.bus, world.deciding, world.database, world.store.serde, member=member, limit=20)]
    )


async def fire(url: str, member: str) -> None:
    """Write down what becomes due, and have it decided."""
    world = await World.open(url)
    days = Projector(BUSINESS_DAY, world.database, world.bus, world.store.serde, member=member)
    timers = TimerView(TIMER, world.means(member))
    runner = TimerRunner([TIMER], [Drop], world.bus, world.deciding, world.database, wakeups=world.store.wakeups)
    telling(TimerView)
    await working([days, timers, runner])


async def rebuild_totals(url: str, stop: Moment | None = None) -> None:
    """Rebuild the view of totals that refuses what is bad."""
    world = await World.open(url)
    if stop:
        stopping(*stop)
    outcome = await rebuild(refusing(), world.database, world.bus, world.store.serde)
    assert outcome is not None
    say("rebuilt", same=outcome.same, events=outcome.events, parked=outcome.parked)


async def working(workers: Sequence[Worker]) -> None:
    """As in the product: what fails is started again."""
    await Supervisor(workers).start()
    await asyncio.Event().wait()


def stopping(step: str, when: str) -> None:
    """Have this process stop itself the first time it comes to that moment."""
    owner, name = STEPS[step]
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)
    times = count()

    async def stopped(*args: Any, **kwargs: Any) -> Any:
        first = next(times) == 0
        if first and when == "before":
            stop_here("stopped")
        result = await original(*args, **kwargs)
        if first and when == "after":
            stop_here("stopped")
        return result

    setattr(owner, name, stopped)


def telling(owner: type[Keeper] | type[Reactor]) -> None:
    """Have this process say ``tried`` of each batch, and what it was refused with if it was."""
    original = owner.take

    async def take(self: Any, batch: Batch) -> None:
        try:
            await original(self, batch)
        except Exception as error:
            say("tried", refused=type(error).__name__)
            raise
        say("tried", refused=None)

    owner.take = take  # type: ignore[method-assign]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # of what is killed on purpose
    obey({"write": write, "project": project, "react": react, "fire": fire, "rebuild": rebuild_totals})

"""What becomes due on a day is decided when that day opens, once, in order, whoever races and whoever dies."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest

from engine import ids, timers
from engine.business_day import BUSINESS_DAY
from engine.consumer import Batch
from engine.database import Database
from engine.handle import Asked, Handler
from engine.keeper import Means
from engine.ports import Append, Meta, NewEvent, Verdict
from engine.projector import Projector
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.running import caught_up, eventually, running
from engine.testing.sample_service import DECIDER, TIMER, Drop, handler
from engine.testing.sample_views import DAY, append, paid
from engine.timers import TimerRunner, TimerView, command_id
from events.base import Event
from events.company import DayOpened, WentLive


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    owners = {"credit": service.pool, "company": service.pool}
    return TableBus(owners, service.pool, wakeups=store.wakeups, lease=timedelta(seconds=1))


@pytest.fixture
def deciding(store: PostgresStore, service: Database) -> Handler:
    return handler(store, service)


def planning(store: PostgresStore, bus: TableBus) -> tuple[Projector, TimerView]:
    means = Means(store.database, bus, store.serde, wakeups=store.wakeups)
    return Projector(BUSINESS_DAY, store.database, bus, store.serde, wakeups=store.wakeups), TimerView(TIMER, means)


def runner(store: PostgresStore, bus: TableBus, deciding: Handler) -> TimerRunner:
    return TimerRunner([TIMER], [Drop], bus, deciding, store.database, wakeups=store.wakeups, pause=0.05)


async def company(store: PostgresStore, event: Event) -> None:
    meta = Meta(actor="test", correlation=ids.new())
    await store.append(Append({}, [NewEvent("calendar-kehu", event, DAY)], meta))


async def opened(store: PostgresStore, days: int) -> None:
    await company(store, DayOpened(day=DAY + timedelta(days=days), previous=None))


async def dropped(service: Database) -> list[str]:
    rows = await service.pool.fetch(
        "select data::json ->> 'order' from events where type = 'credit.HoldDropped' order by pos"
    )
    return [r[0] for r in rows]


async def fired(service: Database, count: int) -> bool:
    return bool(await service.pool.fetchval("select count(*) = $1 from timers where fired_at is not null", count))


async def test_due_commands_are_decided_in_date_order_when_their_day_opens(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    await append(store, paid("C1", 3, "third"), paid("C1", 1, "first"), paid("C1", 2, "second"), paid("C1", 9, "later"))
    await opened(store, 0)
    async with running(*planning(store, bus), runner(store, bus, deciding)):
        await asyncio.sleep(0.5)
        assert await dropped(service) == []
        await opened(store, 5)
        await eventually(lambda: fired(service, 3))
        assert await dropped(service) == ["first", "second", "third"]
        await append(store, paid("C2", 4, "late"))
        await eventually(lambda: fired(service, 4))
    assert await dropped(service) == ["first", "second", "third", "late"]


async def test_what_is_due_is_not_lost_where_those_who_decide_have_yet_to_hear_of_the_day(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    """The handler here believes in an earlier day for ever; in a service it does so for the moment it keeps one."""
    await append(store, paid("C1", 3, "third"))
    await opened(store, 3)
    async with running(*planning(store, bus), runner(store, bus, deciding)):
        await eventually(lambda: fired(service, 1))
    assert await dropped(service) == ["third"]


async def test_a_day_waits_for_what_was_stored_before_it_was_opened(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    days, plans = planning(store, bus)
    await opened(store, 5)
    await append(store, paid("C1", 3, "third"), paid("C1", 1, "first"))
    async with running(days, runner(store, bus, deciding)):
        await asyncio.sleep(0.5)
        assert await dropped(service) == []
        async with running(plans):
            await eventually(lambda: fired(service, 2))
    assert await dropped(service) == ["first", "third"]


async def test_nothing_of_a_day_is_done_before_all_of_it_is_written_down(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    """The timers are written down one by one here, with time to fire each: what is due first comes last in the log."""

    class Slow(TimerView):
        async def take(self, batch: Batch) -> None:
            await super().take(batch)
            await asyncio.sleep(0.2)

    days, _ = planning(store, bus)
    slow = Slow(TIMER, Means(service, bus, store.serde, wakeups=store.wakeups, limit=1))
    await opened(store, 9)
    await append(store, *[paid("C1", 9 - n, f"P{n}") for n in range(8)])
    async with running(days, runner(store, bus, deciding), slow):
        await eventually(lambda: fired(service, 8))
    assert await dropped(service) == [f"P{n}" for n in reversed(range(8))]


def test_the_command_of_a_timer_has_the_same_id_for_ever() -> None:
    """Whoever fires it, in whatever process and release: so it is decided once."""
    assert command_id("drop/C1/P1") == UUID("6574021b-238f-5e19-a075-ac1ea97ac0bd")


async def test_a_timer_fires_once_while_three_workers_race_and_one_is_killed(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    class Killed(Handler):
        left = 2

        async def handle_many(self, asked: list[Asked]) -> list[Verdict]:  # type: ignore[override]
            verdicts = await super().handle_many(asked)
            self.left -= 1
            if not self.left:
                raise asyncio.CancelledError
            return verdicts

    async def today() -> date:
        return DAY

    for n in range(30):
        await append(store, *[paid(f"C{c}", 1 + n % 5, f"P{n}") for c in range(20)])
    dying = Killed(store, [DECIDER], {}, service, today)
    async with running(*planning(store, bus)):
        await eventually(lambda: planned(service, 600))
        doomed = asyncio.create_task(runner(store, bus, dying).run(asyncio.Event()))
        async with running(runner(store, bus, deciding), runner(store, bus, deciding)):
            await opened(store, 9)
            await eventually(lambda: fired(service, 600))
        doomed.cancel()
        await asyncio.gather(doomed, return_exceptions=True)
    orders = await service.pool.fetch(
        "select customer, data::json ->> 'order' from events where type = 'credit.HoldDropped'"
    )
    assert len(orders) == len(set(map(tuple, orders))) == 600


async def planned(service: Database, count: int) -> bool:
    return bool(await service.pool.fetchval("select count(*) = $1 from timers", count))


async def test_a_refused_timer_is_done_and_a_broken_one_is_kept_for_a_person(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    await append(store, paid("C1", 1, "REFUSED"), paid("C1", 1, "BROKEN"), paid("C1", 1, "good"))
    await opened(store, 5)
    async with running(*planning(store, bus), runner(store, bus, deciding)):
        await eventually(lambda: fired(service, 2))
        await eventually(lambda: broken(service))
    rows = {r[0]: tuple(r)[1:] for r in await service.pool.fetch("select key, outcome, error from timers")}
    assert rows["drop/C1/REFUSED"] == ("not-this-one", None)
    assert rows["drop/C1/BROKEN"] == (None, "builtins.ZeroDivisionError")
    assert await store.verdict(command_id("drop/C1/good")) is not None
    (kept,) = await timers.broken(service.pool)
    assert (kept.key, kept.command, kept.attempts) == ("drop/C1/BROKEN", "Drop", timers.TRIES)
    assert [await timers.again(service.pool) for _ in range(2)] == [1, 0]
    async with running(*planning(store, bus), runner(store, bus, deciding)):
        await eventually(lambda: broken(service))


async def broken(service: Database) -> bool:
    """Tried again, and broken as often again."""
    return await timers.count_broken(service.pool) == 1


async def test_what_an_initial_load_plans_for_days_that_are_over_is_not_even_written_down(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler
) -> None:
    meta = Meta(actor="test", correlation=ids.new(), origin="initial_load")
    days, plans = planning(store, bus)
    await opened(store, 2)
    async with running(days):
        await caught_up(service.pool, days.name, service.pool, "company")
    await store.append(Append({}, [NewEvent("credit-C1", paid("C1", n, f"P{n}"), DAY) for n in (1, 2, 3, 9)], meta))
    await append(store, paid("C2", 1, "lived"))
    async with running(days, plans, runner(store, bus, deciding)):
        await eventually(lambda: fired(service, 1))
        assert await planned(service, 3)
        await company(store, WentLive(day=DAY + timedelta(days=2), loaded_documents=4))
        await opened(store, 9)
        await eventually(lambda: fired(service, 3))
    assert await dropped(service) == ["lived", "P3", "P9"]


async def test_what_an_initial_load_planned_for_before_going_live_is_not_done(
    store: PostgresStore, service: Database, bus: TableBus, deciding: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = Meta(actor="test", correlation=ids.new(), origin="initial_load")
    events = [NewEvent("credit-C1", paid("C1", n, f"P{n}"), DAY) for n in (1, 2, 8)]
    await store.append(Append({}, events, meta))
    async with running(planning(store, bus)[1]):
        await eventually(lambda: planned(service, 3))
    await company(store, WentLive(day=DAY + timedelta(days=2), loaded_documents=3))
    await opened(store, 9)
    firing = runner(store, bus, deciding)
    with monkeypatch.context() as away:  # what is not to be done could not be noted down, and the worker began anew
        away.setattr(timers, "_BEFORE_LIVE", "select pg_terminate_backend(pg_backend_pid()), $1::text, $2::date")
        with pytest.raises(ExceptionGroup, match="unhandled"):
            async with running(*planning(store, bus), firing):
                await asyncio.sleep(60)  # it is over as soon as the worker fails
    async with running(*planning(store, bus), firing):
        await eventually(lambda: fired(service, 3))
    assert await dropped(service) == ["P8"]

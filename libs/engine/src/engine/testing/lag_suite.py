"""The three numbers of a reader that lies behind, on any bus: events, since when, customers that wait for a person."""

import asyncio
from datetime import UTC, datetime, timedelta

from engine import clock, ids
from engine.database import Database
from engine.ports import Append, Bus, Meta, NewEvent
from engine.projector import Projector
from engine.standing import Lag, lags, reach
from engine.store import PostgresStore
from engine.testing.running import eventually
from engine.testing.sample_views import DAY, append, dropped, owner_set, paid, refusing

GROUP = "view:sample_totals"
LONG_AGO = datetime(2020, 3, 1, tzinfo=UTC)
CLOCKS_APART = timedelta(seconds=5)
"""That of the database and ours."""


class LagSuite:
    """Fixtures: `service`, `store` (an empty log holding the contexts credit and customer) and `bus` over it."""

    async def test_a_reader_that_is_up_to_date_is_behind_by_nothing_and_who_is_parked_is_counted_once(
        self, store: PostgresStore, service: Database, bus: Bus
    ) -> None:
        await append(store, paid("C1", 1), paid("C2", 1, "BAD"), paid("C2", 2), owner_set("C2", "ann"))
        await fed(store, service, bus, Lag(0, None, 1))

    async def test_what_came_since_is_counted_over_all_its_topics_and_no_other_and_since_the_oldest(
        self, store: PostgresStore, service: Database, bus: Bus
    ) -> None:
        await append(store, paid("C1", 1), owner_set("C2", "ann"))
        await fed(store, service, bus, Lag(0, None, 0))
        before = clock.now()
        await append(store, paid("C1", 2))
        later = clock.now()
        await append(store, paid("C3", 1), owner_set("C1", "bob"), dropped("C1"))
        found = await lag(service, bus)
        assert (found.events, found.parked) == (4, 0)
        assert found.since is not None
        assert before - CLOCKS_APART <= found.since <= later + CLOCKS_APART

    async def test_history_of_an_initial_load_is_behind_since_it_was_appended_not_since_its_day(
        self, store: PostgresStore, service: Database, bus: Bus
    ) -> None:
        """Six years of lag, and an alarm, where the reader was a second behind."""
        await append(store, paid("C1", 1))
        await fed(store, service, bus, Lag(0, None, 0))
        before = clock.now()
        meta = Meta("erp", ids.new(), origin="initial_load", asserted_recorded=LONG_AGO)
        history = [NewEvent("credit-C1", paid("C1", 2, f"P{n}"), DAY) for n in range(3)]
        await store.append(Append({}, history, meta))
        found = await lag(service, bus)
        assert found.since is not None
        assert (found.events, found.since >= before - CLOCKS_APART) == (3, True)
        reached = await reach(service.pool, bus, [refusing()])
        assert reached.watermark < LONG_AGO, "what a figure knows is told by recorded times all the same"


async def lag(service: Database, bus: Bus) -> Lag:
    return (await lags(service.pool, bus, ["credit", "customer"]))[GROUP]


async def fed(store: PostgresStore, service: Database, bus: Bus, until: Lag) -> None:
    """Have the reader work until its numbers are these."""
    stop = asyncio.Event()
    projector = Projector(refusing(), service, bus, store.serde, wakeups=store.wakeups)
    working = asyncio.create_task(projector.run(stop))

    async def reached() -> bool:
        found = await lags(service.pool, bus, ["credit", "customer"])
        assert not working.done(), working
        return found.get(GROUP) == until

    await eventually(reached, 30)
    stop.set()
    await working

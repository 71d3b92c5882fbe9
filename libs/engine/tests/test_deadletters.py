"""What cannot be folded is parked with all that follows of the same customer, until a person has acted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest

from engine.database import Database
from engine.deadletters import discard, letters, replay
from engine.faults import Halted
from engine.projection import Key, Totals
from engine.projector import Projector
from engine.rebuild import rebuild
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.running import caught_up, running
from engine.testing.sample_views import LEDGER, TOTALS, append, owner_set, paid
from events import credit
from events.envelope import Envelope

GROUP = "view:sample_totals"
Sums = dict[str, tuple[int, int]]


@pytest.fixture
def bus(store: PostgresStore, service: Database) -> TableBus:
    return TableBus({"credit": service.pool, "customer": service.pool}, service.pool, wakeups=store.wakeups)


def refusing(wrong: Callable[[Envelope[Any]], bool]) -> Totals:
    """The totals, with a fold that breaks on some events."""

    def fold(event: Envelope[Any]) -> Iterable[tuple[Key, Sequence[Any]]]:
        if wrong(event):
            raise ValueError("Zhang San is not a number")
        return TOTALS.fold(event)

    return replace(TOTALS, fold=fold)


def bad(event: Envelope[Any]) -> bool:
    return isinstance(event.event, credit.PaymentReceived) and event.event.payment == "BAD"


async def fed(store: PostgresStore, bus: TableBus, view: Totals) -> Projector:
    projector = Projector(view, store.database, bus, store.serde, wakeups=store.wakeups)
    async with running(projector):
        await caught_up(store.database.pool, GROUP, store.database.pool, "credit", "customer")
    return projector


async def sums(service: Database) -> Sums:
    rows = await service.pool.fetch("select customer, events, amount::int from sample_totals")
    return {r[0]: (r[1], r[2]) for r in rows}


async def test_the_customer_of_a_poisonous_event_is_parked_over_all_topics_and_nobody_else(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", 1), paid("C1", 2, "BAD"), paid("C1", 4), paid("C2", 8))
    projector = await fed(store, bus, refusing(bad))
    assert await sums(service) == {"C1": (1, 1), "C2": (1, 8)}
    await append(store, owner_set("C1", "ann"), paid("C1", 16), paid("C2", 32))
    projector = await fed(store, bus, refusing(bad))
    assert await sums(service) == {"C1": (1, 1), "C2": (2, 40)}
    parked = await letters(service.pool, GROUP)
    assert [(x.customer, x.kind) for x in parked] == [("C1", "poison"), *[("C1", "behind")] * 3]
    assert projector.tally.parked == 2


async def test_a_letter_says_what_went_wrong_and_nothing_about_anybody(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", 2, "BAD"))
    await fed(store, bus, refusing(bad))
    (letter,) = await letters(service.pool)
    assert letter.error == "builtins.ValueError"
    assert letter.place is not None
    assert "test_deadletters" in letter.place
    text = await service.pool.fetchval("select jsonb_agg(d)::text from dead_letters d")
    assert "Zhang" not in text


async def test_replay_folds_all_of_the_customer_in_order_once_the_fold_is_mended(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", 1), paid("C1", 2, "BAD"), paid("C1", 4), paid("C1", 8))
    broken = await fed(store, bus, refusing(bad))
    assert await replay(service.pool, bus, store.serde, broken, "C1") is None
    assert (await letters(service.pool))[0].attempts == 2
    mended = Projector(TOTALS, service, bus, store.serde)
    assert await replay(service.pool, bus, store.serde, mended, "C1") == 3
    assert await letters(service.pool) == []
    assert await sums(service) == {"C1": (4, 15)}


async def test_a_discarded_letter_is_left_out_for_ever_also_by_a_rebuild(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", 1), paid("C1", 2, "BAD"), paid("C1", 4))
    view = refusing(bad)
    projector = await fed(store, bus, view)
    poison = (await letters(service.pool))[0]
    assert await discard(service.pool, GROUP, "C1", "an operator", poison.id) == 1
    assert await replay(service.pool, bus, store.serde, projector, "C1") == 1
    assert await sums(service) == {"C1": (2, 5)}
    outcome = await rebuild(view, service, bus, store.serde)
    assert outcome is not None
    assert outcome.same
    assert await sums(service) == {"C1": (2, 5)}


async def test_too_many_failures_in_a_row_stop_the_consumer_before_anybody_is_parked(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, *[paid(f"C{n}", 1) for n in range(20)])
    projector = Projector(refusing(lambda _: True), service, bus, store.serde)
    with pytest.raises(ExceptionGroup) as stopped:
        async with running(projector):
            await caught_up(service.pool, GROUP, service.pool, "credit")
    assert stopped.group_contains(Halted, match="10 events in a row failed")
    assert await letters(service.pool) == []


async def test_an_event_that_cannot_be_decoded_is_parked(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", 1), paid("C2", 2))
    await tampered(service, "data = jsonb_set(data, '{amount,amount}', '\"many\"') where customer = 'C1'")
    await fed(store, bus, TOTALS)
    (letter,) = await letters(service.pool)
    assert letter.kind == "poison"
    assert "many" not in orjson.dumps(letter.error).decode()
    assert await sums(service) == {"C2": (1, 2)}


async def test_an_unknown_version_of_a_declared_type_stops_the_consumer_after_what_came_before(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    await append(store, paid("C1", 1))
    await append(store, paid("C1", 2))
    await tampered(service, "schema_ver = 9 where pos = 2")
    with pytest.raises(ExceptionGroup) as stopped:
        async with running(Projector(TOTALS, service, bus, store.serde)):
            await caught_up(service.pool, GROUP, service.pool, "credit")
    assert stopped.group_contains(Halted, match="update this consumer first")
    assert await sums(service) == {"C1": (1, 1)}


async def test_a_row_the_table_refuses_is_found_among_the_others(
    store: PostgresStore, service: Database, bus: TableBus
) -> None:
    huge = 10**19
    await append(store, *[paid(f"C{n}", 1) for n in range(20)], paid("C3", huge), paid("C4", 1))
    view = replace(
        LEDGER, fold=lambda e: [(*row[:4], row[4] * 10**30 if row[3] == huge else row[4]) for row in LEDGER.fold(e)]
    )
    async with running(Projector(view, service, bus, store.serde)):
        await caught_up(service.pool, "view:sample_ledger", service.pool, "credit")
    assert await service.pool.fetchval("select count(*) from sample_ledger") == 21
    assert [x.customer for x in await letters(service.pool)] == ["C3"]


async def tampered(service: Database, change: str) -> None:
    """As a bug or a hand in the database would do it."""
    session = await asyncpg.connect(service.url)
    await session.execute("set session_replication_role = replica")
    await session.execute(f"update events set {change}")
    await session.close()

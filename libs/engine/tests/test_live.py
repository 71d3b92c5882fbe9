"""A tail of the service's own log: from any position, filtered, with nothing missing and nothing doubled."""

import asyncio

from engine.live import Live
from engine.store import PostgresStore
from engine.testing.sample_views import append, dropped, paid
from events import credit

PAID = (credit.PaymentReceived,)


async def take(live: Live, count: int, after: int, customer: str | None = None) -> list[int]:
    found: list[int] = []
    stream = live.events(after, PAID, customer, 3)
    async with asyncio.timeout(15):
        async for event in stream:
            found.append(event.position)
            if len(found) == count:
                break
    return found


async def test_a_tail_gives_what_was_and_then_what_comes(store: PostgresStore) -> None:
    await append(store, paid("C1", 1), dropped("C1"), paid("C2", 1))
    waiting = asyncio.create_task(take(Live(store, ["credit"]), 4, 0))
    await asyncio.sleep(0.2)
    await append(store, dropped("C1"), paid("C1", 1), paid("C1", 2))
    assert await waiting == [1, 3, 5, 6]


async def test_a_tail_cut_anywhere_goes_on_without_loss_or_repetition(store: PostgresStore) -> None:
    live, got = Live(store, ["credit"]), list[int]()
    for n in range(20):
        await append(store, *[paid(f"C{n}", i + 1) for i in range(5)], dropped("C1"))
        got += await take(live, 1 + n % 5, got[-1] if got else 0)
    got += await take(live, 100 - len(got), got[-1])
    assert got == [p for p in range(1, 121) if p % 6]


async def test_a_tail_can_follow_one_customer(store: PostgresStore) -> None:
    await append(store, *[paid(f"C{n % 3}", 1) for n in range(12)])
    assert await take(Live(store, ["credit"]), 4, 0, "C1") == [2, 5, 8, 11]


async def test_appends_of_other_processes_are_seen_by_looking(store: PostgresStore) -> None:
    elsewhere = PostgresStore(store.database, store.serde)
    waiting = asyncio.create_task(take(Live(store, ["credit"]), 1, 0))
    await asyncio.sleep(0.1)
    await append(elsewhere, paid("C1", 1))
    assert await waiting == [1]
    await elsewhere.close()

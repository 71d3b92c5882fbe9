"""The events that are measured: payments of many customers, from a seed."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from engine import ids
from engine.ports import Append, Meta, NewEvent
from engine.store import PostgresStore
from events.base import PositiveMoney
from events.credit import PaymentReceived

CUSTOMERS = 5_000
DAY = date(2026, 1, 5)
CHUNK = 2_000


def meta() -> Meta:
    return Meta(actor="bench", correlation=ids.new())


def payments(count: int, seed: int) -> Iterator[PaymentReceived]:
    """`count` payments, the same ones for the same seed."""
    chance = Random(seed)
    for number in range(count):
        amount = PositiveMoney(amount=Decimal(chance.randrange(1, 10_000_000)) / 100, currency="CNY")
        customer = f"C-{chance.randrange(CUSTOMERS)}"
        yield PaymentReceived(customer=customer, payment=f"P-{number}", amount=amount, value_date=DAY)


def body(event: PaymentReceived) -> dict[str, Any]:
    """What a hand-written program would keep in its dicts."""
    return event.model_dump(mode="json")


async def fill(store: PostgresStore, events: Sequence[PaymentReceived]) -> int:
    """Append `events`, each to the stream of its payment; the last position."""
    last = 0
    for start in range(0, len(events), CHUNK):
        news = [NewEvent(f"payment-{e.payment}", e, DAY) for e in events[start : start + CHUNK]]
        last = (await store.append(Append({}, news, meta()))).last
    return last

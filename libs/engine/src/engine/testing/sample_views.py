"""Views of each kind over two contexts, events for them, and a naive model of what they should hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, Column, Index, MetaData, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from engine import ids
from engine.ports import Append, Meta, NewEvent
from engine.projection import Key, Ledger, Row, Rows, Totals, View
from engine.store import PostgresStore
from events import credit, customer
from events.base import Event, PositiveMoney
from events.envelope import Envelope, Origin

DAY = date(2026, 1, 5)
_METADATA = MetaData()


def paid(who: str, amount: int | str, payment: str = "P1") -> credit.PaymentReceived:
    """A payment in CNY."""
    money = PositiveMoney(amount=Decimal(amount), currency="CNY")
    return credit.PaymentReceived(customer=who, payment=payment, amount=money, value_date=DAY)


def owner_set(who: str, owner: str) -> customer.OwnerAssigned:
    """An event of another context about the same customer."""
    return customer.OwnerAssigned(customer=who, owner=owner, previous=None)


def dropped(who: str, order: str = "O1") -> credit.HoldDropped:
    """An event none of the views declares."""
    return credit.HoldDropped(customer=who, order=order, order_version=1, cause="cancelled")


async def append(store: PostgresStore, *events: Event, origin: Origin = "live") -> int:
    """Append each to a stream of its customer's, in one go; the last position."""
    news = [NewEvent(f"{e.context()}-{e.about}", e, DAY) for e in events]
    meta = Meta(actor="test", correlation=ids.new(), origin=origin)
    return (await store.append(Append({}, news, meta))).last


def _one(event: Envelope[Any]) -> Decimal:
    return event.event.amount.amount if isinstance(event.event, credit.PaymentReceived) else Decimal(0)


def _entry(event: Envelope[Any]) -> Iterable[Row]:
    yield event.id, event.customer, event.type, _one(event), event.position


LEDGER = Ledger(
    table=Table(
        "sample_ledger",
        _METADATA,
        Column("event", Uuid, primary_key=True),
        Column("customer", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("amount", Numeric(20, 4), nullable=False),
        Column("position", BigInteger, nullable=False),
        Index("sample_ledger_customer", "customer"),
    ),
    version=1,
    handles=(credit.PaymentReceived, customer.OwnerAssigned),
    touches=True,
    fold=_entry,
)


def _sum(event: Envelope[Any]) -> Iterable[tuple[Key, Sequence[Any]]]:
    yield (event.customer,), (1, _one(event))


TOTALS = Totals(
    table=Table(
        "sample_totals",
        _METADATA,
        Column("customer", Text, primary_key=True),
        Column("events", BigInteger, nullable=False),
        Column("amount", Numeric(20, 4), nullable=False),
    ),
    version=1,
    handles=(credit.PaymentReceived, customer.OwnerAssigned),
    fold=_sum,
)


def refusing() -> Totals:
    """`TOTALS` with a fold that breaks on a payment named ``BAD``: its customer is parked."""

    def fold(event: Envelope[Any]) -> Iterable[tuple[Key, Sequence[Any]]]:
        if isinstance(event.event, credit.PaymentReceived) and event.event.payment == "BAD":
            raise ValueError
        return _sum(event)

    return replace(TOTALS, fold=fold)


def _named(event: Envelope[Any]) -> Iterable[Key]:
    yield (event.customer,)


def _state(key: Key, row: Row | None, event: Envelope[Any]) -> Row | None:
    who, owner, payments = row or (*key, None, [])
    if isinstance(event.event, customer.OwnerAssigned):
        return who, event.event.owner, payments
    return who, owner, [*payments, f"{event.event.payment}:{event.event.amount.amount}"]


ROWS = Rows(
    table=Table(
        "sample_rows",
        _METADATA,
        Column("customer", Text, primary_key=True),
        Column("owner", Text),
        Column("payments", JSONB, nullable=False),
    ),
    version=1,
    handles=(credit.PaymentReceived, customer.OwnerAssigned),
    keys=_named,
    fold=_state,
)

VIEWS: tuple[View, ...] = (LEDGER, TOTALS, ROWS)


async def history(store: PostgresStore, dice: Random, appends: int) -> None:
    """Some events of 15 customers, one at a time."""
    for n in range(appends):
        who = f"C{dice.randrange(15)}"
        await append(store, dice.choice([paid(who, n + 1, f"P{n}"), owner_set(who, f"o{n}"), dropped(who)]))


Model = Mapping[str, tuple[int, Decimal, str | None, tuple[str, ...]]]
"""By customer: events, amount, owner, payments. Made of rows of the log, with nothing of the views."""


async def model(*logs: asyncpg.Pool) -> Model:
    """The naive model over whole logs."""
    found: dict[str, tuple[int, Decimal, str | None, tuple[str, ...]]] = {}
    for log in logs:
        for row in await log.fetch(
            "select type, customer, data::json ->> 'payment', data::json #>> '{amount,amount}', "
            "data::json ->> 'owner' from events order by pos"
        ):
            kind, who, payment, amount, owner = row
            count, total, before, payments = found.get(who, (0, Decimal(0), None, ()))
            if kind == "credit.PaymentReceived":
                found[who] = count + 1, total + Decimal(amount), before, (*payments, f"{payment}:{amount}")
            elif kind == "customer.OwnerAssigned":
                found[who] = count + 1, total, owner, payments
    return found


async def shown(home: asyncpg.Pool) -> tuple[Model, Model]:
    """What the views show: the model as `sample_totals` with `sample_rows` have it, and as `sample_ledger` has it."""
    totals = await home.fetch(
        "select customer, t.events, t.amount, r.owner, array(select jsonb_array_elements_text(r.payments)) "
        "from sample_totals t full join sample_rows r using (customer)"
    )
    ledger = await home.fetch("select customer, count(*), sum(amount) from sample_ledger group by 1")
    one: Model = {r[0]: (r[1], r[2], r[3], tuple(r[4])) for r in totals}
    return one, {r[0]: (r[1], r[2], one[r[0]][2], one[r[0]][3]) for r in ledger if r[0] in one}


async def right(home: asyncpg.Pool) -> bool:
    """Whether the views in `home` show the model of the log that lies there, too."""
    expected = await model(home)
    return await shown(home) == (expected, expected)

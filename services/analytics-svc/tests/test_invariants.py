"""What holds for any history, on every date and at every time of knowing."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product

import sqlalchemy as sa
from analytics_history import EARLY, Log, allocated, credit_note, invoice, payment
from analytics_reading import ageing, outstanding
from analytics_stored import once
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.figures import Edges, Point
from analytics_svc.domain.measures import Scope, aged, due_within
from analytics_svc.projections import receivables
from analytics_svc.projections.stored import PostgresRows, StoredMeasures
from engine.testing.spec import project

START = date(2024, 1, 1)
DAYS = st.integers(0, 150).map(lambda n: START + timedelta(days=n))
DOCUMENTS = st.lists(
    st.tuples(
        st.sampled_from(["invoice", "payment", "credit_note"]),
        DAYS,
        st.integers(1, 500),
        st.integers(-10, 90),
        st.booleans(),
    ),
    max_size=12,
)


def told(documents: Sequence[tuple[str, date, int, int, bool]]) -> Log:
    """The documents as learned one a day; money goes to the oldest due first, unless it is left unallocated."""
    log = Log([])
    left: dict[str, tuple[date, date, int]] = {}
    for n, (kind, on, amount, terms, allocate) in enumerate(documents):
        at = EARLY + timedelta(days=n)
        if kind == "invoice":
            due = on + timedelta(days=terms)
            log.learn(at, invoice("C1", f"I{n}", on, (due, amount)))
            left[f"I{n}"] = (due, on, amount)
            continue
        name = f"D{n}"
        log.learn(at, payment("C1", name, on, amount) if kind == "payment" else credit_note("C1", name, on, amount, 0))
        for to, (due, issued, still) in sorted(left.items(), key=lambda item: item[1]):
            part = min(still, amount) if allocate else 0
            if part:
                log.learn(at, allocated("C1", name, to, due, part, max(on, issued), kind=kind))
                left[to], amount = (due, issued, still - part), amount - part
    return log


@settings(max_examples=20, deadline=None)
@given(DOCUMENTS)
def test_ageing_balance_ledger_and_explanation_agree_on_every_date(
    empty: str, documents: list[tuple[str, date, int, int, bool]]
) -> None:
    asyncio.run(_checked(empty, told(documents)))


async def _checked(url: str, log: Log) -> None:
    engine = once(url)
    names = [c.name for c in receivables.TABLE.columns]
    rows = [dict(zip(names, row, strict=True)) for row in project(receivables.VIEW, log.facts)]
    async with engine.connect() as connection:
        if rows:
            await connection.execute(sa.insert(receivables.TABLE), rows)
        dates = [START + timedelta(days=n) for n in (0, 40, 80, 130, 260)]
        times = [EARLY + timedelta(days=n) for n in (0, 3, 30)]
        for as_of, known_at in product(dates, times):
            await _agree(connection, log, as_of, known_at)
        await connection.rollback()
    await engine.dispose()


async def _agree(connection: AsyncConnection, log: Log, as_of: date, known_at: datetime) -> None:
    measures, facts = StoredMeasures(PostgresRows(connection)), list(log.known(as_of, known_at))
    scope = Scope(Point(as_of, known_at), ("C1",), "CNY")
    buckets = aged(await measures.by_due_date(scope), as_of, Edges())
    balance = await measures.balance(scope)
    assert {b.bucket: b.amount for b in buckets} == ageing(facts, as_of)
    assert sum(b.amount for b in buckets) == balance.outstanding == outstanding(facts)
    assert await measures.summed(receivables.entries(scope)) == balance.outstanding
    for bucket in buckets:
        assert await _explained(measures, scope, bucket.bucket) == bucket.amount


async def _explained(measures: StoredMeasures, scope: Scope, bucket: str) -> Decimal:
    if bucket == "unallocated":
        return await measures.summed(receivables.entries(scope, unallocated=True))
    first, last = due_within(bucket, scope.point.as_of, Edges())
    return await measures.summed(receivables.entries(scope, first=first, last=last, unallocated=False))

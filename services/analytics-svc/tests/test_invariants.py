"""What holds for any history, on every date and at every time of knowing."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product

import sqlalchemy as sa
from analytics_history import EARLY, Log, allocated, complaint_opened, credit_note, invoice, judged, payment
from analytics_reading import ageing, matrix, outstanding
from analytics_stored import BASES, DISPUTED, by_number, once
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from analytics_svc.domain.figures import Edges, Point
from analytics_svc.domain.measures import Scope, aged
from analytics_svc.projections import ageing as ageing_view
from analytics_svc.projections import complaints as complaint_steps
from analytics_svc.projections import receivables
from analytics_svc.projections.facts import TOGETHER
from analytics_svc.projections.stored import PostgresRows, StoredMeasures
from engine.projection import Ledger
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


async def _written(connection: AsyncConnection, log: Log, *views: Ledger) -> None:
    """What the views make of the log, until it is rolled back."""
    for view in views:
        names = [c.name for c in view.table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in project(view, log.facts)]
        if rows:
            await connection.execute(sa.insert(view.table), rows)


async def _checked(url: str, log: Log) -> None:
    engine = once(url)
    async with engine.connect() as connection:
        await _written(connection, log, receivables.VIEW)
        dates = [START + timedelta(days=n) for n in (0, 40, 80, 130, 260)]
        times = [EARLY + timedelta(days=n) for n in (0, 3, 30)]
        for as_of, known_at in product(dates, times):
            await _agree(connection, log, as_of, known_at)
        await connection.rollback()
    await engine.dispose()


async def _agree(connection: AsyncConnection, log: Log, as_of: date, known_at: datetime) -> None:
    measures, facts = StoredMeasures(PostgresRows(connection)), list(log.known(as_of, known_at))
    scope = Scope(Point(as_of, known_at), ("C1",), "CNY")
    buckets = aged(await measures.by_date(scope), as_of, Edges())
    balance = await measures.balance(scope)
    assert {b.bucket: b.amount for b in buckets} == ageing(facts, as_of)
    assert sum(b.amount for b in buckets) == balance.outstanding == outstanding(facts)
    assert await measures.summed(receivables.entries(scope)) == balance.outstanding
    for bucket in buckets:
        assert await _explained(measures, scope, bucket.bucket) == bucket.amount


async def _explained(measures: StoredMeasures, scope: Scope, bucket: str) -> Decimal:
    if bucket == "unallocated":
        return await measures.summed(receivables.entries(scope, unallocated=True))
    first, last = Edges().dates(bucket, scope.point.as_of)
    return await measures.summed(receivables.entries(scope, first=first, last=last, unallocated=False))


# --- disputes -----------------------------------------------------------------------------------------------------

PARTS = st.lists(st.tuples(st.integers(-20, 90), st.integers(1, 300)), min_size=1, max_size=3)
"""Days until each instalment is due, and its amount."""
COMPLAINTS = st.lists(st.tuples(st.integers(1, 400), st.sampled_from(["lasts", "ends", "another_invoice"])), max_size=3)


def complained(parts: Sequence[tuple[int, int]], paid: int, complaints: Sequence[tuple[int, str]]) -> Log:
    """An invoice in instalments, paid in part, the oldest due first, and what is disputed of it."""
    log = Log([])
    instalments = [(START + timedelta(days=days), amount) for days, amount in parts]
    log.learn(EARLY, invoice("C1", "I1", START, *instalments), payment("C1", "Z1", START, paid))
    for number, (due, amount) in sorted(enumerate(instalments, 1), key=lambda i: i[1][0]):
        part = min(paid, amount)
        if part:
            log.learn(EARLY, allocated("C1", "Z1", "I1", due, part, START, instalment=number))
            paid -= part
    for n, (amount, fate) in enumerate(complaints):
        about = "I1" if fate != "another_invoice" else "I2"
        log.learn(EARLY, complaint_opened("C1", f"K{n}", EARLY, about, amount), effective=START)
        if fate == "ends":
            log.learn(EARLY, judged("C1", f"K{n}", False, EARLY), effective=START)
    return log


@settings(max_examples=25, deadline=None)
@given(PARTS, st.integers(1, 500), COMPLAINTS, st.integers(0, 100))
def test_a_dispute_takes_what_is_open_of_its_invoice_and_no_more(
    empty: str, parts: list[tuple[int, int]], paid: int, complaints: list[tuple[int, str]], days: int
) -> None:
    async def checked() -> None:
        log, as_of = complained(parts, paid, complaints), START + timedelta(days=days)
        async with once(empty).connect() as connection:
            await _written(connection, log, receivables.VIEW, complaint_steps.VIEW)
            facts = PostgresRows(connection)
            scope = Scope(Point(as_of, EARLY), None, "CNY")
            for basis, disputed in product(BASES, DISPUTED):
                edges = Edges(upper=(10, 40), basis=basis)
                found = await facts.rows(ageing_view.matrix(scope, edges, disputed, TOGETHER))
                [row] = [by_number(dict(r), edges) for r in found] or [{}]
                expected = matrix(log.facts, as_of, edges.upper, basis, disputed)
                assert row == expected.get("C1", {}), (basis, disputed)

    asyncio.run(checked())

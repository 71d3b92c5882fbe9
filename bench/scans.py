"""Figures over all customers beside the same questions written by hand for DuckDB, and figures of one customer."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from analytics_svc.domain.figures import Edges, Window, dso
from analytics_svc.domain.measures import Scope, aged
from analytics_svc.domain.tiers import Tiering
from analytics_svc.projections import tiers
from analytics_svc.projections.mirror import Columns, Mirror, Part
from analytics_svc.projections.stored import FACTS, PostgresRows, StoredMeasures
from bench.ground import Ground
from bench.ledgers import KNOWN, LAST, SCOPE, Company, company
from bench.measure import Contender, Outcome, Plan, Sample, Target

WINDOW = Window.of_days(90, LAST)
FRESH = 20
"""Invoices that came in since the last question: the mirror has to bring them over, the hand does not."""
ROUNDS = 7
_AGEING = """
select case when due is null then 'unallocated' when $1::date - due <= 0 then 'current'
    when $1::date - due <= 30 then '1' when $1::date - due <= 60 then '2' when $1::date - due <= 90 then '3'
    when $1::date - due <= 120 then '4' else '5' end, sum(amount) from receivables
    where effective <= $1 and recorded <= $2 and currency = 'CNY' group by 1"""
_OWED = "select sum(amount) from receivables where effective <= $1 and recorded <= $2 and currency = 'CNY'"
_SOLD = """select sum(gross) from sales where kind in ('billed', 'credited') and effective between $1 and $2
    and recorded <= $3 and currency = 'CNY'"""
_TIERS = """
with amounts as (select customer, sum(net) as amount from sales where kind in ('billed', 'credited') and effective <= $1
        and recorded <= $2 and currency = 'CNY' group by customer),
    everybody as (select r.customer, coalesce(a.amount, 0) as amount from registrations r left join amounts a
        using (customer) where r.effective <= $1 and r.recorded <= $2),
    places as (select customer, amount, sum(amount) over (order by amount desc, customer rows unbounded preceding)
        - amount as before, sum(amount) over () as total from everybody)
select case when before < 0.8 * total then 'A' when before < 0.95 * total then 'B' else 'C' end, count(*)
from places group by 1"""


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """Ageing and DSO of a company with many invoices; tiers of one with many customers."""
    found = await company(ground, "scans", plan.facts, plan.facts // 20)
    many = await company(ground, "tiers", plan.facts, plan.facts)
    try:
        return [await _receivables(found), await _tiers(many), await _one(found, plan)]
    finally:
        await found.close()
        await many.close()


async def _receivables(of: Company) -> Outcome:
    async def ours(measures: StoredMeasures) -> Any:
        buckets = aged(await measures.by_date(SCOPE), LAST, Edges())
        owed = await measures.balance(SCOPE)
        sold = await measures.credit_sales(Scope(SCOPE.point, None, SCOPE.currency, WINDOW))
        days = dso(owed.outstanding, sold)
        return [b.amount for b in buckets if b.amount], days.numerator, days.denominator

    def by_hand(duck: duckdb.DuckDBPyConnection) -> Any:
        buckets = sorted(duck.execute(_AGEING, [LAST, KNOWN]).fetchall())
        (owed,) = duck.execute(_OWED, [LAST, KNOWN]).fetchone() or (None,)
        (sold,) = duck.execute(_SOLD, [WINDOW.first, WINDOW.last, KNOWN]).fetchone() or (None,)
        in_order = [*(b for b in buckets if b[0] == "current"), *(b for b in buckets if b[0] != "current")]
        return [amount for _, amount in in_order if amount], owed, sold

    return await _beside(f"ageing and DSO, {of.invoices:,} invoices", of, ours, by_hand)


async def _tiers(of: Company) -> Outcome:
    async def ours(measures: StoredMeasures) -> Any:
        query = tiers.by_tier(tiers.of_customers(SCOPE, Tiering()), Tiering(), Decimal("0.2"))
        return {row["tier"]: row["tier_members"] for row in await measures.facts.rows(query)}

    def by_hand(duck: duckdb.DuckDBPyConnection) -> Any:
        return dict(duck.execute(_TIERS, [LAST, KNOWN]).fetchall())

    return await _beside(f"tiers of {of.customers:,} customers", of, ours, by_hand)


async def _beside(
    what: str,
    of: Company,
    ours: Callable[[StoredMeasures], Awaitable[Any]],
    by_hand: Callable[[duckdb.DuckDBPyConnection], Any],
) -> Outcome:
    """Both answer the same; then in turn, ours each time after something has come in."""
    kehu, hand = Contender("kehu, freshness included"), Contender("DuckDB by hand")
    mirror, folder = Mirror(of.database, of.bus, FACTS), Path(tempfile.mkdtemp(prefix="kehu-bench-scans-"))
    measures = StoredMeasures(mirror)
    try:
        columns = Columns()
        columns.keep([await Part.fetched(of.owner, view.table, folder) for view in FACTS])
        duck = columns._duck.cursor()
        said, meant = await ours(measures), by_hand(duck)
        assert said == meant, (said, meant)
        for _ in range(ROUNDS):
            await of.grow(FRESH)
            kehu.samples.append(await _timed(lambda: ours(measures)))
            hand.samples.append(await _timed(lambda: asyncio.to_thread(by_hand, duck)))
        columns.close()
    finally:
        await mirror.close()
        shutil.rmtree(folder)
    slower = (kehu.latency(0.5) or 0) / (hand.latency(0.5) or 1)
    return Outcome(what, (kehu, hand), [Target("of DuckDB by hand, medians", slower, 1.3, most=True)])


async def _one(of: Company, plan: Plan) -> Outcome:
    kehu = Contender("one customer, from PostgreSQL")
    async with of.database.engine.connect() as read:
        measures = StoredMeasures(PostgresRows(read))
        for number in range(plan.checks):
            scope = Scope(SCOPE.point, (f"C-{number * 37 % of.customers}",), SCOPE.currency)
            kehu.samples.append(await _timed(partial(measures.by_date, scope)))
    p99 = (kehu.latency(0.99) or 0) * 1000
    return Outcome("ageing of one customer", (kehu,), [Target("p99", p99, 5, "ms", most=True)])


async def _timed(do: Callable[[], Awaitable[Any]]) -> Sample:
    began = perf_counter()
    await do()
    seconds = perf_counter() - began
    return Sample(1, seconds, [seconds])

"""Flat facts in ClickHouse: how fast records are flattened, and how long balance and ageing of ten million take."""

from time import perf_counter

from tools import warehouse

from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target

CUSTOMERS = 5_000
DAY = "2026-06-30"
ALL_AT_ONCE = 5.0
_RECORDS = """
insert into kehu.credit_events
select
    concat('{"customer": "C-', toString(number % {customers}), '", "document": "I-', toString(number),
        '", "cause": "invoice_issued", "changes": {"open_invoices": {"amount": "100.00", "currency": "CNY"}}, ',
        '"due": [{"due": "', toString(toDate('2026-01-31') + number % 400),
        '", "amount": {"amount": "100.00", "currency": "CNY"}}], "on": "2026-01-01"}'),
    ['ce_type', 'ce_company', 'ce_effectivedate', 'ce_recordedtime', 'ce_sequence'],
    ['credit.ExposureChanged.v1', 'main', '2026-01-01', '2026-01-01T00:00:00+00:00', toString(number + 1)]
from numbers({number})"""


async def run(_: Ground, plan: Plan) -> list[Outcome]:
    """Records through the materialized view, then each question of figures.sql, the best of five."""
    number = plan.facts * 10
    records = _RECORDS.replace("{customers}", str(CUSTOMERS)).replace("{number}", str(number))
    sql = [*warehouse.facts(), records]
    began = perf_counter()
    warehouse.asked(warehouse.facts(), {})
    empty = perf_counter() - began
    asked = {name: (q, {"company": "main", "day": DAY}) for name, q in warehouse.questions().items()}
    began = perf_counter()
    found = warehouse.asked(sql, asked, seconds=True)
    took = perf_counter() - began - empty - 5 * sum(found.values())
    flat = Contender("records made and flattened by ClickHouse", [Sample(number, took)])
    answered = [
        Contender(f"{name} of {number:,} movements", [Sample(1, taken, [taken])]) for name, taken in found.items()
    ]
    slowest = Target("the slowest question", max(found.values()) * 1000, ALL_AT_ONCE * 1000, "ms", most=True)
    return [Outcome("facts in ClickHouse", [flat, *answered], [slowest])]

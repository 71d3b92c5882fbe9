"""The credit check of a customer with 20 invoices and of one with 20,000: from memory, and with nothing remembered."""

import statistics
from collections.abc import Sequence
from time import perf_counter

from bench.credit import Credit, asked, check, closing
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target

FEW = 20


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """Warm and cold. Each check is answered, stored and taken back, so that both customers stay as they are."""
    few, many = await Credit.at(ground, "checks_few"), await Credit.at(ground, "checks_many")
    await few.issue(1, FEW)
    await many.issue(1, plan.invoices)
    await many.handler.close()
    warm = await _outcome("warm", plan, few, many)
    cold = await _outcome("cold", plan, few, many)
    for credit in (few, many):
        await credit.close()
    return [warm, cold]


async def _outcome(what: str, plan: Plan, few: Credit, many: Credit) -> Outcome:
    contenders = Contender(f"{FEW} invoices"), Contender(f"{plan.invoices:,} invoices")
    for number in range(plan.rounds):
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(plan.checks):
            for credit, found in zip((few, many), times, strict=True):
                found.append(await _timed(credit, f"{what}-{number}-{turn}", what == "cold"))
        for contender, found in zip(contenders, times, strict=True):
            contender.samples.append(Sample(len(found), sum(found), found))
    return Outcome(f"credit check, {what}", contenders, _targets(contenders))


async def _timed(credit: Credit, order: str, cold: bool) -> float:
    handler = credit.cold() if cold else credit.handler
    began = perf_counter()
    verdict = await handler.handle(asked(check(order)))
    seconds = perf_counter() - began
    assert verdict.outcome == "accepted", verdict
    await credit.do([closing(order)], handler)
    return seconds


def _targets(contenders: Sequence[Contender]) -> list[Target]:
    few, many = (statistics.median(x for s in c.samples for x in s.latencies) for c in contenders)
    return [
        Target("many invoices to few, medians", many / few, 1.5, most=True),
        Target("p99 with many", (contenders[1].latency(0.99) or 0) * 1000, 25, "ms", most=True),
    ]

"""One hot customer: documents that all meet in its exposure, many in one append and one by one, while views are fed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from time import perf_counter

from bench.credit import CHUNK, Credit, asked, invoice, payment
from bench.ground import Ground
from bench.measure import Contender, Outcome, Plan, Sample, Target, ratio
from engine.decider import Command

GOAL = 1_000
AT_ONCE = 32


async def run(ground: Ground, plan: Plan) -> list[Outcome]:
    """Documents a second: invoices; invoices while money waits for another one; invoices and the payments of them."""
    credit = await Credit.at(ground, "hot")
    async with credit.folding():
        numbers = count(1)
        plain = await _together_and_at_once(credit, plan, "", lambda: invoice(next(numbers)))
        await credit.do([payment(0, "I-never")])
        waiting = await _together_and_at_once(credit, plan, ", money waits", lambda: invoice(next(numbers)))
        documents = _invoices_and_payments(numbers)
        mixed = await _together_and_at_once(credit, plan, ", half payments", lambda: next(documents))
    await credit.close()
    targets = [
        Target("documents", plain[0].rate, GOAL, "/s", gates=False),
        Target("of one append a document", ratio(plain[0], plain[1]), 1),
    ]
    return [Outcome("one hot customer", (*plain, *waiting, *mixed), targets)]


def _invoices_and_payments(numbers: Iterator[int]) -> Iterator[Command]:
    """Invoices, each followed by a payment that names none: it settles what was due first."""
    for number in numbers:
        yield invoice(number)
        yield payment(number)


async def _together_and_at_once(
    credit: Credit, plan: Plan, what: str, document: Callable[[], Command]
) -> tuple[Contender, Contender]:
    async def together() -> int:
        await credit.do([document() for _ in range(CHUNK)])
        return CHUNK

    async def at_once() -> int:
        await asyncio.gather(*(credit.handler.handle(asked(document())) for _ in range(AT_ONCE)))
        return AT_ONCE

    many, single = Contender(f"handle_many, {CHUNK} a call{what}"), Contender(f"handle, {AT_ONCE} at once{what}")
    await together()
    for _ in range(plan.rounds):
        many.samples.append(await _timed(plan.seconds, together))
        single.samples.append(await _timed(plan.seconds, at_once))
    return many, single


async def _timed(seconds: float, step: Callable[[], Awaitable[int]]) -> Sample:
    began, done, latencies = perf_counter(), 0, list[float]()
    while (start := perf_counter()) < began + seconds:
        done += await step()
        latencies.append(perf_counter() - start)
    return Sample(done, perf_counter() - began, latencies)

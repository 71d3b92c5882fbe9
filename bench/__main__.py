"""Runs the cases, prints what they came to, and fails where a gate is missed."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from time import perf_counter

import uvloop

from bench import append, bulk, chain, checks, hot, orders, product, projections, scans, warehouse
from bench.ground import Ground, ground, machine
from bench.measure import FULL, QUICK, Outcome, Plan, failed, table, targets
from bench.page import PAGE, written

Case = Callable[[Ground, Plan], Awaitable[Sequence[Outcome]]]
CASES: Mapping[str, Case] = {
    "append": append.run,
    "hot": hot.run,
    "live": projections.live,
    "rebuild": projections.rebuilds,
    "checks": checks.run,
    "orders": orders.run,
    "product": product.run,
    "scans": scans.run,
    "import": bulk.run,
    "kafka": chain.run,
    "warehouse": warehouse.run,
}

LEAST = 1_000
"""Invoices that are an import: one batch."""


async def measure(names: Sequence[str], plan: Plan, write: bool) -> list[Outcome]:
    """The outcomes of the cases named, one after the other on one server; each goes to the page once it is there."""
    found: list[Outcome] = []
    async with ground() as place:
        where = await told(place, plan)
        print(f"{where}\n", flush=True)
        for name in names:
            began = perf_counter()
            outcomes = await CASES[name](place, plan)
            print(f"{name}: {perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
            if write:
                PAGE.write_text(written(PAGE.read_text(), name, [where, "", *tables(outcomes)]))
            found += outcomes
    return found


async def told(place: Ground, plan: Plan) -> str:
    """When, where and how it is measured."""
    settings = ", ".join(f"{name} {value}" for name, value in (await place.settings()).items())
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    return f"{when}. {machine()}. PostgreSQL: {settings}. eventsourcing {version('eventsourcing')}. {plan}"


def tables(outcomes: Sequence[Outcome]) -> list[str]:
    told = [line for outcome in outcomes for line in outcome.told]
    return [*table(outcomes), "", *targets(outcomes), *(["", *told] if told else [])]


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="some 20 seconds: shows that it runs, proves little")
    parser.add_argument("--imported", type=int, metavar="N", help="invoices of the case import; 1,000,000 by default")
    parser.add_argument(
        "--write", action="store_true", help="put the run of each case in its place in docs/performance.md"
    )
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if asked.write and asked.quick:
        parser.error("--write: what --quick measures proves too little for the page; leave one of them out")
    plan = QUICK if asked.quick else FULL
    if asked.imported is not None:
        if asked.imported < LEAST:
            parser.error(f"--imported: at least {LEAST:,} invoices, got {asked.imported:,}")
        plan = replace(plan, imported=asked.imported)
    found = uvloop.run(measure(asked.cases or list(CASES), plan, asked.write))
    print("\n".join(tables(found)))
    return 1 if failed(found) else 0


if __name__ == "__main__":
    sys.exit(main())

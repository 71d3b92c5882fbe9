"""The selling company's own balance sheet: its total assets, against which receivables are measured (R-118)."""

from datetime import date
from typing import Any, assert_never, cast

from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, States
from events.base import COMPANY, Event, PositiveMoney
from events.credit import CompanyAssetsReported


class ReportAssets(Command):
    """The company's total assets on a date; a later report for the same date counts."""

    total_assets: PositiveMoney
    on: date


def streams(cmd: ReportAssets, facts: Facts) -> list[Ref[Any]]:
    """The reports of the company."""
    return [ASSETS(COMPANY)]


def decide(cmd: ReportAssets, states: States, facts: Facts) -> Decision:
    """The report, unless it was the last one."""
    event = CompanyAssetsReported(total_assets=cmd.total_assets, on=cmd.on)
    return [] if states[ASSETS(COMPANY)] == event else [(ASSETS(COMPANY), event)]


def evolve(state: CompanyAssetsReported | None, event: Event) -> CompanyAssetsReported | None:
    """The last report."""
    match cast(CompanyAssetsReported, event):
        case CompanyAssetsReported() as report:
            return report
        case other:
            assert_never(other)


_NONE: CompanyAssetsReported | None = None
ASSETS = Aggregate("assets", _NONE, evolve)
BALANCE_SHEETS: Decider[Facts] = Decider(commands=(ReportAssets,), streams=streams, decide=decide)

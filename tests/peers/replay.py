"""Replays a case: through credit's rules in memory; its events are folded into the ledgers that figures stand on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from analytics_history import EARLY, Log
from sqlalchemy.ext.asyncio import AsyncConnection
from tools.differences import CASES

from analytics_svc.projections import receivables, sales
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import ReceivePayment
from credit_svc.testing import CreditCase, cny
from engine.decider import Command
from engine.projection import Ledger
from engine.testing.spec import project
from events.base import Event
from events.credit import Instalment

VIEWS: tuple[Ledger, ...] = (receivables.VIEW, sales.VIEW)


@dataclass(frozen=True)
class Case:
    """One case; `ours` is what is expected of us: theirs, unless we differ on purpose."""

    kind: str
    id: str
    given: Any
    theirs: Any
    ours: Any
    differs: bool

    def as_precise(self, value: Decimal | None) -> str | None:
        """Our number with as many places as they print."""
        if value is None or self.ours is None:
            return None if value is None else str(value)
        return str(value.quantize(Decimal(self.ours)))


def everything() -> dict[str, Any]:
    """All that is in the file."""
    found: dict[str, Any] = json.loads(CASES.read_text())
    return found


def cases(kind: str) -> list[Case]:
    """The cases of a kind."""
    told = everything()["cases"]
    return [
        Case(c["kind"], c["id"], c["given"], c["theirs"], c["ours"] if "why" in c else c["theirs"], "why" in c)
        for c in told
        if c["kind"] == kind
    ]


def traded(
    invoices: Sequence[tuple[date, Sequence[tuple[date, str]]]], payments: Sequence[tuple[date, str]], today: date
) -> list[Event]:
    """What credit states of invoices (date, instalments) and payments, decided by its rules in order of their dates."""
    case = CreditCase(today=today).with_account(None)
    documents: list[tuple[date, Command]] = [(on, _bill(n, on, parts)) for n, (on, parts) in enumerate(invoices, 1)]
    for n, (on, amount) in enumerate(payments, 1):
        documents.append((on, ReceivePayment(customer="C-1", payment=f"Z{n}", amount=cny(amount), value_date=on)))
    return [event for _, command in sorted(documents, key=lambda d: d[0]) for event in case.do(command)]


def _bill(n: int, on: date, parts: Sequence[tuple[date, str]]) -> IssueInvoice:
    instalments = [Instalment(number=i, due=due, amount=cny(amount)) for i, (due, amount) in enumerate(parts, 1)]
    whole = cny(sum(Decimal(amount) for _, amount in parts))
    return IssueInvoice(customer="C-1", invoice=f"I{n}", invoice_date=on, amount=whole, instalments=tuple(instalments))


async def read_facts(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Analytics' ledgers hold what these events come to, until it is rolled back."""
    log = Log([])
    log.learn(EARLY, *events)
    for view in VIEWS:
        names = [c.name for c in view.table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in project(view, log.facts)]
        if rows:
            await connection.execute(sa.insert(view.table), rows)

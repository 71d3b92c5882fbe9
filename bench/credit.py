"""credit-svc at its own database, asked without HTTP: one customer, its invoices, its orders."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from bench.facts import meta
from bench.ground import Ground
from credit_svc.domain.account import OpenAccount, SetLimit
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.order import CheckOrder, CloseOrder
from credit_svc.domain.payment import ReceivePayment
from credit_svc.service import SERVICE
from engine import ids
from engine.database import Database
from engine.decider import Actor, Command
from engine.handle import Asked, Handler
from engine.lifecycle import Supervisor
from engine.ports import Verdict
from engine.projector import Projector
from engine.serde import Serde
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.views import ViewRegistry
from events.base import NonNegativeMoney, PositiveMoney

TODAY = date(2026, 1, 5)
CUSTOMER = "C-1"
DUE_DAYS = 30
CHUNK = 200


async def today() -> date:
    return TODAY


@dataclass(frozen=True)
class Credit:
    """The service over one database, with a customer that may buy without limit."""

    database: Database
    store: PostgresStore
    handler: Handler

    @classmethod
    async def at(cls, ground: Ground, name: str) -> "Credit":
        database = await ground.database(name)
        store = PostgresStore(database, Serde())
        await ViewRegistry(database.pool).ensure(SERVICE.views)
        found = cls(database, store, _handler(store, database))
        await found.do(
            [
                OpenAccount(customer=CUSTOMER, currency="CNY", on=TODAY),
                SetLimit(customer=CUSTOMER, limit=None, reason="agreed"),
            ]
        )
        return found

    def cold(self) -> Handler:
        """A handler that remembers nothing."""
        return _handler(self.store, self.database)

    async def do(self, commands: Iterable[Command], handler: Handler | None = None) -> list[Verdict]:
        """Decide them in one go. All must be accepted."""
        verdicts = await (handler or self.handler).handle_many([asked(c) for c in commands])
        assert all(v.outcome == "accepted" for v in verdicts), next(v for v in verdicts if v.outcome != "accepted")
        return verdicts

    async def issue(self, first: int, count: int) -> None:
        """So many invoices, spread over the due dates of a month."""
        for start in range(first, first + count, CHUNK):
            await self.do([invoice(n) for n in range(start, min(start + CHUNK, first + count))])

    @asynccontextmanager
    async def folding(self) -> AsyncIterator[None]:
        """The service's views are fed in this process, as in the embedded runner."""
        pool, wakeups = self.database.pool, self.store.wakeups
        bus = TableBus({"credit": pool}, pool, wakeups=wakeups)
        workers = [Projector(v, self.database, bus, self.store.serde, wakeups=wakeups) for v in SERVICE.views]
        supervisor = Supervisor(workers)
        await supervisor.start()
        try:
            yield
        finally:
            await supervisor.stop()

    async def close(self) -> None:
        await self.handler.close()
        await self.store.close()


def _handler(store: PostgresStore, database: Database) -> Handler:
    return Handler(store, SERVICE.deciders, SERVICE.loaders, database, today)


def asked(command: Command) -> Asked:
    return Asked(command, ids.new(), meta(), Actor("bench", frozenset({"finance"})))


def invoice(number: int) -> IssueInvoice:
    """The invoice of this number."""
    amount = PositiveMoney(amount=Decimal(100_00 + number % 900) / 100, currency="CNY")
    due = TODAY + timedelta(days=1 + number % DUE_DAYS)
    return IssueInvoice(customer=CUSTOMER, invoice=f"I-{number}", invoice_date=TODAY, amount=amount, due=due)


def payment(number: int, *names: str) -> ReceivePayment:
    """As much as the invoice of this number; without `names` for what was due first."""
    amount = invoice(number).amount
    return ReceivePayment(customer=CUSTOMER, payment=f"P-{number}", amount=amount, value_date=TODAY, names=names)


def check(order: str) -> CheckOrder:
    """May this order go?"""
    amount = NonNegativeMoney(amount=Decimal(50), currency="CNY")
    return CheckOrder(customer=CUSTOMER, order=order, order_version=1, amount=amount, on=TODAY)


def closing(order: str) -> CloseOrder:
    """The order goes away again."""
    return CloseOrder(customer=CUSTOMER, order=order, on=TODAY)

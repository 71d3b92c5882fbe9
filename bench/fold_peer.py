"""Python `eventsourcing`: its ProjectionRunner and tracking recorder, with the two views it is told to keep."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from time import perf_counter
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking, TrackingRecorder
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Composed, Identifier

from bench.measure import Sample

PAGE = 500
PATIENCE = 120.0


class Account(Aggregate):
    """Payments of one customer."""

    @event("Paid")
    def pay(self, customer: str, payment: str, amount: Decimal, currency: str) -> None:
        self.last = payment


class Payments(Application[UUID]):
    """Where the peer's events come from."""


class View(TrackingRecorder):
    @abstractmethod
    def keep(self, paid: Any, tracking: Tracking) -> None: ...


class TotalsView(PostgresTrackingRecorder, View):
    """Sums by customer."""

    create = "create table if not exists peer_totals (customer text primary key, payments bigint, paid numeric)"
    write = """insert into peer_totals as t values (%s, 1, %s)
        on conflict (customer) do update set payments = t.payments + 1, paid = t.paid + excluded.paid"""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sql_create_statements.append(Composed([SQL(self.create)]))

    def keep(self, paid: Any, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self.write, self.values(paid), prepare=True)

    def values(self, paid: Any) -> tuple[Any, ...]:
        return paid.customer, paid.amount


class LedgerView(TotalsView):
    """A row for each event."""

    create = """create table if not exists peer_ledger (event bigint generated always as identity primary key,
        customer text, document text, amount numeric, currency text, recorded timestamptz)"""
    write = "insert into peer_ledger (customer, document, amount, currency, recorded) values (%s, %s, %s, %s, %s)"

    def values(self, paid: Any) -> tuple[Any, ...]:
        return paid.customer, paid.payment, -paid.amount, paid.currency, paid.timestamp


class _Projection(Projection[View]):
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        if hasattr(domain_event, "payment"):
            self.view.keep(domain_event, tracking)
        else:
            self.view.insert_tracking(tracking)


class TotalsProjection(_Projection):
    name = "peertotals"


class LedgerProjection(_Projection):
    name = "peerledger"


KINDS: Mapping[str, tuple[type[_Projection], type[TotalsView], str]] = {
    "bench_totals": (TotalsProjection, TotalsView, "peer_totals"),
    "bench_ledger": (LedgerProjection, LedgerView, "peer_ledger"),
}


class PeerProjections:
    """An application with its events, and projections that start anew each time."""

    def __init__(self, place: Mapping[str, str], contents: Sequence[Any]) -> None:
        self._place = dict(place)
        app = Payments(env=self._place)
        for start in range(0, len(contents), PAGE):
            account = Account()
            for c in contents[start : start + PAGE]:
                account.pay(c["customer"], c["payment"], Decimal(c["amount"]["amount"]), c["amount"]["currency"])
            app.save(account)
        self._count = app.recorder.max_notification_id() or 0
        app.close()

    def timed(self, name: str) -> Sample:
        """From nothing to the end of the log."""
        projection, kind, table = KINDS[name]
        began = perf_counter()
        with ProjectionRunner(
            application_class=Payments, projection_class=projection, view_class=kind, env=self._place
        ) as runner:
            runner.wait(self._count, timeout=PATIENCE)
            seconds = perf_counter() - began
            view = runner.view
            assert isinstance(view, TotalsView)
            with view.datastore.transaction(commit=True) as cursor:
                cursor.execute(SQL("drop table {}, {}").format(Identifier(table), Identifier(view.tracking_table_name)))
        return Sample(self._count, seconds)

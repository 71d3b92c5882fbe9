"""A designed history with late and backdated documents, and a naive reading of it that knows no view and no SQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from engine.projection import View
from engine.shape import Shape
from engine.testing.spec import envelope, project
from events.base import Event, Money
from events.complaint import (
    Complainant,
    ComplaintJudged,
    ComplaintOpened,
    DepartmentAssigned,
)
from events.credit import (
    AccountOpened,
    Allocated,
    CompanyAssetsReported,
    CreditNoteIssued,
    ExposureChanged,
    InvoiceIssued,
    LimitSet,
    PaymentReceived,
    RiskClassSet,
)
from events.customer import (
    Basics,
    CustomerRegistered,
    CustomerUpdated,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OwnerAssigned,
)
from events.envelope import Envelope

Fact = Envelope[Any]
EARLY, LATE = datetime(2024, 4, 1, 8, tzinfo=UTC), datetime(2024, 6, 1, 8, tzinfo=UTC)
"""Two times of knowing."""
MARCH, MAY = date(2024, 3, 31), date(2024, 5, 15)
"""Two dates in business."""


def money(amount: int | str, currency: str = "CNY") -> dict[str, str]:
    return {"amount": str(amount), "currency": currency}


def day(month: int, day_: int) -> date:
    return date(2024, month, day_)


@dataclass
class Log:
    """Events as they were learned; positions count up within each topic."""

    facts: list[Fact]

    def learn(self, recorded: datetime, *events: Event, effective: date | None = None) -> None:
        for event in events:
            position, version = len(self.facts) + 1, self._version(event)
            self.facts.append(envelope(event, position, recorded=recorded, version=version, effective=effective))

    def _version(self, event: Event) -> int:
        subject = getattr(event, "complaint", None)
        return 1 + sum(1 for f in self.facts if subject and getattr(f.event, "complaint", None) == subject)

    def known(self, as_of: date, known_at: datetime) -> Iterator[Fact]:
        return (f for f in self.facts if f.effective <= as_of and f.recorded <= known_at)


def order(customer: str, name: str, on: date, *lines: tuple[str, int, str, str | None]) -> OrderPlaced:
    rows = [{"product": p, "quantity": q, "price": price, "cost": cost} for p, q, price, cost in lines]
    total = sum(Decimal(q) * Decimal(price) for _, q, price, _ in lines)
    return OrderPlaced.model_validate(
        {
            "customer": customer,
            "order": name,
            "order_date": on,
            "currency": "CNY",
            "lines": rows,
            "total": money(str(total)),
        }
    )


def invoice(
    customer: str, name: str, on: date, *instalments: tuple[date, int], net: int | None = None
) -> InvoiceIssued:
    parts = [{"number": n, "due": due, "amount": money(a)} for n, (due, a) in enumerate(instalments, 1)]
    whole = sum(a for _, a in instalments)
    lines: list[dict[str, Any]] = []
    if net is not None:
        lines = [
            {"product": "P1", "quantity": 1, "net": money(net), "tax": money(whole - net), "cost": money(net // 2)}
        ]
    return InvoiceIssued.model_validate(
        {
            "customer": customer,
            "invoice": name,
            "order": None,
            "invoice_date": on,
            "amount": money(whole),
            "instalments": parts,
            "lines": lines,
        }
    )


def payment(customer: str, name: str, on: date, amount: int) -> PaymentReceived:
    return PaymentReceived.model_validate(
        {"customer": customer, "payment": name, "amount": money(amount), "value_date": on}
    )


def credit_note(customer: str, name: str, on: date, amount: int, net: int) -> CreditNoteIssued:
    return CreditNoteIssued.model_validate(
        {
            "customer": customer,
            "credit_note": name,
            "invoice": None,
            "amount": money(amount),
            "net": money(net),
            "issued_on": on,
            "reason": "goods returned",
        }
    )


def allocated(
    customer: str,
    document: str,
    to: str,
    due: date,
    amount: int,
    on: date,
    *,
    instalment: int = 1,
    kind: str = "payment",
) -> Allocated:
    return Allocated.model_validate(
        {
            "customer": customer,
            "document": document,
            "document_kind": kind,
            "invoice": to,
            "instalment": instalment,
            "due": due,
            "amount": money(amount),
            "effective": on,
        }
    )


def exposure(customer: str, document: str, on: date, **changes: int) -> ExposureChanged:
    moved = {category: money(amount) for category, amount in changes.items()}
    return ExposureChanged.model_validate(
        {"customer": customer, "document": document, "cause": "invoice_issued", "changes": moved, "on": on}
    )


def limit(customer: str, on: date, amount: int | None) -> LimitSet:
    return LimitSet.model_validate(
        {
            "customer": customer,
            "limit": None if amount is None else money(amount),
            "previous": money(0),
            "reason": "review",
            "valid_from": on,
        }
    )


def account(customer: str, amount: int | None, on: date) -> AccountOpened:
    return AccountOpened.model_validate(
        {
            "customer": customer,
            "currency": "CNY",
            "limit": None if amount is None else money(amount),
            "risk_class": "CA1",
            "opened_on": on,
        }
    )


def registered(customer: str, since: date, **known: Any) -> CustomerRegistered:
    return CustomerRegistered(customer=customer, basics=_basics(customer, **known), since=since)


def updated(customer: str, **known: Any) -> CustomerUpdated:
    return CustomerUpdated(customer=customer, basics=_basics(customer, **known))


def _basics(customer: str, city: str = "", **known: Any) -> Basics:
    values = {"name": f"Customer {customer}", "type": "dealer", "currency": "CNY", "address": {"city": city}, **known}
    return Basics.model_validate(values)


def risk_class(customer: str, on: date, now: str, previous: str = "CA1") -> RiskClassSet:
    return RiskClassSet.model_validate(
        {"customer": customer, "risk_class": now, "previous": previous, "reason": "review", "valid_from": on}
    )


def complaint_opened(
    customer: str, name: str, at: datetime, invoice: str | None = None, disputed: int | None = None
) -> ComplaintOpened:
    return ComplaintOpened(
        invoice=invoice,
        disputed=None if disputed is None else Money.model_validate(money(disputed)),
        customer=customer,
        complaint=name,
        complainant=Complainant(person="p1", name="Li"),
        complained_at=at,
        subject="late_delivery",
        object="order O1",
        demand="a discount",
    )


def judged(customer: str, name: str, established: bool, at: datetime) -> ComplaintJudged:
    return ComplaintJudged(
        customer=customer,
        complaint=name,
        established=established,
        finding="the carrier was late",
        feedback="told by phone",
        fed_back_at=at,
    )


def assigned(customer: str, name: str) -> DepartmentAssigned:
    return DepartmentAssigned(customer=customer, complaint=name, department="logistics", responsible="wang")


def assets(amount: int, on: date) -> CompanyAssetsReported:
    return CompanyAssetsReported.model_validate({"total_assets": money(amount), "on": on})


def designed() -> Log:
    """Two customers; what was learned by EARLY, and what only came after, much of it backdated."""
    log = Log([])
    _learn_early(log)
    _learn_late_orders(log)
    _learn_late_money(log)
    _learn_late_profiles(log)
    return log


def _learn_early(log: Log) -> None:
    early = EARLY - timedelta(days=1)
    log.learn(
        early,
        registered("C1", day(1, 1), owner="E1", city="Wuhan"),
        registered("C2", day(4, 10), type="retailer"),
        account("C1", 500, day(1, 1)),
        account("C2", 1000, day(1, 1)),
        assets(4000, day(1, 1)),
        order("C1", "O1", day(3, 1), ("P1", 2, "300", "200"), ("P2", 1, "100", None)),
        order("C2", "O2", day(4, 20), ("P2", 5, "80", "50")),
        invoice("C1", "I1", day(3, 2), (day(3, 20), 400), (day(4, 20), 300), net=620),
        exposure("C1", "I1", day(3, 2), open_invoices=700),
        payment("C1", "Z1", day(3, 25), 100),
        allocated("C1", "Z1", "I1", day(3, 20), 100, day(3, 25)),
        exposure("C1", "Z1", day(3, 25), open_invoices=-100),
        invoice("C2", "I2", day(4, 21), (day(5, 21), 400)),
        exposure("C2", "I2", day(4, 21), open_invoices=400),
    )
    log.learn(early, OwnerAssigned(customer="C2", owner="E1", previous=None), effective=day(4, 10))
    log.learn(early, complaint_opened("C1", "K1", early, "I1", 450), effective=day(3, 5))
    log.learn(early, judged("C1", "K1", True, early), effective=day(4, 15))


def _learn_late_orders(log: Log) -> None:
    late = LATE - timedelta(days=1)
    log.learn(
        late,
        registered("C3", day(2, 1), type="agent"),
        limit("C1", day(3, 30), 450),
        limit("C2", day(5, 1), 300),
        assets(5000, day(3, 31)),
        order("C2", "O3", day(3, 15), ("P1", 4, "310", "210")),
        OrderCancelled.model_validate(
            {
                "customer": "C2",
                "order": "O2",
                "order_version": 1,
                "lines": [{"product": "P2", "quantity": 5, "price": "80", "cost": "50"}],
                "undelivered": money(400),
                "reason": "too late",
                "cancelled_on": day(5, 2),
            }
        ),
        OrderChanged.model_validate(
            {
                "customer": "C1",
                "order": "O1",
                "order_version": 2,
                "lines": [{"product": "P1", "quantity": 3, "price": "300", "cost": "200"}],
                "previous_lines": [
                    {"product": "P1", "quantity": 2, "price": "300", "cost": "200"},
                    {"product": "P2", "quantity": 1, "price": "100"},
                ],
                "total": money(900),
                "previous_total": money(700),
                "changed_on": day(5, 3),
            }
        ),
    )
    log.learn(late, complaint_opened("C2", "K2", late, "I3", 500), effective=day(3, 10))
    log.learn(late, assigned("C1", "K1"), effective=day(5, 1))


def _learn_late_profiles(log: Log) -> None:
    late = LATE - timedelta(days=1)
    log.learn(late, risk_class("C2", day(3, 1), "CA3"))
    log.learn(late, updated("C1", type="retailer", owner="E1", city="Wuhan"), effective=day(5, 5))
    log.learn(late, OwnerAssigned(customer="C1", owner="E2", previous="E1"), effective=day(3, 20))


def _learn_late_money(log: Log) -> None:
    log.learn(
        LATE - timedelta(days=1),
        invoice("C2", "I3", day(3, 16), (day(3, 30), 1240), net=1240),
        exposure("C2", "I3", day(3, 16), open_invoices=1240),
        payment("C1", "Z2", day(3, 28), 350),
        allocated("C1", "Z2", "I1", day(3, 20), 300, day(3, 28)),
        exposure("C1", "Z2", day(3, 28), open_invoices=-300, unallocated_cash=50),
        credit_note("C2", "G1", day(5, 5), 140, 120),
        allocated("C2", "G1", "I3", day(3, 30), 140, day(5, 5), kind="credit_note"),
        exposure("C2", "G1", day(5, 5), open_invoices=-140),
        payment("C2", "Z3", day(5, 10), 90),
        exposure("C2", "Z3", day(5, 10), unallocated_cash=90),
    )


# --- into a database ----------------------------------------------------------------------------------------------


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", views: Sequence[View], facts: Sequence[Fact]) -> None:
    """Every view's table under its plain name, with what its fold makes of `facts`."""
    for view in views:
        shape = Shape(view.table)
        await connection.execute(shape.create(view.name, 100))
        for statement in shape.complete(view.name):
            await connection.execute(statement)
        rows = shape.stored(project(view, facts))
        await connection.execute(shape.insert(view.name), *shape.arrays(rows))

"""Other systems' cases give their numbers here, too; where we differ on purpose, the page of differences says why."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from analytics_history import EARLY, order
from analytics_stored import once
from tools.differences import differences

from analytics_svc.domain.ageing import aged_group
from analytics_svc.domain.dso import effectiveness, exhausted
from analytics_svc.domain.figures import Edges, Point, Window, dso
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.payment_behaviour import PaidSums, behaviour
from analytics_svc.domain.tiers import Tiering
from analytics_svc.projections import ageing, rfm, tiers
from analytics_svc.projections.facts import TOGETHER
from analytics_svc.projections.stored import PostgresRows, StoredMeasures
from credit_svc.domain.account import OpenAccount, SetLimit
from credit_svc.domain.order import CheckOrder
from credit_svc.testing import CreditCase, cny0
from engine import ids
from engine.decider import Actor, Command
from engine.handle import Asked
from engine.ports import Meta
from events.base import Event
from events.credit import OrderHeld
from tests.peers.replay import Case, cases, everything, read_facts, traded

pytestmark = pytest.mark.database
D = Decimal
T = TypeVar("T")


REPLAYED: set[str] = set()


def of(kind: str) -> pytest.MarkDecorator:
    """Replays every case of the kind."""
    REPLAYED.add(kind)
    return pytest.mark.parametrize("case", cases(kind), ids=lambda case: case.id)


def asked(url: str, events: Sequence[Event], as_of: str, ask: Callable[[StoredMeasures, Scope], Awaitable[T]]) -> T:
    """The answer of analytics, having learned these events."""

    async def answer() -> T:
        async with once(url).connect() as connection:
            await read_facts(connection, events)
            scope = Scope(Point(date.fromisoformat(as_of), EARLY), None, "CNY")
            return await ask(StoredMeasures(PostgresRows(connection)), scope)

    return asyncio.run(answer())


def dated(rows: Sequence[Sequence[str]]) -> list[tuple[date, str]]:
    return [(date.fromisoformat(day), amount) for day, amount in rows]


# --- arithmetic ---------------------------------------------------------------------------------------------------


@of("dso")
def test_dso(case: Case) -> None:
    found = dso(D(case.given["receivables"]), D(case.given["sales"]), case.given["days"])
    assert case.as_precise(found.value) == case.ours


@of("countback")
def test_dso_by_exhaustion(case: Case) -> None:
    periods = [(str(n), D(sold), days) for n, (sold, days) in enumerate(case.given["periods"])]
    assert case.as_precise(exhausted(D(case.given["receivables"]), periods).value) == case.ours


@of("cei")
def test_collection_effectiveness(case: Case) -> None:
    opening, sales, closing, current = (D(case.given[n]) for n in ("opening", "sales", "closing", "closing_current"))
    found = effectiveness(opening, sales, case.given["months"], closing, current)
    assert case.as_precise(found.value) == case.ours


@of("weighted_days")
def test_days_to_pay_weighted_by_money(case: Case) -> None:
    paid = [(D(amount), days) for amount, days in case.given["paid"]]
    sums = PaidSums(
        instalments=len(paid), paid=sum((a for a, _ in paid), D(0)), paid_days=sum((a * d for a, d in paid), D(0))
    )
    assert case.as_precise(behaviour(sums).weighted_days_to_pay) == case.ours


@of("aging_bucket")
def test_buckets(case: Case) -> None:
    edges = Edges(upper=tuple(case.given["edges"]))
    assert [edges.bucket(days) for days in case.given["days"]] == case.ours


# --- ledgers ------------------------------------------------------------------------------------------------------


@of("dso_ledger")
def test_dso_of_invoices_and_payments(case: Case, empty: str) -> None:
    day = date.fromisoformat(case.given["as_of"])
    bills = [(on, [(on, amount)]) for on, amount in dated(case.given["invoices"])]

    async def ask(measures: StoredMeasures, scope: Scope) -> Decimal | None:
        owed = await measures.balance(scope)
        window = Window.of_days(90, day)
        sold = await measures.totals(Scope(scope.point, None, "CNY", window))
        return dso(owed.outstanding, sold.credit_sales).value

    events = traded(bills, dated(case.given["payments"]), day)
    assert case.as_precise(asked(empty, events, case.given["as_of"], ask)) == case.ours


@of("asof_balance")
def test_the_balance_of_a_day(case: Case, empty: str) -> None:
    bills = [(on, [(on, amount)]) for on, amount in dated(case.given["invoices"])]
    events = traded(bills, dated(case.given["payments"]), date(2026, 3, 1))

    async def ask(measures: StoredMeasures, scope: Scope) -> Decimal:
        return (await measures.balance(scope)).outstanding

    assert asked(empty, events, case.given["as_of"], ask) == D(case.ours)


@of("aging_split")
def test_ageing_of_instalments(case: Case, empty: str) -> None:
    due = dated(case.given["due"])
    issued = date.fromisoformat(case.given.get("invoice_date", "2023-09-01"))
    edges = Edges(upper=tuple(case.given["edges"]))
    events = traded([(issued, due)], dated(case.given.get("payments", [])), date(2026, 3, 1))

    async def ask(measures: StoredMeasures, scope: Scope) -> dict[str, Decimal]:
        [row] = await measures.facts.rows(ageing.matrix(scope, edges, "included", TOGETHER))
        return {b.bucket: b.amount for b in aged_group(row, edges).buckets if b.amount}

    assert asked(empty, events, case.given["as_of"], ask) == {name: D(amount) for name, amount in case.ours.items()}


@of("terms_fifo")
def test_a_payment_goes_to_the_oldest_term(case: Case, empty: str) -> None:
    parts = [(date(2024, month, 1), amount) for month, amount in enumerate(case.given["terms"], 1)]
    payments = [(date(2024, 1, 5), amount) for amount in case.given["payments"]]
    events = traded([(date(2024, 1, 1), parts)], payments, date(2024, 1, 5))

    async def ask(measures: StoredMeasures, scope: Scope) -> dict[date | None, Decimal]:
        return dict(await measures.by_date(scope))

    found = asked(empty, events, "2024-06-01", ask)
    assert [found.get(due, D(0)) for due, _ in parts] == [D(left) for left in case.ours]


@of("rfm")
def test_recency_frequency_and_money(case: Case, empty: str) -> None:
    placed = [
        order(f"C{customer}", f"O{n}", date.fromisoformat(on), ("P", 1, amount, None))
        for n, (customer, on, amount) in enumerate(case.given["orders"])
    ]

    async def ask(measures: StoredMeasures, scope: Scope) -> dict[str, list[Any]]:
        rows = await measures.facts.rows(rfm.scored(scope, "order_intake", 5))
        return {r["customer"][1:]: [r["frequency"], r["recency_days"], r["monetary"]] for r in rows}

    found = asked(empty, placed, case.given["as_of"], ask)
    assert found == {c: [f, r, D(m)] for c, (f, r, m) in case.ours.items()}


@of("abc")
def test_classes(case: Case, empty: str) -> None:
    values = sa.values(sa.column("subject", sa.Text), sa.column("amount", sa.Numeric), name="amounts")
    given = sa.select(values.data([(subject, D(amount)) for subject, amount in case.given["values"].items()]))

    async def ask(measures: StoredMeasures, _: Scope) -> dict[str, str]:
        return {r["subject"]: r["tier"] for r in await measures.facts.rows(tiers.ranked(given, Tiering(), TOGETHER))}

    assert asked(empty, [], "2024-01-01", ask) == case.ours


# --- credit -------------------------------------------------------------------------------------------------------


@of("credit_limit")
def test_orders_against_a_limit(case: Case) -> None:
    credit = CreditCase().with_account(case.given["limit"])
    held = [
        any(isinstance(event, OrderHeld) for event in credit.check(f"O{n}", amount))
        for n, amount in enumerate(case.given["orders"])
    ]
    assert held == case.ours


@of("credit_concurrency")
async def test_orders_that_race_for_a_limit(case: Case, kehu: Any) -> None:
    async def told(name: str, command: Command) -> None:
        key = ids.named("peers", name)
        await kehu.runtime.handler.handle(Asked(command, key, Meta("U-1", correlation=key), Actor("U-1")))

    today, amount = date(2026, 3, 1), cny0(case.given["amount"])
    await told("account", OpenAccount(customer="C-1", currency="CNY", on=today))
    await told("limit", SetLimit(customer="C-1", limit=cny0(case.given["limit"]), reason="agreed"))
    racing = [
        CheckOrder(customer="C-1", order=f"O{n}", order_version=1, amount=amount, on=today)
        for n in range(case.given["parallel"])
    ]
    await asyncio.gather(*(told(order.order, order) for order in racing))
    await kehu.runtime.reached({"credit": await kehu.runtime.store.head()})
    held = (await kehu.get("/holds", customer="C-1"))["items"]
    reserved = D((await kehu.get("/accounts/C-1"))["open_orders"])
    assert (len(racing) - len(held), reserved) == (case.ours["granted"], D(case.ours["reserved"]))


# --- told ---------------------------------------------------------------------------------------------------------


def test_cases_of_every_kind_are_replayed_and_name_their_source() -> None:
    told = everything()["cases"]
    assert {case["kind"] for case in told} == REPLAYED
    assert len({(case["kind"], case["id"]) for case in told}) == len(told)
    assert all(case["source"] and case["peer"] for case in told)


def test_a_case_differs_on_purpose_or_not_at_all_and_the_page_says_why() -> None:
    page = differences()
    for case in everything()["cases"]:
        assert ("ours" in case) == ("why" in case)
        if "why" in case:
            assert case["ours"] != case["theirs"], case["id"]
            assert f"`{case['id']}`" in page
            assert case["why"] in page

"""How customers pay: averages over instalments paid in full, against a naive reading, for two dates and two times."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import asyncpg
import pytest
from analytics_history import (
    Log,
    allocated,
    complaint_opened,
    credit_note,
    day,
    fill,
    invoice,
    judged,
    payment,
    registered,
)
from analytics_reading import PaidItem, paid_items
from analytics_stored import DISPUTED
from analytics_world import World
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from analytics_svc.domain.ageing import Disputed
from analytics_svc.domain.figures import Edges, Point, Window
from analytics_svc.domain.measures import Scope
from analytics_svc.domain.payment_behaviour import (
    NOTHING_PAID,
    LatenessNotFalling,
    LatenessRule,
    PaidSums,
    behaviour,
    bucketed,
    lateness_rule,
)
from analytics_svc.projections import complaints, receivables
from analytics_svc.projections.payment_behaviour import entries
from analytics_svc.projections.stored import PostgresRows, StoredMeasures
from engine.testing.plugin import MakeDatabase

SOON, LATER = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)
APRIL, JUNE = date(2024, 4, 30), date(2024, 6, 15)
POINTS = tuple(product((APRIL, JUNE), (SOON, LATER)))


def payers() -> Log:
    """Paid early, on the day, late, in parts, by instalments, with a credit note, by one alone, and not at all."""
    log = Log([])
    log.learn(
        SOON,
        invoice("C1", "early", day(2, 1), (day(3, 1), 100)),
        payment("C1", "Z1", day(2, 10), 100),
        allocated("C1", "Z1", "early", day(3, 1), 100, day(2, 10)),
        invoice("C1", "parts", day(2, 1), (day(3, 1), 100)),
        payment("C1", "Z2", day(3, 1), 40),
        allocated("C1", "Z2", "parts", day(3, 1), 40, day(3, 1)),
        invoice("C2", "two", day(2, 5), (day(3, 5), 50), (day(4, 5), 70)),
        payment("C2", "Z4", day(4, 15), 120),
        allocated("C2", "Z4", "two", day(3, 5), 50, day(4, 15)),
        allocated("C2", "Z4", "two", day(4, 5), 70, day(4, 15), instalment=2),
        invoice("C2", "open", day(2, 5), (day(3, 5), 99)),
    )
    log.learn(
        LATER,
        payment("C1", "Z3", day(4, 20), 60),
        allocated("C1", "Z3", "parts", day(3, 1), 60, day(4, 20)),
        invoice("C3", "reduced", day(5, 1), (day(5, 31), 200)),
        payment("C3", "Z5", day(5, 31), 150),
        allocated("C3", "Z5", "reduced", day(5, 31), 150, day(5, 31)),
        credit_note("C3", "G1", day(6, 10), 50, 50),
        allocated("C3", "G1", "reduced", day(5, 31), 50, day(6, 10), kind="credit_note"),
        invoice("C3", "back", day(5, 1), (day(5, 31), 80)),
        credit_note("C3", "G2", day(6, 1), 80, 80),
        allocated("C3", "G2", "back", day(5, 31), 80, day(6, 1), kind="credit_note"),
    )
    complained = datetime(2024, 3, 2, tzinfo=UTC)
    log.learn(SOON, complaint_opened("C2", "K1", complained, "two", 20), effective=day(3, 2))
    log.learn(SOON, judged("C2", "K1", False, complained), effective=day(3, 9))
    log.learn(SOON, complaint_opened("C1", "K2", complained, "early"), effective=day(3, 2))
    log.learn(LATER, complaint_opened("C1", "K3", complained, "parts", 100), effective=day(3, 2))
    return log


LOG = payers()


@pytest.fixture
async def read(make_database: MakeDatabase) -> AsyncIterator[AsyncConnection]:
    async def prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await fill(connection, (receivables.VIEW, complaints.VIEW), LOG.facts)

    url = await make_database(prepare, "payers")
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


def scope(as_of: date, known_at: datetime, first: date | None = None, customer: str | None = None) -> Scope:
    window = Window(first=first, last=as_of)
    return Scope(Point(as_of, known_at), None if customer is None else (customer,), "CNY", window)


def stored(read: AsyncConnection) -> StoredMeasures:
    return StoredMeasures(PostgresRows(read))


def added(items: Sequence[PaidItem]) -> PaidSums:
    late = [i.days_late for i in items]
    return PaidSums(
        instalments=len(items),
        late=sum(1 for d in late if d),
        amount=sum((i.amount for i in items), Decimal(0)),
        paid=sum((i.paid for i in items), Decimal(0)),
        days_to_pay=sum(i.days_to_pay for i in items),
        days_late=sum(late),
        days_late_squared=sum(d * d for d in late),
        most_days_late=max(late, default=0),
        paid_days=sum((i.paid_days for i in items), Decimal(0)),
    )


async def test_what_was_paid_depends_on_both_times(read: AsyncConnection) -> None:
    answers = []
    for as_of, known_at in POINTS:
        found = await stored(read).paid(scope(as_of, known_at))
        assert found == added(paid_items(list(LOG.known(as_of, known_at))))
        answers.append(found)
    assert [a.instalments for a in answers] == [3, 4, 3, 5]


async def test_every_part_is_explained_by_the_payments_that_add_up_to_it(read: AsyncConnection) -> None:
    buckets = bucketed(await stored(read).paid_by_days_late(scope(JUNE, LATER)), Edges())
    assert {b.bucket: (b.instalments, b.amount) for b in buckets if b.instalments} == {
        "current": (2, Decimal(300)), "1-30": (1, Decimal(70)), "31-60": (2, Decimal(150)),
    }  # fmt: skip
    for disputed in DISPUTED:
        await explained(stored(read), scope(JUNE, LATER), disputed)


async def explained(measures: StoredMeasures, asked: Scope, disputed: Disputed) -> None:
    edges = Edges()
    sums = await measures.paid(asked, disputed)
    parts = entries(asked, edges, disputed)
    buckets = bucketed(await measures.paid_by_days_late(asked, disputed), edges)
    expected = {name: Decimal(getattr(sums, name)) for name in parts if hasattr(sums, name)}
    expected |= {b.bucket: b.amount for b in buckets}
    assert expected.keys() == parts.keys()
    assert {name: await measures.summed(query) for name, query in parts.items()} == expected


async def test_a_window_is_that_of_the_last_payment(read: AsyncConnection) -> None:
    asked = scope(JUNE, LATER, first=date(2024, 4, 16))
    items = [i for i in paid_items(LOG.facts) if i.paid_on >= date(2024, 4, 16)]
    assert {i.invoice for i in items} == {"parts", "reduced"}
    assert await stored(read).paid(asked) == added(items)


async def test_invoices_once_disputed_and_the_others_are_told_apart(read: AsyncConnection) -> None:
    """K1 was judged not established, K2 disputes no amount: what was disputed counts, not what became of it."""
    answers = []
    for as_of, known_at in POINTS:
        items = paid_items(list(LOG.known(as_of, known_at)))
        named = {"two"} if known_at == SOON else {"two", "parts"}
        only = [i for i in items if i.invoice in named]
        assert await stored(read).paid(scope(as_of, known_at), "only") == added(only)
        rest = added([i for i in items if i.invoice not in named])
        assert await stored(read).paid(scope(as_of, known_at), "excluded") == rest
        answers.append((len(only), rest.instalments))
    assert answers == [(2, 1), (3, 1), (2, 1), (3, 2)]
    assert [name for name, _ in await stored(read).paid_by_customer(scope(JUNE, LATER), "only")] == ["C1", "C2"]
    assert [p.days_late for p in await stored(read).paid_by_days_late(scope(JUNE, LATER), "only")] == [10, 41, 50]


async def test_each_customer_has_its_own_and_together_they_are_everybodys(read: AsyncConnection) -> None:
    found = dict(await stored(read).paid_by_customer(scope(JUNE, LATER)))
    for customer in ("C1", "C2", "C3"):
        own = [i for i in paid_items(LOG.facts) if i.customer == customer]
        assert found[customer] == added(own) == await stored(read).paid(scope(JUNE, LATER, customer=customer))


def test_days_to_pay_are_weighted_by_money() -> None:
    """peer-cases weighted_days: 10 after 5 days and 100 after 10 days are 9.55 days; each counted once, 7.5."""
    sums = PaidSums(instalments=2, amount=Decimal(110), paid=Decimal(110), days_to_pay=15, paid_days=Decimal(1050))
    found = behaviour(sums)
    assert (found.weighted_days_to_pay, found.mean_days_to_pay) == (Decimal("9.545455"), Decimal("7.5"))


def test_the_deviation_is_that_of_a_sample() -> None:
    """Days late 0, 0, 3 and 9: mean 3, deviations 9 + 9 + 0 + 36 over three."""
    found = behaviour(PaidSums(instalments=4, late=2, days_late=12, days_late_squared=90))
    assert (found.mean_days_late, found.mean_days_late_of_late) == (Decimal(3), Decimal(6))
    assert found.sd_days_late == Decimal("4.242641")
    assert behaviour(PaidSums(instalments=1, days_late=4, days_late_squared=16)).sd_days_late is None


def test_where_nothing_was_paid_there_is_no_average_but_a_reason() -> None:
    found = behaviour(PaidSums())
    averages = {n: v for n, v in dict(found).items() if n not in ("sums", "reason")}
    assert set(averages.values()) == {None}
    assert found.reason == NOTHING_PAID


@pytest.mark.parametrize(
    ("instalments", "late", "days_late", "lateness"),
    [
        (10, 6, 6, "high"), (10, 5, 5, "medium"), (10, 3, 3, "medium"), (10, 2, 2, "low"),
        (10, 1, 101, "high"), (10, 1, 100, "low"), (3, 0, 0, "low"),
    ],
)  # fmt: skip
def test_lateness_is_strictly_more_than_its_cuts(instalments: int, late: int, days_late: int, lateness: str) -> None:
    sums = PaidSums(instalments=instalments, late=late, days_late=days_late)
    assert LatenessRule().lateness(sums) == lateness


def test_cuts_of_lateness_that_do_not_fall_are_refused() -> None:
    with pytest.raises(LatenessNotFalling):
        lateness_rule(Decimal("0.2"), Decimal(10), Decimal("0.2"))


async def test_over_http_the_figure_its_customers_and_its_explanation_agree(world: World) -> None:
    for customer in ("C1", "C2", "C3"):
        await world.learn(registered(customer, day(1, 1)))
    for fact in LOG.facts:
        await world.learn(fact.event, recorded=fact.recorded, effective=fact.effective)
    asked: dict[str, Any] = {"as_of": str(JUNE), "known_at": LATER.isoformat()}
    figure = await world.get("/payment-behaviour", **asked)
    assert (figure["sums"]["instalments"], figure["late_share"]) == (5, "0.600000")
    listed = await world.get("/payment-behaviour/customers", **asked)
    assert listed["lateness"] == {"high": 2, "medium": 0, "low": 1}
    assert [(r["customer"], r["lateness"]) for r in listed["customers"]["items"]] == [
        ("C1", "high"), ("C2", "high"), ("C3", "low"),
    ]  # fmt: skip
    low = await world.get("/payment-behaviour/customers", lateness="low", **asked)
    assert [r["customer"] for r in low["customers"]["items"]] == ["C3"]
    why = await world.get("/payment-behaviour/explain", part="days_late", **asked)
    shares = {(e["document"], e["amount"]) for e in why["entries"]["items"]}
    assert shares == {("parts", "50"), ("two", "41"), ("two", "10")}
    assert (why["currency"], why["parts"]) == (None, [{"part": "days_late", "total": "101"}])
    late = [(await world.get("/payment-behaviour", disputed=d, **asked))["mean_days_late"] for d in DISPUTED]
    assert late == ["20.200000", "0.000000", "33.666667"]
    only = await world.get("/payment-behaviour/customers", disputed="only", **asked)
    assert (only["disputed"], [r["customer"] for r in only["customers"]["items"]]) == ("only", ["C1", "C2"])
    behind = await world.get("/payment-behaviour/explain", part="late", disputed="excluded", **asked)
    assert behind["parts"] == [{"part": "late", "total": "0"}]
    refused = await world.ask("/payment-behaviour/customers", high_share="0.1")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/analytics/lateness-not-falling")

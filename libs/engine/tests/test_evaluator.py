"""Customers are judged when something happened to them and on each new day; none that is touched again is forgotten."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from engine.database import Database
from engine.evaluator import Evaluator, pending
from engine.folding import touch
from engine.handle import Asked
from engine.store import PostgresStore
from engine.testing.sample_service import handler
from engine.testing.sample_views import DAY
from engine.testing.spec import envelope
from events.company import WentLive
from events.customer import Basics, CustomerUpdated
from events.envelope import Origin

BASICS = Basics(name="Can Ltd", type="dealer", currency="CNY")


class Judge:
    """Notes who was judged on which day; `meanwhile` is touched while it judges, `broken` breaks it."""

    def __init__(self, service: Database) -> None:
        self.judged: list[tuple[str | None, date]] = []
        self.day, self.meanwhile, self.broken = DAY, list[str](), ""
        self._service, self.is_live = service, False

    async def __call__(self, customers: Sequence[str | None], day: date) -> Sequence[Asked]:
        if self.broken in customers:
            raise ZeroDivisionError
        self.judged += [(c, day) for c in customers]
        if self.meanwhile:
            await touched(self._service, self.meanwhile.pop())
        return ()

    async def today(self) -> date:
        return self.day

    async def live(self) -> bool:
        return self.is_live


@pytest.fixture
def judge(service: Database) -> Judge:
    return Judge(service)


@pytest.fixture
def evaluator(store: PostgresStore, service: Database, judge: Judge) -> Evaluator:
    return Evaluator(service, judge, handler(store, service), judge.today, judge.live)


async def touched(service: Database, *customers: str, origin: Origin = "live") -> None:
    async with service.pool.acquire() as session:
        await touch(session, [envelope(CustomerUpdated(customer=c, basics=BASICS), origin=origin) for c in customers])


async def all_judged(evaluator: Evaluator, judge: Judge) -> list[str]:
    judge.judged.clear()
    while await evaluator.step():
        pass
    return sorted(c or "the company" for c, _ in judge.judged)


async def test_touched_customers_are_judged_once_and_then_the_company(
    evaluator: Evaluator, judge: Judge, service: Database
) -> None:
    await touched(service, "C1", "C2")
    assert await all_judged(evaluator, judge) == ["C1", "C2", "the company"]
    assert await all_judged(evaluator, judge) == []
    await touched(service, "C2")
    assert await all_judged(evaluator, judge) == ["C2", "the company"]


async def test_the_company_is_judged_when_something_happened_to_it_alone(
    evaluator: Evaluator, judge: Judge, service: Database
) -> None:
    await all_judged(evaluator, judge)
    async with service.pool.acquire() as session:
        await touch(session, [envelope(WentLive(day=DAY, loaded_documents=0))])
    assert await all_judged(evaluator, judge) == ["the company"]
    assert await all_judged(evaluator, judge) == []
    assert await pending(service.pool) == 0


async def test_one_touched_while_being_judged_is_judged_again(
    evaluator: Evaluator, judge: Judge, service: Database
) -> None:
    await touched(service, "C1")
    judge.meanwhile = ["C1"]
    assert await all_judged(evaluator, judge) == ["C1", "C1", "the company"]
    assert await pending(service.pool) == 0


async def test_everybody_is_judged_on_a_new_day(evaluator: Evaluator, judge: Judge, service: Database) -> None:
    await touched(service, "C1", "C2", "C3")
    await all_judged(evaluator, judge)
    judge.day = DAY + timedelta(days=1)
    assert await all_judged(evaluator, judge) == ["C1", "C2", "C3", "the company"]


async def test_one_customer_that_breaks_the_judgement_does_not_stand_in_the_way(
    evaluator: Evaluator, judge: Judge, service: Database
) -> None:
    await touched(service, "C1", "C2", "C3")
    judge.broken = "C2"
    assert await all_judged(evaluator, judge) == ["C1", "C3", "the company"]
    assert evaluator.failed == 1


async def test_what_an_initial_load_brings_is_judged_once_the_company_is_live(
    evaluator: Evaluator, judge: Judge, service: Database
) -> None:
    await touched(service, "C1", "C2", origin="initial_load")
    await touched(service, "C2")
    assert await all_judged(evaluator, judge) == ["C2", "the company"]
    judge.is_live = True
    assert await all_judged(evaluator, judge) == ["C1", "the company"]

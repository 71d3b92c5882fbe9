"""The columnar mirror: as new as the tables, whatever became of them since it was last asked."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from analytics_history import MARCH, MAY, designed, invoice, payment, registered
from analytics_world import World

from analytics_svc.projections import receivables
from analytics_svc.projections.mirror import Mirror
from analytics_svc.projections.stored import FACTS
from chassis.settings import Mirror as Settings
from chassis.workers import replayers
from engine.deadletters import discard, letters, replay
from engine.projection import View
from engine.rebuild import rebuild
from engine.views import group_of

GROUP = group_of(receivables.VIEW)
POISON = """insert into dead_letters (grp, customer, topic, part, pos, event, type, kind)
    values ($1, 'C1', 'credit', 0, 0, gen_random_uuid(), 'credit.InvoiceIssued', 'poison')"""
Rows = list[Mapping[str, Any]]


@pytest.fixture
async def mirror(world: World) -> AsyncIterator[Mirror]:
    found = Mirror(world.runtime.database, world.runtime.bus, FACTS)
    yield found
    await found.close()


async def same(world: World, mirror: Mirror, view: View = receivables.VIEW) -> Rows:
    """All rows of the view, once the mirror has shown the same."""
    await world.runtime.reached(world.position)
    query = sa.select(view.table)
    async with world.runtime.reading() as read:
        stored: Rows = [dict(r) for r in (await read.execute(query)).mappings()]
    shown = await mirror.rows(query)
    assert sorted(shown, key=_place) == sorted(stored, key=_place), view.name
    return stored


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["event"], row["n"]


async def test_it_holds_every_fact_of_every_table_to_the_last_digit(world: World, mirror: Mirror) -> None:
    for fact in designed().facts:
        await world.learn(fact.event, recorded=fact.recorded)
    for view in FACTS:
        assert await same(world, mirror, view), f"{view.name}: there was nothing to compare"


async def test_it_knows_at_once_what_the_tables_have_learned(world: World, mirror: Mirror) -> None:
    assert await same(world, mirror) == []
    for number in range(3):
        await world.learn(invoice(f"C{number}", f"I{number}", MARCH, (MAY, 100)))
        assert len(await same(world, mirror)) == number + 1


async def test_what_waited_for_a_person_is_in_it_once_it_was_replayed(world: World, mirror: Mirror) -> None:
    pool, runtime = world.runtime.database.pool, world.runtime
    await world.learn(registered("C1", MARCH), invoice("C1", "I0", MARCH, (MAY, 1)))
    assert len(await same(world, mirror)) == 1
    await pool.execute(POISON, GROUP)
    await world.learn(invoice("C1", "I1", MARCH, (MAY, 100)), invoice("C2", "I2", MARCH, (MAY, 7)))
    assert len(await same(world, mirror)) == 2, "C1 is parked"
    poison, *behind = await letters(pool, GROUP, "C1")
    assert behind
    await discard(pool, GROUP, "C1", "test", poison.id)
    assert await replay(pool, runtime.bus, runtime.serde, replayers(runtime)[GROUP], "C1") == 1
    assert len(await same(world, mirror)) == 3


async def test_a_view_built_anew_is_read_anew(world: World, mirror: Mirror) -> None:
    await world.learn(invoice("C1", "I1", MARCH, (MAY, 100)))
    await same(world, mirror)
    await rebuild(receivables.VIEW, world.runtime.database, world.runtime.bus, world.runtime.serde)
    await world.learn(payment("C1", "Z1", MARCH, 60))
    assert len(await same(world, mirror)) == 2


async def test_nothing_is_copied_while_nothing_has_happened(world: World, mirror: Mirror) -> None:
    await world.learn(invoice("C1", "I1", MARCH, (MAY, 100)))
    await same(world, mirror)
    copied = mirror.copied
    await same(world, mirror)
    assert mirror.copied == copied


async def test_values_of_a_question_are_values_whatever_they_contain(world: World, mirror: Mirror) -> None:
    await world.learn(invoice("C1", "I1", MARCH, (MAY, 100)))
    await world.runtime.reached(world.position)
    table = receivables.TABLE.c
    query = sa.select(table.customer).where(table.customer.in_(["C1", "'; drop table receivables; --"]))
    assert await mirror.rows(query) == [{"customer": "C1"}]
    assert len(await same(world, mirror)) == 1


async def test_times_come_back_with_their_zone_and_amounts_without_the_zeros_of_a_scale(
    world: World, mirror: Mirror
) -> None:
    recorded = datetime(2024, 4, 1, 8, tzinfo=UTC)
    await world.learn(invoice("C1", "I1", date(2024, 3, 1), (MAY, 100)), recorded=recorded)
    await world.runtime.reached(world.position)
    (row,) = await mirror.rows(sa.select(receivables.TABLE.c.recorded, receivables.TABLE.c.amount))
    assert (row["recorded"], str(row["amount"])) == (recorded, "100")


async def test_every_figure_is_the_same_from_either(world: World) -> None:
    """Whatever a figure asks of the facts, the mirror can answer; a new figure is in this walk by itself."""
    for fact in designed().facts:
        await world.learn(fact.event, recorded=fact.recorded)
    asked = {"as_of": str(MAY), "known_at": "2024-06-01T08:00:00Z", "product": "P1", "currency": "CNY"}
    paths = await figures(world)
    stored = {path: await world.ask(path, **asked) for path in paths}
    assert {path: answer.text for path, answer in stored.items() if answer.status_code != 200} == {}
    assert mirror_asked(world) is None
    world.runtime.settings = world.runtime.settings.model_copy(update={"mirror": Settings(from_events=0)})
    for path in paths:
        assert (await world.ask(path, **asked)).json() == stored[path].json(), path
    found = mirror_asked(world)
    assert found is not None
    assert found.copied == 1
    await found.close()


def mirror_asked(world: World) -> Mirror | None:
    """That of the service at work, once it was asked."""
    transport: Any = world.http._transport
    (mounts,) = (m.kwargs["mounts"] for m in transport.app.user_middleware if "mounts" in m.kwargs)
    found: Mirror | None = getattr(mounts[-1].app.state, "mirror", None)
    return found


async def figures(world: World) -> list[str]:
    """The paths of all figures that speak of all customers."""
    document = (await world.http.get("/api/analytics/openapi.json")).json()
    asked = {path: item["get"] for path, item in document["paths"].items() if "get" in item}
    tagged = [path for path, get in asked.items() if "figures" in get["tags"] and not of_one_customer(get)]
    assert len(tagged) > 15
    return tagged


def of_one_customer(get: Mapping[str, Any]) -> bool:
    return any(p["name"] == "customer" and p["required"] for p in get.get("parameters", ()))

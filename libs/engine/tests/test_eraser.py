"""Keys of erased persons are destroyed wherever they lie, and no other key is, however often an erasure is read."""

from datetime import date

from engine import ids
from engine.database import Database
from engine.erasure import Eraser
from engine.keeper import Means
from engine.keys import PersonalKeys
from engine.ports import Append, Meta, NewEvent
from engine.store import PostgresStore
from engine.tablebus import TableBus
from engine.testing.running import caught_up, running
from events.customer import PersonErased


async def erased(store: PostgresStore, *persons: str) -> None:
    events = [PersonErased(customer="C1", person=person, reason="asked for it") for person in persons]
    stored = [NewEvent("customer-C1", event, date(2026, 1, 1)) for event in events]
    await store.append(Append({}, stored, Meta("test", ids.new())))


async def worked(store: PostgresStore, keys: PersonalKeys) -> None:
    """What an eraser does that is started now and has read everything."""
    pool = store.database.pool
    bus = TableBus({"customer": pool}, pool, wakeups=store.wakeups)
    async with running(Eraser(keys, Means(store.database, bus, store.serde, wakeups=store.wakeups))):
        await caught_up(pool, "erasure", pool, "customer")


async def held(service: Database) -> set[str]:
    return {row[0] for row in await service.pool.fetch("select person from personal_keys")}


async def test_an_erasure_read_again_in_another_life_of_the_log_leaves_newer_keys(
    store: PostgresStore, service: Database
) -> None:
    keys = PersonalKeys(service.pool, bytes(32))
    await keys.ensure(["wang", "li", "zhao"])
    await erased(store, "wang", "li")
    await worked(store, keys)
    assert await held(service) == {"zhao"}
    await keys.ensure(["wang"])
    await store.renew()
    await erased(store, "zhao")
    await worked(store, keys)
    assert await held(service) == {"wang"}

"""What a database is said to hold: its log at large, and of one person what an erasure would take."""

from datetime import date

from engine import ids
from engine.database import Database, newest_schema
from engine.inventory import dossier, inventory
from engine.ports import Append, Meta, NewEvent
from engine.store import PostgresStore
from events.base import Event
from events.customer import Contact, ContactRecorded, ContactRemoved


async def happened(store: PostgresStore, *events: Event) -> None:
    stored = [NewEvent("customer-C1", event, date(2026, 1, 1)) for event in events]
    await store.append(Append({}, stored, Meta("test", ids.new())))


def recorded(person: str, name: str) -> ContactRecorded:
    return ContactRecorded(customer="C1", contact=Contact(person=person, name=name))


async def test_a_dossier_names_the_events_a_persons_key_opens_and_no_others(store: PostgresStore) -> None:
    await happened(store, recorded("wang", "王芳"), recorded("li", "李雷"), recorded("wang", "王小芳"))
    await happened(store, ContactRemoved(customer="C1", person="wang"))
    pool = store.database.pool
    wang = await dossier(pool, "wang", limit=1)
    assert (wang.events, [e.position for e in wang.newest]) == (2, [3])
    assert wang.key_since is not None
    assert (await dossier(pool, "nobody")).events == 0
    assert store.serde.keys is not None
    await store.serde.keys.erase("wang")
    assert (await dossier(pool, "wang")).key_since is None


async def test_an_inventory_counts_and_says_which_life_and_shape_it_is_of(
    store: PostgresStore, service: Database
) -> None:
    empty = await inventory(service.pool)
    assert (empty.position, empty.recorded, empty.persons, empty.schema) == (0, None, 0, newest_schema())
    await happened(store, recorded("wang", "王芳"))
    await store.renew()
    later = await inventory(service.pool)
    assert (later.position, later.persons, later.waiting) == (1, 1, 0)
    assert later.recorded is not None
    assert later.recorded <= later.now
    assert later.incarnation == await store.incarnation() != empty.incarnation

"""Events come back as they were said: equal to what pydantic reads, old versions in today's shape, persons sealed."""

import asyncio
import itertools
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine import ids
from engine.database import Database
from engine.decoders import model_decoder
from engine.keys import PersonalKeys
from engine.personal import holds_personal
from engine.ports import Append, Meta, NewEvent, RawEvent
from engine.serde import Serde, read_meta, write_meta
from engine.store import PostgresStore
from events.base import Event
from events.company import DayOpened
from events.customer import Contact, ContactRecorded
from events.registry import ALL, UnknownType, UnknownVersion
from events.samples import sample

KEK = bytes(range(32))
META = Meta("lin", ids.named("c"), ids.named("cause"), "00-ab-cd-01", "initial_load")


def raw(event: Event, data: str | None = None, **changes: Any) -> RawEvent:
    fields: dict[str, Any] = {
        "position": 7,
        "part": 3,
        "stream": "s-1",
        "version": 2,
        "id": ids.named("event"),
        "type": event.type,
        "schema_version": event.version,
        "customer": event.about,
        "company": "kehu",
        "data": data or event.model_dump_json(),
        "meta": write_meta(META),
        "effective": date(2026, 1, 1),
        "recorded": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return RawEvent(**fields | changes)


@pytest.mark.parametrize("event", ALL, ids=lambda e: e.__name__)
@settings(max_examples=25, deadline=None)
@given(choices=st.binary(min_size=8, max_size=32))
def test_a_decoded_event_equals_what_pydantic_reads(event: type[Event], choices: bytes) -> None:
    taken = itertools.cycle(choices)
    try:
        made = sample(event, lambda n: next(taken) % n)
    except ValidationError:  # a rule over several fields, which no choice of single ones can know
        made = sample(event)
    text = made.model_dump_json()
    decoded = model_decoder(event)(orjson.loads(text))
    parsed = event.model_validate_json(text)
    assert decoded == parsed == made
    assert decoded.model_dump_json() == text
    assert decoded.model_copy(update={}) == made
    assert {k: type(v) for k, v in decoded.__dict__.items()} == {k: type(v) for k, v in parsed.__dict__.items()}
    assert decoded.model_fields_set == parsed.model_fields_set


def test_absent_fields_get_their_defaults_and_unknown_ones_are_refused() -> None:
    decode = model_decoder(Contact)
    assert decode({"person": "p", "name": "Lin"}) == Contact(person="p", name="Lin")
    with pytest.raises(ValidationError):
        decode({"person": "p", "name": "Lin", "age": 7})


def test_the_envelope_says_what_was_stored_with_the_event() -> None:
    event = DayOpened(day=date(2026, 1, 2), previous=None)
    envelope = Serde().decode(raw(event))
    assert envelope.event == event
    assert (envelope.actor, envelope.correlation, envelope.causation) == ("lin", META.correlation, META.causation)
    assert (envelope.traceparent, envelope.origin) == ("00-ab-cd-01", "initial_load")
    assert (envelope.position, envelope.part, envelope.version, envelope.schema_version) == (7, 3, 2, 1)
    assert envelope.topic == "company"
    assert read_meta(write_meta(Meta("x", UUID(int=1)))) == ("x", UUID(int=1), None, None, "live")


def test_an_unknown_type_or_a_newer_version_is_refused() -> None:
    event = DayOpened(day=date(2026, 1, 2), previous=None)
    with pytest.raises(UnknownType):
        Serde().decode(raw(event, type="company.Unheard"))
    with pytest.raises(UnknownVersion):
        Serde().decode(raw(event, schema_version=2))


def test_an_old_version_is_read_in_todays_shape() -> None:
    serde = Serde(upcasts={("company.DayOpened", 0): lambda old: {"day": old["on"], "previous": None}})
    old = raw(DayOpened(day=date(2026, 1, 2), previous=None), '{"on": "2026-01-02"}', schema_version=0)
    envelope = serde.decode(old)
    assert envelope.event == DayOpened(day=date(2026, 1, 2), previous=None)
    assert envelope.schema_version == 0


CONTACT = Contact(person="p-1", role="buyer", name="王小明", phone=None, email="wang@example.com")
SAID = ContactRecorded(customer="C1", contact=CONTACT)


@pytest.fixture
async def keys(service: Database) -> PersonalKeys:
    return PersonalKeys(service.pool, KEK)


async def sealed(keys: PersonalKeys, event: Event = SAID) -> RawEvent:
    serde = Serde(keys)
    await serde.prepare([event])
    return raw(event, serde.encode(event, ids.named("event")))


async def test_personal_fields_are_sealed_and_read_back(keys: PersonalKeys) -> None:
    stored = await sealed(keys)
    assert "王小明" not in stored.data
    assert "wang" not in stored.data
    contact = orjson.loads(stored.data)["contact"]
    assert set(contact["name"]["$e"]) == {"k", "n", "c"}
    assert (contact["person"], contact["role"], contact["phone"]) == ("p-1", "buyer", None)
    (envelope,) = await Serde(keys).decode_all([stored])
    assert envelope.event == SAID


async def test_an_erased_person_is_read_as_none_and_others_are_not_touched(
    keys: PersonalKeys, service: Database
) -> None:
    stored, other = (
        await sealed(keys),
        SAID.model_copy(update={"contact": CONTACT.model_copy(update={"person": "p-2"})}),
    )
    untouched = await sealed(keys, other)
    assert await keys.erase("p-1")
    assert not await keys.erase("p-1")
    for present in (keys, PersonalKeys(service.pool, KEK)):
        erased, kept = await Serde(present).decode_all([stored, untouched])
        assert erased.event.contact == Contact(person="p-1", role="buyer", name=None)
        assert kept.event == other


class Slow:
    """A pool; what was fetched arrives once `go` is set, and `fetched` says that it is on its way."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self.fetched, self.go = pool, asyncio.Event(), asyncio.Event()

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        rows = await self._pool.fetch(query, *arguments)
        if query.startswith("select"):
            self.fetched.set()
            await self.go.wait()
        return rows

    async def execute(self, query: str, *arguments: Any) -> str:
        return await self._pool.execute(query, *arguments)


async def test_a_key_that_was_on_its_way_while_its_person_was_erased_is_not_used(
    keys: PersonalKeys, service: Database
) -> None:
    stored = await sealed(keys)
    pool = Slow(service.pool)
    reading = PersonalKeys(pool, KEK)  # type: ignore[arg-type]
    decoded = asyncio.create_task(Serde(reading).decode_all([stored]))
    await pool.fetched.wait()
    await reading.erase("p-1")
    pool.go.set()
    assert (await decoded)[0].event.contact.name is None


async def test_a_person_recorded_while_being_erased_is_sealed_with_a_key_that_is_there(
    keys: PersonalKeys, service: Database
) -> None:
    pool = Slow(service.pool)
    writing = PersonalKeys(pool, KEK)  # type: ignore[arg-type]
    made = asyncio.create_task(sealed(writing))
    await pool.fetched.wait()
    await writing.erase("p-1")
    pool.go.set()
    assert (await Serde(keys).decode_all([await made]))[0].event == SAID


async def test_a_person_known_again_after_an_erasure_has_another_key(keys: PersonalKeys) -> None:
    before = await sealed(keys)
    await keys.erase("p-1")
    after = await sealed(keys)
    old, new = await Serde(keys).decode_all([before, after])
    assert (old.event.contact.name, new.event.contact.name) == (None, "王小明")


async def test_another_process_forgets_an_erased_key_in_bounded_time(keys: PersonalKeys, service: Database) -> None:
    stored = await sealed(keys)
    elsewhere = Serde(PersonalKeys(service.pool, KEK, ttl=0))
    assert (await elsewhere.decode_all([stored]))[0].event == SAID
    await keys.erase("p-1")
    assert (await elsewhere.decode_all([stored]))[0].event.contact.name is None


async def test_what_is_said_of_a_person_erased_by_another_process_is_sealed_with_a_key_that_is_there(
    keys: PersonalKeys, service: Database
) -> None:
    """The api of a service holds a key that its worker destroys: sealed with that, nobody could ever read it again."""
    await keys.ensure(["P-1", "P-2"])
    before = {p: keys.of_person(p).id for p in ("P-1", "P-2")}
    worker, reader = PersonalKeys(service.pool, KEK), PersonalKeys(service.pool, KEK)
    await worker.erase("P-1")
    await keys.ensure(["P-1", "P-2"])
    assert keys.of_person("P-1").id != before["P-1"]
    assert keys.of_person("P-2").id == before["P-2"]
    await reader.load([keys.of_person("P-1").id])
    assert reader.get(keys.of_person("P-1").id) is not None


async def test_a_sealed_text_moved_to_another_event_or_field_is_found_out(keys: PersonalKeys) -> None:
    stored = await sealed(keys)
    with pytest.raises(ValueError, match="changed or moved"):
        Serde(keys).decode(raw(SAID, stored.data, id=ids.named("another")))
    body = orjson.loads(stored.data)
    body["contact"]["name"], body["contact"]["email"] = body["contact"]["email"], body["contact"]["name"]
    with pytest.raises(ValueError, match="changed or moved"):
        Serde(keys).decode(raw(SAID, orjson.dumps(body).decode()))


async def test_a_key_is_worthless_without_the_key_that_wraps_it(keys: PersonalKeys, service: Database) -> None:
    stored = await sealed(keys)
    wrapped = await service.pool.fetchval("select wrapped from personal_keys")
    assert len(wrapped) == 12 + 32 + 16
    with pytest.raises(Exception):  # noqa: B017, PT011 - InvalidTag has no message
        await Serde(PersonalKeys(service.pool, bytes(32))).decode_all([stored])


async def test_a_service_without_the_key_reads_none_and_writes_nothing_personal(keys: PersonalKeys) -> None:
    stored = await sealed(keys)
    assert Serde().decode(stored).event.contact.name is None
    with pytest.raises(ValueError, match="key-encryption key"):
        await Serde().prepare([SAID])


async def test_no_plaintext_reaches_the_database(store: PostgresStore, service: Database) -> None:
    await store.append(Append({}, [NewEvent("customer-C1", SAID, date(2026, 1, 1))], META))
    (envelope,) = await store.read_stream("customer-C1")
    assert envelope.event == SAID
    dump = str(await service.pool.fetch("select * from events")) + str(
        await service.pool.fetch("select * from verdicts")
    )
    assert "王小明" not in dump
    assert "wang@example.com" not in dump


async def test_a_thousand_sealed_events_need_one_look_at_the_keys(keys: PersonalKeys, service: Database) -> None:
    stored = [await sealed(keys)] * 1000
    pool = Counting(service.pool)
    assert len(await Serde(PersonalKeys(pool, KEK)).decode_all(stored)) == 1000  # type: ignore[arg-type]
    assert pool.fetches == 1


class Counting:
    """A pool that counts what is asked of it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool, self.fetches = pool, 0

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        self.fetches += 1
        return await self.pool.fetch(query, *arguments)


def test_types_that_hold_personal_data_are_known() -> None:
    assert holds_personal(ContactRecorded)
    assert holds_personal(dict[str, tuple[Contact, ...]])
    assert not holds_personal(DayOpened)
    assert not holds_personal(dict[str, int] | None)

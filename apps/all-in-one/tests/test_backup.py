"""A company of an older Kehu into a file and back, with its key kept apart, given, or lost; none of it running."""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from all_in_one import backup
from all_in_one.archive import Unfit, reading
from all_in_one.home import Home, KeyMissing, new_key
from engine import ids
from engine.copies import ends
from engine.database import Database, create_database, migrate, newest_schema
from engine.keys import PersonalKeys, misfits
from engine.ports import Append, Meta, NewEvent
from engine.serde import Serde
from engine.store import PostgresStore
from events.customer import Contact, ContactRecorded

SERVICES = ("customer",)
DAY = date(2026, 1, 1)
pytestmark = [pytest.mark.slow, pytest.mark.database]


@dataclass
class Old:
    """A company made by an older Kehu, with one contact, and its backup without the key."""

    home: Home
    file: Path
    key: str


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    folder = tmp_path_factory.mktemp("old")
    home = Home(folder / "acme")
    found = Old(home, folder / "acme.kehu", home.encryption_key())
    try:
        asyncio.run(made(found))
        yield found
    finally:
        home.remove()


async def made(old: Old) -> None:
    async with old.home.database_at_hand() as postgres:
        url = await create_database(postgres.url("postgres"), "kehu_customer")
        await migrate(url, "0003")
        await recorded(url, old.key)
    await backup.back_up(old.home, SERVICES, old.file, None, unseen, with_key=False)


async def recorded(url: str, key: str) -> None:
    database = await Database.open(url)
    store = PostgresStore(database, Serde(PersonalKeys(database.pool, base64.b64decode(key))), "main")
    try:
        event = ContactRecorded(customer="C-1", contact=Contact(person="wang-fang", name="王芳"))
        await store.append(Append({}, [NewEvent("customer-C-1", event, DAY)], Meta("test", ids.new())))
    finally:
        await store.close()
        await database.close()


def unseen(_: str, __: int) -> None:
    """Nobody watches."""


def keyed(
    old: Old, given: str | None, environment: str | None = None, *, without_persons: bool = False
) -> backup.Keyed:
    with reading(old.file) as reader:
        return backup.chosen_key(reader, given, environment, without_persons=without_persons)


async def test_a_backup_made_without_the_key_needs_it_and_no_other(old: Old) -> None:
    with pytest.raises(Unfit, match=r"without the encryption key: give it with --key FILE .* company acme"):
        keyed(old, None)
    with pytest.raises(Unfit, match="not the encryption key of that backup"):
        keyed(old, new_key())
    with pytest.raises(Unfit, match="no base64"):
        keyed(old, "the key")
    assert keyed(old, old.key).key == old.key
    assert keyed(old, None, environment=old.key).key is None  # it stays in the environment


async def test_a_backup_of_an_older_kehu_is_brought_up_to_date_beside_the_company_that_was_there(old: Old) -> None:
    home = Home(old.home.folder.with_name("taken"))
    (home.folder / "of-before").mkdir(parents=True)
    try:
        with reading(old.file) as reader:
            assert reader.manifest.services["customer"].schema_revision == "0003"
            reader.verify(lambda _: None)
            backup.check_version(reader.manifest, old.file)
            kept = await backup.restore(reader, home, keyed(old, old.key), unseen)
        assert kept is not None
        assert (kept.folder.name, (kept.folder / "of-before").exists()) == ("taken-before-1", True)
        assert home.encryption_key() == old.key
        async with home.database_at_hand() as postgres:
            url = postgres.url("kehu_customer")
            assert await looked_up(url, "select version_num from alembic_version") == newest_schema()
            assert await looked_up(url, "select incarnation from store") != await life(old)
            assert await misfits(url, base64.b64decode(old.key)) == 0
            assert await read_back(url, old.key) == "王芳"
    finally:
        home.remove()


async def test_where_the_key_is_lost_all_but_the_persons_comes_back_under_a_new_key(old: Old) -> None:
    home = Home(old.home.folder.with_name("forgetful"))
    try:
        with reading(old.file) as reader:
            await backup.restore(reader, home, keyed(old, None, without_persons=True), unseen)
        key = home.encryption_key()
        assert key != old.key
        async with home.database_at_hand() as postgres:
            url = postgres.url("kehu_customer")
            assert await ends(url) == (1, 0)
            assert await read_back(url, key) is None
    finally:
        home.remove()


async def test_a_restore_that_fails_leaves_everything_as_it_was(old: Old) -> None:
    home = Home(old.home.folder.with_name("there"))
    (home.folder / "of-before").mkdir(parents=True)
    with reading(old.file) as reader:
        reader.manifest.services["customer"].position = 7
        with pytest.raises(Unfit, match="customer was not restored whole, nothing was changed"):
            await backup.restore(reader, home, keyed(old, old.key), unseen)
    assert (home.folder / "of-before").exists()
    assert [p.name for p in home.folder.parent.glob("there*")] == ["there"]


def test_a_company_without_its_key_is_not_given_another(tmp_path: Path) -> None:
    home = Home(tmp_path / "acme")
    (home.folder / "postgresql" / "cluster").mkdir(parents=True)
    with pytest.raises(KeyMissing, match=r"encryption\.key is missing.*bring it back.*--without-persons"):
        home.encryption_key()


def test_a_backup_is_for_its_owners_eyes_and_remembered(old: Old) -> None:
    assert old.file.stat().st_mode & 0o777 == 0o600
    assert json.loads((old.home.folder / "last-backup.json").read_text())["file"] == str(old.file)
    assert [p.name for p in old.file.parent.glob("*.part")] == []


async def looked_up(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def life(old: Old) -> object:
    with reading(old.file) as reader:
        return reader.manifest.services["customer"].incarnation


async def read_back(url: str, key: str) -> str | None:
    """The contact's name, as far as `key` opens it."""
    database = await Database.open(url)
    try:
        store = PostgresStore(database, Serde(PersonalKeys(database.pool, base64.b64decode(key))), "main")
        [envelope] = await store.read_stream("customer-C-1")
        return str(envelope.event.contact.name) if envelope.event.contact.name is not None else None
    finally:
        await database.close()

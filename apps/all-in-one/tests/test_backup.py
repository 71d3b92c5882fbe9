"""A company of an older Kehu into a file and back, with its key kept apart, given, or lost; none of it running."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import asyncpg
import pytest
from typer.testing import CliRunner

from all_in_one import backup
from all_in_one.archive import Unfit, reading
from all_in_one.cli import app
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


def refused(*words: str) -> str:
    """The sentence a command ends with that refuses."""
    done = CliRunner().invoke(app, list(words))
    assert (done.exit_code, done.stdout) == (1, ""), done.output
    return " ".join(done.stderr.split())


def changed(old: Old, to: Path, manifest: Mapping[str, Any]) -> str:
    """The backup with other values in its manifest."""
    with ZipFile(old.file) as whole, ZipFile(to, "w") as new:
        for name in whole.namelist()[:-1]:
            new.writestr(name, whole.read(name))
        new.writestr("manifest.json", json.dumps(json.loads(whole.read("manifest.json")) | manifest))
    return str(to)


def test_a_backup_of_a_newer_kehu_is_refused_with_what_to_do(old: Old, tmp_path: Path) -> None:
    with ZipFile(old.file) as whole:
        services = json.loads(whole.read("manifest.json"))["services"]
    newer = services | {"customer": services["customer"] | {"schema_revision": "9001"}}
    file = changed(old, tmp_path / "schema", {"kehu": "7.0.0", "services": newer})
    said = refused("restore", file, "--data", "x")
    assert "was made by Kehu 7.0.0 with the schema 9001 of customer" in said
    assert "restore it with that version, or a later one" in said
    events = services["customer"]["types"] | {"credit.LimitSet.v9": 3}
    strange = services | {"customer": services["customer"] | {"types": events}}
    file = changed(old, tmp_path / "events", {"kehu": "7.0.0", "services": strange})
    assert "holds events this one (0.1.0) does not know (credit.LimitSet.v9)" in refused("restore", file, "--data", "x")
    file = changed(old, tmp_path / "format", {"kehu": "7.0.0", "format": 2})
    assert "has the format of Kehu 7.0.0" in refused("restore", file, "--data", "x")


def test_a_file_that_was_cut_off_damaged_or_is_something_else_is_refused(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole, file = old.file.read_bytes(), tmp_path / "broken"
    for part in (whole[: len(whole) // 2], whole[:-1], b"", b"Customer;Name"):
        file.write_bytes(part)
        assert "is no backup, or its end is missing" in refused("restore", str(file), "--data", "x")
    middle = whole.index(b"PGDMP") + 2000
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert "is damaged: customer.dump is not what was written" in refused("restore", str(file), "--data", "x", "--yes")
    with ZipFile(file, "w") as other:
        other.writestr("readme.txt", "hello")
    assert "no backup made by `kehu backup`" in refused("restore", str(file), "--data", "x")
    assert "No such file" in refused("restore", str(tmp_path / "nothing"), "--data", "x")
    assert not Path(".kehu").exists()


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

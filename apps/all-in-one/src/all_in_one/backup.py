"""Backup and restore of a company that runs embedded: all services as of one moment, and its encryption key."""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from all_in_one.archive import KEY, Manifest, OfService, Reader, Unfit, Writer, fingerprint, writing
from all_in_one.home import SERVER_DATABASE, Home, databases, new_key
from chassis.version import VERSION
from engine import clock, copies, ids
from engine.copies import Copied
from engine.database import create_database, knows_schema, migrate, newest_schema
from engine.embedded import Postgres
from engine.embedded_home import Account, reachable_binaries
from engine.keys import misfits
from engine.roles import make_roles
from engine.store import renew
from events.registry import BY_TYPE

Seen = Callable[[str, int], None]
"""Told what is being worked on, and how many bytes of it are done."""


def dump_of(service: str) -> str:
    """The member a service's database is in."""
    return f"{service}.dump"


async def back_up(
    home: Home, services: tuple[str, ...], place: Path, key: SecretStr | None, seen: Seen, *, with_key: bool
) -> Manifest:
    """Write a backup of `home` to `place`; the company may be at work meanwhile. `key`: one from the environment.

    That key, or `with_key` false: the backup is without it. Raises CannotStart, CopyFailed, OSError.
    """
    programs = reachable_binaries(Account())
    with writing(place) as writer:
        own = home.key_place.read_text().strip() if key is None and home.key_place.exists() else None
        async with home.database_at_hand() as postgres:
            urls = await databases(postgres, services)
            async with copies.one_moment(urls) as moment:
                for name, copied in moment.items():
                    await dump(writer, name, urls[name], copied, programs, seen)
        inside = with_key and own is not None
        if inside and own is not None:
            with writer.member(KEY) as add:
                add(own.encode())
        used = own if own is not None else key.get_secret_value() if key else None
        manifest = Manifest(
            kehu=VERSION,
            made_at=clock.now(),
            company=home.folder.name,
            postgresql=next(iter(moment.values())).postgresql,
            key="inside" if inside else "apart",
            fingerprint=fingerprint(decoded(used)) if used else None,
            services={name: of_service(copied) for name, copied in moment.items()},
            members=writer.members,
        )
        writer.finish(manifest)
    home.note_backup(place, manifest.made_at)
    return manifest


async def dump(writer: Writer, name: str, url: str, copied: Copied, programs: Path, seen: Seen) -> None:
    """One service's database into the archive."""
    with writer.member(dump_of(name)) as add:
        async for piece in copies.dumped(url, copied, programs):
            add(piece)
            seen(name, len(piece))


def of_service(copied: Copied) -> OfService:
    """What the manifest says of a service."""
    return OfService(
        schema_revision=copied.schema, incarnation=copied.incarnation, position=copied.position,
        persons=copied.persons, types=dict(copied.types),
    )  # fmt: skip


def decoded(key: str) -> bytes:
    """The key behind its base64. Raises Unfit."""
    try:
        return base64.b64decode(key.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("the encryption key is no base64: it is the one line of a company's encryption.key") from None


def check_version(manifest: Manifest, place: Path) -> None:
    """Raises Unfit where a newer Kehu, or a newer PostgreSQL, made the backup; an older one is brought up to date."""
    made = f"{place} was made by Kehu {manifest.kehu}"
    newer = "restore it with that version, or a later one"
    for name, service in manifest.services.items():
        if not knows_schema(service.schema_revision):
            raise Unfit(
                f"{made} with the schema {service.schema_revision} of {name}, this one ({VERSION}) knows up to "
                f"{newest_schema()}: {newer}"
            )
        unknown = sorted(filter(unreadable, service.types))
        if unknown:
            raise Unfit(f"{made} and holds events this one ({VERSION}) does not know ({', '.join(unknown)}): {newer}")


def unreadable(kind: str) -> bool:
    """Whether this software cannot read events of that type and version: ``credit.InvoiceIssued.v1``."""
    name, _, version = kind.rpartition(".v")
    known = BY_TYPE.get(name)
    return known is None or known.version < int(version)


@dataclass(frozen=True, slots=True)
class Keyed:
    """The key a restored company gets (None: it is in the environment); `forget`: what was said of persons goes."""

    key: str | None
    forget: bool = False


def chosen_key(reader: Reader, given: str | None, environment: str | None, *, without_persons: bool) -> Keyed:
    """The key for what is in `reader`. Raises Unfit where there is none, or another than it was sealed with."""
    manifest = reader.manifest
    fresh = None if environment else new_key()
    if without_persons:
        return Keyed(fresh, forget=True)
    inside = b"".join(reader.pieces(KEY)).decode() if manifest.key == "inside" else None
    key = given or inside or environment
    if key is None and manifest.persons:
        raise Unfit(
            f"{reader.place} was made without the encryption key: give it with --key FILE (encryption.key of the "
            f"company {manifest.company}); where it is lost for ever, --without-persons restores all but what was said "
            "of persons"
        )
    if key is not None and manifest.fingerprint not in (None, fingerprint(decoded(key))):
        raise Unfit("this is not the encryption key of that backup: its fingerprint is another")
    return Keyed(given or inside or fresh)


async def restore(reader: Reader, home: Home, keyed: Keyed, seen: Seen) -> Home | None:
    """Make `home` the company of the backup; where one is there already it is kept beside it, and that is returned.

    Nothing of `home` changes before the restored company is whole. Raises Unfit, CannotStart, CopyFailed, OSError.
    """
    fresh = Home(home.folder.with_name(f"{home.folder.name}-restoring-{ids.new().hex[-8:]}"))
    try:
        postgres = await fresh.start_database()
        try:
            await fill(reader, postgres, keyed, seen)
        finally:
            await postgres.stop()
        if keyed.key is not None:
            fresh.keep_key(keyed.key)
        replaced = home.aside() if home.folder.exists() else None
        if replaced is not None:
            home.move(replaced)
        fresh.move(home)
    except BaseException:
        fresh.remove()
        raise
    return replaced


async def fill(reader: Reader, postgres: Postgres, keyed: Keyed, seen: Seen) -> None:
    """Every service's database from the backup: as it was, then brought up to date, and in a new life."""
    programs, admin = reachable_binaries(Account()), postgres.url(SERVER_DATABASE)
    await make_roles(admin)
    for name, service in reader.manifest.services.items():
        url = await create_database(admin, f"kehu_{name}")
        await copies.restored(url, told(name, reader.pieces(dump_of(name)), seen), programs)
        if await copies.ends(url) != (service.position, service.persons):
            raise Unfit(f"{reader.place}: {name} was not restored whole, nothing was changed; take another backup")
        await migrate(url)
        if keyed.forget:
            await copies.forget_persons(url)
        elif keyed.key is not None and await misfits(url, decoded(keyed.key)):
            raise Unfit(f"the encryption key does not open the keys of persons in {name}: it is another company's")
        await renew(url)


def told(name: str, pieces: Iterable[bytes], seen: Seen) -> Iterator[bytes]:
    """`pieces`, with `seen` told of each."""
    for piece in pieces:
        yield piece
        seen(name, len(piece))

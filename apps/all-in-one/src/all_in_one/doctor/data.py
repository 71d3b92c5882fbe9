"""A company's folder and its databases: can they be reached, read, written, and opened with this key?"""

import base64
import binascii
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from all_in_one.doctor.finding import Finding, ok
from all_in_one.home import NOTE, POSTGRESQL, SERVER_DATABASE, Home
from engine import clock
from engine.copies import databases_of
from engine.database import knows_schema, newest_schema
from engine.embedded import Postgres
from engine.embedded_home import located
from engine.inventory import Identity, identity
from engine.keys import misfits

ENOUGH = 2_000_000_000
"""Bytes free, below which it is worth knowing; a tenth of it, and the database may stop any time."""
OLD = timedelta(days=7)
AHEAD = timedelta(seconds=5)


def folder(home: Home) -> Finding:
    """Whether the folder is there and ours to write in."""
    if not home.has_data:
        command = f"make run DATA={home.folder.name}"
        return Finding("folder", "note", f"there is no company in {home.folder} yet", command)
    place = located(home.folder / POSTGRESQL)
    if not os.access(home.folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("folder", "wrong", f"{home.folder} cannot be written", f"sudo chown -R $USER {home.folder}")
    return ok("folder", str(home.folder) if place.parent == home.folder else f"{home.folder}, its data in {place}")


def disk(home: Home, enough: int = ENOUGH) -> Finding:
    """How much room is left where the data lies."""
    place = located(home.folder / POSTGRESQL)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    what = f"{free / 1e9:.1f} GB free where {place} lies"
    if free >= enough:
        return ok("disk", what)
    help_ = "make room: when it is full nothing is stored"
    return Finding("disk", "wrong" if free < enough / 10 else "note", what, help_)


def key_file(home: Home, environment: str | None) -> Finding:
    """Whether there is a key, well formed and nobody else's to read."""
    if environment is not None:
        return ok("key", "KEHU_KEYS__ENCRYPTION") if well_formed(environment) else unformed("KEHU_KEYS__ENCRYPTION")
    place = home.key_place
    if not place.exists():
        if not home.has_data:
            return Finding("key", "note", "is made at the first start")
        help_ = "bring it back, from a backup (a zip archive); lost for ever: kehu restore --without-persons"
        return Finding("key", "wrong", f"{place} is missing: nothing said of persons can be read", help_)
    if place.stat().st_mode & 0o077:
        return Finding("key", "wrong", f"{place} can be read by others on this machine", f"chmod 600 {place}")
    return ok("key", str(place)) if well_formed(place.read_text()) else unformed(str(place))


def well_formed(key: str) -> bool:
    """Whether `key` is 32 bytes as base64."""
    try:
        return len(base64.b64decode(key.strip(), validate=True)) in (16, 24, 32)
    except (binascii.Error, ValueError):
        return False


def unformed(place: str) -> Finding:
    """A key that is none."""
    what = f"{place} holds no key: 32 bytes as base64"
    return Finding("key", "wrong", what, "bring the right one back, from a backup")


def last_backup(home: Home) -> Finding:
    """When the company was backed up last, and whether the file is still there."""
    command = f"kehu backup --data {home.folder.name} FILE"
    note = home.folder / NOTE
    if not note.exists():
        return Finding("backup", "note", "there has been none", command)
    told = json.loads(note.read_text())
    age = clock.now() - datetime.fromisoformat(told["made_at"])
    what = f"{told['file']}, {age.days} days old"
    if not Path(told["file"]).exists():
        return Finding("backup", "note", f"{what}, is no longer there (moved?)", command)
    return Finding("backup", "note", what, command) if age > OLD else ok("backup", what)


@dataclass(frozen=True, slots=True)
class Examined:
    """A service's database. `misfits`: keys of persons that the company's key does not open."""

    service: str
    held: Identity
    misfits: int


async def databases(postgres: Postgres, services: Sequence[str], key: str | None) -> AsyncIterator[Examined]:
    """Every database there is of these services."""
    there = await databases_of(postgres.url(SERVER_DATABASE))
    for service in services:
        if f"kehu_{service}" in there:
            url = postgres.url(f"kehu_{service}")
            held = await identity(url)
            if held is not None:
                wrong = await misfits(url, base64.b64decode(key)) if key and well_formed(key) else 0
                yield Examined(service, held, wrong)


async def opened(home: Home, services: Sequence[str], key: str | None) -> tuple[list[Finding], list[Examined]]:
    """What the company's PostgreSQL says; one that does not run is started, and stopped again."""
    if not home.has_data:
        return [], []
    running = home.running_database() is not None
    try:
        async with home.database_at_hand() as postgres:
            found = [examined async for examined in databases(postgres, services, key)]
    except Exception as wrong:  # whatever it is, it is a finding
        help_ = "mend what it says; where the data is damaged: kehu restore"
        return [Finding("postgresql", "wrong", str(wrong) or type(wrong).__name__, help_)], []
    how = "runs" if running else "starts (it did not run, and was stopped again)"
    return [ok("postgresql", how), *(f for e in found for f in judged(e))], found


def judged(found: Examined) -> Iterator[Finding]:
    """What is to be said of a database."""
    service, held = found.service, found.held
    if not knows_schema(held.schema):
        what = f"{service} has the schema {held.schema}, this Kehu knows up to {newest_schema()}"
        yield Finding("schema", "wrong", what, "a newer Kehu has worked on it: run that one, or a later one")
    elif held.schema != newest_schema():
        yield Finding("schema", "note", f"{service} has the schema {held.schema}", "is brought up to date at the start")
    if found.misfits:
        what = f"{found.misfits} keys of persons in {service} were wrapped with another key"
        yield Finding("key", "wrong", what, "bring back the key the company was made with, from a backup")
    if held.recorded is not None and held.recorded > held.now + AHEAD:
        ahead = held.recorded.astimezone(UTC)
        what = f"the last event of {service} was recorded at {ahead:%Y-%m-%d %H:%M:%S} UTC, in the future of this clock"
        yield Finding("clock", "wrong", what, "set the clock of this machine; recorded times wait for it until then")

"""The file a backup is: a zip archive of one dump a service, the encryption key unless it is kept apart, a manifest.

The manifest is written last and names every other member with its size and digest: a file that was cut off has none, a
file that was damaged contradicts it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import UUID
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from pydantic import BaseModel, ValidationError

FORMAT = 1
MANIFEST = "manifest.json"
KEY = "encryption.key"
PIECE = 1_000_000
_BROKEN = (BadZipFile, EOFError, NotImplementedError, OSError)
"""What zipfile raises at bytes that are not what they were."""


class Unfit(Exception):
    """This file cannot be restored here: the message is one sentence that says why, and what to do."""


class Member(BaseModel):
    """A member of the archive."""

    bytes: int
    sha256: str


class OfService(BaseModel):
    """What the dump of one service holds: its log up to `position`, counted by type."""

    schema_revision: str
    incarnation: UUID
    position: int
    persons: int
    types: dict[str, int]


class Manifest(BaseModel):
    """What a backup is of. `key`: `inside` it or `apart`; `fingerprint` tells which one fits (None: there is none)."""

    format: int = FORMAT
    kehu: str
    made_at: datetime
    company: str
    postgresql: str
    key: Literal["inside", "apart"]
    fingerprint: str | None
    services: dict[str, OfService]
    members: dict[str, Member]

    @property
    def bytes(self) -> int:
        """Of all members."""
        return sum(member.bytes for member in self.members.values())

    @property
    def persons(self) -> int:
        """Keys of persons, over all services."""
        return sum(service.persons for service in self.services.values())


def fingerprint(key: bytes) -> str:
    """Tells one key from another, and nothing about it."""
    return sha256(b"kehu key-encryption key\0" + key).hexdigest()[:16]


class Writer:
    """An archive being written."""

    def __init__(self, archive: ZipFile) -> None:
        self.members: dict[str, Member] = {}
        self._archive = archive

    @contextmanager
    def member(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Takes the content of a member piece by piece."""
        digest, size = sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as target:

            def add(piece: bytes) -> None:
                nonlocal size
                size += len(piece)
                digest.update(piece)
                target.write(piece)

            yield add
        self.members[name] = Member(bytes=size, sha256=digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest; nothing follows it."""
        self._archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))


@contextmanager
def writing(place: Path) -> Iterator[Writer]:
    """A new archive at `place`, readable by its owner only; it is there only once it is whole."""
    part = place.with_name(place.name + ".part")
    try:
        with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123 - the mode
            with ZipFile(file, "w", ZIP_STORED) as archive:
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        part.rename(place)
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Reader:
    """An archive that has a manifest."""

    place: Path
    manifest: Manifest
    archive: ZipFile

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a member. Raises Unfit where it is damaged."""
        try:
            with self.archive.open(name) as source:
                while piece := source.read(PIECE):
                    yield piece
        except (KeyError, *_BROKEN) as wrong:
            raise damaged(self.place, name) from wrong

    def verify(self, seen: Callable[[int], None]) -> None:
        """Compare every member with the manifest; `seen` is told the bytes read. Raises Unfit."""
        for name, member in self.manifest.members.items():
            digest, size = sha256(), 0
            for piece in self.pieces(name):
                digest.update(piece)
                size += len(piece)
                seen(len(piece))
            if (size, digest.hexdigest()) != (member.bytes, member.sha256):
                raise damaged(self.place, name)


@contextmanager
def reading(place: Path) -> Iterator[Reader]:
    """The archive at `place`. Raises Unfit where it is none, was cut off, or is of a later format."""
    with _opened(place) as archive:
        yield Reader(place, _manifest(place, archive), archive)


def _opened(place: Path) -> ZipFile:
    try:
        return ZipFile(place)
    except OSError as wrong:
        raise Unfit(f"{place} cannot be read: {wrong.strerror}") from None
    except _BROKEN:
        raise Unfit(
            f"{place} is no backup, or its end is missing: copy it again from where it was made, or take another one"
        ) from None


def _manifest(place: Path, archive: ZipFile) -> Manifest:
    try:
        text = archive.read(MANIFEST)
    except KeyError:
        raise Unfit(f"{place} is a zip archive, but no backup made by `kehu backup`: it has no manifest") from None
    except _BROKEN:
        raise damaged(place, MANIFEST) from None
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError:
        raise Unfit(f"{place} has a manifest this Kehu cannot read: restore it with the Kehu that made it") from None
    if found.format > FORMAT:
        raise Unfit(f"{place} has the format of Kehu {found.kehu}: restore it with that version, or a later one")
    return found


def damaged(place: Path, name: str) -> Unfit:
    """What is said of a file whose content is not what was written."""
    return Unfit(f"{place} is damaged: {name} is not what was written; copy it again, or take another backup")

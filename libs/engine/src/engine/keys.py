"""A data key for each person: wrapped by the key-encryption key, used by serde, destroyed when the person is erased."""

import os
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine import ids

NONCE = 12
HELD = 5.0
"""Seconds a key is held: so long another process of the service may read what is said of a person just erased."""
SEALED = "$e"
"""The one field of the JSON object that stands for a sealed text: ``{"$e": {"k": key id, "n": nonce, "c": text}}``."""

_LOAD = "select id, person, wrapped from personal_keys where id = any($1::uuid[])"
_FIND = "select id, person, wrapped from personal_keys where person = any($1::text[])"
_STAND = "select id from personal_keys where id = any($1::uuid[])"
_NEWEST = "select id, person, wrapped from personal_keys order by created_at desc limit $1"
_ADD = """insert into personal_keys (person, id, wrapped) select * from unnest($1::text[], $2::uuid[], $3::bytea[])
          on conflict (person) do nothing"""
_ERASE = """delete from personal_keys where person = $1 and ($2::timestamptz is null or created_at <= $2)
            returning id"""


class KeyNotLoaded(LookupError):
    """A sealed text was to be read before its key was asked for (`Serde.prefetch`): a bug of the caller."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """One person's key. `id` names it in what it sealed."""

    id: str
    person: str
    cipher: AESGCM

    def seal(self, plain: str, place: str) -> dict[str, Any]:
        """`plain`, readable only with this key and only at `place` (event id and path)."""
        nonce = os.urandom(NONCE)
        text = self.cipher.encrypt(nonce, plain.encode(), _bound(place, self.id))
        return {SEALED: {"k": self.id, "n": b64encode(nonce).decode(), "c": b64encode(text).decode()}}

    def open(self, sealed: Mapping[str, str], place: str) -> str:
        """What was sealed at `place`. Raises InvalidTag where the text was moved or changed."""
        return self.cipher.decrypt(b64decode(sealed["n"]), b64decode(sealed["c"]), _bound(place, self.id)).decode()


class PersonalKeys:
    """The keys of one service's database, held in memory for at most `ttl` seconds and `size` keys.

    After an erasure this process forgets the key at once, others within `ttl`.
    """

    def __init__(self, pool: asyncpg.Pool, kek: bytes, *, ttl: float = HELD, size: int = 20_000) -> None:
        if len(kek) not in (16, 24, 32):
            raise ValueError("a key-encryption key has 16, 24 or 32 bytes")
        self._pool, self._kek, self._ttl, self._size = pool, AESGCM(kek), ttl, size
        self._by_id: OrderedDict[str, tuple[float, DataKey | None]] = OrderedDict()
        self._by_person: dict[str, DataKey] = {}

    async def ensure(self, persons: Collection[str]) -> None:
        """Make sure that each of `persons` has a key to seal with; `of_person` finds it then.

        A key that another process has destroyed is not used again: nobody could ever read what it sealed.
        """
        await self._confirm(persons)
        missing = sorted(p for p in persons if not self._fresh(p))
        if missing:
            await self._make(missing)
        if erased_meanwhile := sorted(p for p in missing if p not in self._by_person):
            await self._make(erased_meanwhile)

    async def _confirm(self, persons: Collection[str]) -> None:
        """Forget those of the keys held of `persons` that are not there any more."""
        held = {self._by_person[p].id: p for p in persons if self._fresh(p)}
        if not held:
            return
        there = {row["id"].hex for row in await self._pool.fetch(_STAND, [UUID(k) for k in held])}
        for key_id in held.keys() - there:
            del self._by_person[held[key_id]]
            self._put(key_id, None)

    async def _make(self, missing: Sequence[str]) -> None:
        drawn = [(p, ids.new(), AESGCM.generate_key(256)) for p in missing]
        wrapped = [self._wrap(key, p, key_id) for p, key_id, key in drawn]
        await self._pool.execute(_ADD, missing, [key_id for _, key_id, _ in drawn], wrapped)
        self._keep(await self._pool.fetch(_FIND, missing))
        self._shrink(keep=len(missing))

    async def load(self, key_ids: Collection[str]) -> None:
        """Fetch those of the keys that are not held, so that `get` knows them; a destroyed key is known as None."""
        now = monotonic()
        wanted = [k for k in key_ids if k not in self._by_id or self._by_id[k][0] < now]
        if wanted:
            found = await self._pool.fetch(_LOAD, [UUID(k) for k in wanted])
            for key_id in set(wanted) - {row["id"].hex for row in found}:
                self._put(key_id, None)
            self._keep(found)
        self._shrink(keep=len(key_ids))

    def of_person(self, person: str) -> DataKey:
        """The key to seal with. Raises KeyNotLoaded before `ensure`."""
        try:
            return self._by_person[person]
        except KeyError:
            raise KeyNotLoaded("the person's key was not asked for") from None

    def get(self, key_id: str) -> DataKey | None:
        """The key of that id; None once destroyed. Raises KeyNotLoaded before `load`."""
        try:
            return self._by_id[key_id][1]
        except KeyError:
            raise KeyNotLoaded(key_id) from None

    async def erase(self, person: str, until: datetime | None = None) -> bool:
        """Destroy the person's key; nothing sealed with it can be read again. False where there was none.

        A key made after `until` stays: it belongs to what was recorded of the person since.
        """
        gone = await self._pool.fetch(_ERASE, person, until)
        self._by_person.pop(person, None)
        for row in gone:
            self._put(row["id"].hex, None)
        return bool(gone)

    def _fresh(self, person: str) -> bool:
        key = self._by_person.get(person)
        return key is not None and self._by_id.get(key.id, (0.0, None))[0] >= monotonic()

    def _wrap(self, key: bytes, person: str, key_id: UUID) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._kek.encrypt(nonce, key, _bound(person, key_id.hex))

    def _keep(self, rows: Collection[asyncpg.Record]) -> None:
        for row in rows:
            key_id, person, wrapped = row["id"].hex, row["person"], row["wrapped"]
            if key_id in self._by_id and self._by_id[key_id][1] is None:
                continue  # destroyed after the row was read
            plain = self._kek.decrypt(wrapped[:NONCE], wrapped[NONCE:], _bound(person, key_id))
            key = DataKey(key_id, person, AESGCM(plain))
            self._by_person[person] = key
            self._put(key_id, key)

    def _put(self, key_id: str, key: DataKey | None) -> None:
        self._by_id[key_id] = (monotonic() + self._ttl, key)
        self._by_id.move_to_end(key_id)

    def _shrink(self, keep: int) -> None:
        while len(self._by_id) > max(self._size, keep):
            _, (_, key) = self._by_id.popitem(last=False)
            if key is not None:
                self._by_person.pop(key.person, None)


async def misfits(url: str, kek: bytes, most: int = 1000) -> int:
    """How many of the persons' keys in the database at `url`, of the `most` newest, were not wrapped with `kek`."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(_NEWEST, most)
    finally:
        await connection.close()
    cipher, wrong = AESGCM(kek), 0
    for key_id, person, wrapped in rows:
        try:
            cipher.decrypt(wrapped[:NONCE], wrapped[NONCE:], _bound(person, key_id.hex))
        except InvalidTag:
            wrong += 1
    return wrong


def unsealed(value: Any, place: str, keys: PersonalKeys | None) -> Any:
    """`value` (JSON) with every sealed text in it opened: None where the key is destroyed or is not ours."""
    if isinstance(value, dict):
        if SEALED in value:
            return _opened(value[SEALED], place, keys)
        return {name: unsealed(part, f"{place}.{name}", keys) for name, part in value.items()}
    if isinstance(value, list):
        return [unsealed(part, f"{place}.{n}", keys) for n, part in enumerate(value)]
    return value


def _opened(sealed: Mapping[str, str], place: str, keys: PersonalKeys | None) -> str | None:
    key = keys.get(sealed["k"]) if keys else None
    if key is None:
        return None
    try:
        return key.open(sealed, place)
    except InvalidTag:
        raise ValueError(f"a personal field was changed or moved: {place}") from None


def key_ids(value: Any) -> set[str]:
    """The ids of the keys that what is sealed in `value` (JSON) was sealed with."""
    if isinstance(value, dict):
        if SEALED in value:
            return {value[SEALED]["k"]}
        return {k for part in value.values() for k in key_ids(part)}
    if isinstance(value, list):
        return {k for part in value for k in key_ids(part)}
    return set()


def _bound(*parts: str) -> bytes:
    return "\0".join(parts).encode()

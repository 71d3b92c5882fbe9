"""The only source of identifiers: drawn ones in time order, named ones that come out the same every time, parts."""

import os
import struct
import time
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha1
from uuid import UUID, SafeUUID

from engine.ports import PARTS

NAMESPACE = UUID("6f0b7e2a-3c55-5d0e-9a41-2b8f4c1d7e90")
"""Kehu's namespace of named ids; a change would make every command look new."""

_SPACE = NAMESPACE.bytes
_OF_CHANCE = ~(0xF << 76 | 3 << 62)
"""The bits of an id that name neither its version nor its variant."""
_SEED = 0x9747B28C
_M = 0x5BD1E995
_32 = 0xFFFFFFFF
_UNKNOWN = SafeUUID.unknown
_blank, _set_int, _set_safe = object.__new__, vars(UUID)["int"].__set__, vars(UUID)["is_safe"].__set__


class _Sequence:
    """Keeps ids of one process in the order they were drawn, also within a millisecond."""

    last = 0
    chances: Iterator[int] = iter(())
    """Drawn ahead, for asking the system costs more than an id; a forked process draws its own."""

    @classmethod
    def forget(cls) -> None:
        cls.chances = iter(())

    @classmethod
    def draw(cls) -> int:
        """64 bits of chance, the first of many."""
        cls.chances = iter(struct.unpack("512Q", os.urandom(4096)))
        return next(cls.chances)


os.register_at_fork(after_in_child=_Sequence.forget)


def new() -> UUID:
    """A version 7 UUID (RFC 9562): later ones of this process sort after earlier ones."""
    chance = next(_Sequence.chances, None)
    if chance is None:
        chance = _Sequence.draw()
    drawn = time.time_ns() // 1_000_000 << 12
    if drawn <= _Sequence.last:
        drawn = _Sequence.last + 1
    _Sequence.last = drawn
    return _uuid(drawn >> 12 << 80 | 7 << 76 | (drawn & 0xFFF) << 64 | 2 << 62 | chance >> 2)


def _uuid(number: int) -> UUID:
    """UUID(int=number): its constructor takes longer than all the rest here."""
    made = _blank(UUID)
    _set_int(made, number)
    _set_safe(made, _UNKNOWN)
    return made


def named(*parts: object) -> UUID:
    """The version 5 UUID of `parts` in order: equal parts, equal id. Parts are compared by their text."""
    told = "".join([f"{len(text)}:{text}" for text in map(str, parts)])
    number = int.from_bytes(sha1(_SPACE + told.encode(), usedforsecurity=False).digest()[:16], "big")
    return _uuid(number & _OF_CHANCE | 5 << 76 | 2 << 62)


@lru_cache(maxsize=65_536)
def part_of(key: str) -> int:
    """The part (0..11) of a customer, or of a stream that concerns none: where Kafka's default partitioner puts it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % PARTS


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of `data`, unsigned (org.apache.kafka.common.utils.Utils.murmur2)."""
    h = (_SEED ^ len(data)) & _32
    body = len(data) & ~3
    for i in range(0, body, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _32
        h = (h * _M & _32) ^ ((k ^ k >> 24) * _M & _32)
    if body < len(data):
        h = (h ^ int.from_bytes(data[body:], "little")) * _M & _32
    h = (h ^ h >> 13) * _M & _32
    return h ^ h >> 15

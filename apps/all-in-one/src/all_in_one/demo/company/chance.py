"""Chance that can be repeated: each draw depends on the seed and on what it is for, not on the draws before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
_RANGE = 2**53


@dataclass(frozen=True, slots=True)
class Chance:
    """Draws named by what they are for. More history does not change what was drawn for the history before it."""

    seed: str

    def of(self, *purpose: object) -> "Chance":
        """Chance of its own for a part of the company: ``chance.of("C-101")``."""
        return Chance("/".join((self.seed, *map(str, purpose))))

    def unit(self, *purpose: object) -> float:
        """At least 0, below 1."""
        digest = blake2b("/".join((self.seed, *map(str, purpose))).encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / _RANGE

    def odds(self, share: float, *purpose: object) -> bool:
        """True in `share` of all cases."""
        return self.unit(*purpose) < share

    def between(self, least: int, most: int, *purpose: object) -> int:
        """A whole number, both ends included."""
        return least + int(self.unit(*purpose) * (most - least + 1))

    def pick(self, options: Sequence[T], *purpose: object) -> T:
        """One of `options`, all equally likely."""
        return options[int(self.unit(*purpose) * len(options))]

"""How often one may ask: requests of a principal, and tokens of an address that were nobody's."""

from dataclasses import dataclass, field
from math import ceil
from time import time  # noqa: TID251 - windows end by the clock of the machine, as the library reckons

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from chassis.problems import Problem, TooManyRequests

_ASKED, _FAILED = "asked", "failed"


SWEEP = 60.0
"""Seconds between two looks for windows that are over."""


class Counters(Storage):
    """Counts by key until its window ends. The library's own in memory starts a hundred threads a second to forget."""

    STORAGE_SCHEME = None
    base_exceptions = ValueError

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, tuple[int, float]] = {}
        self._swept = time()

    def __len__(self) -> int:
        return len(self._held)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time()
        if now > self._swept + SWEEP:
            self._held, self._swept = {k: held for k, held in self._held.items() if held[1] > now}, now
        count, ends = self._held.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
        self._held[key] = count + amount, ends
        return count + amount

    def get(self, key: str) -> int:
        count, ends = self._held.get(key, (0, 0.0))
        return count if ends > time() else 0

    def get_expiry(self, key: str) -> float:
        return self._held.get(key, (0, time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        held, self._held = self._held, {}
        return len(held)

    def clear(self, key: str) -> None:
        self._held.pop(key, None)


@dataclass(frozen=True, slots=True)
class Pace:
    """Counted in this process; `rate` and `failures` as ``2000/second``, ``60/minute``."""

    rate: str
    failures: str
    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(Counters()))
    _rates: dict[str, RateLimitItem] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rates", {_ASKED: parse(self.rate), _FAILED: parse(self.failures)})

    def asked(self, principal: str) -> None:
        """One more request. Raises the problem 429 beyond the rate, with the seconds to wait."""
        if not self._limiter.hit(self._rates[_ASKED], _ASKED, principal):
            raise self._later(_ASKED, principal)

    def trying(self, address: str) -> None:
        """Somebody shows a token. Raises the problem 429 where too many of this address were nobody's lately."""
        if not self._limiter.test(self._rates[_FAILED], _FAILED, address):
            raise self._later(_FAILED, address)

    def failed(self, address: str) -> None:
        """A token was nobody's."""
        self._limiter.hit(self._rates[_FAILED], _FAILED, address)

    def _later(self, what: str, whose: str) -> Problem:
        ends = self._limiter.get_window_stats(self._rates[what], what, whose).reset_time
        return Problem(TooManyRequests(), headers={"Retry-After": str(max(1, ceil(ends - time())))})

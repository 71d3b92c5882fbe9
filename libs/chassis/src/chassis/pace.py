"""How often one may ask: requests of a principal, and tokens of an address that were nobody's."""

from dataclasses import dataclass, field
from math import ceil
from time import time  # noqa: TID251 - windows end by the clock of the machine, as the library reckons

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from chassis.problems import Problem, TooManyRequests

_ASKED, _FAILED = "asked", "failed"


@dataclass(frozen=True, slots=True)
class Pace:
    """Counted in this process; `rate` and `failures` as ``2000/second``, ``60/minute``."""

    rate: str
    failures: str
    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))
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

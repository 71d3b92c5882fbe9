"""The public keys of an identity provider: fetched, kept for a while, fetched again when an unknown one is named."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from jwt import PyJWK, PyJWTError

from chassis.problems import Fault, Problem
from chassis.telemetry import LOG

Fetch = Callable[[], Awaitable[bytes]]
PATIENCE = 5.0
"""Seconds the provider gets to answer."""
LARGEST = 1_000_000
"""Bytes of a key set."""
AGAIN = 2.0
"""Seconds between tries while there is no key at all."""


class KeysUnavailable(Fault):
    """The keys that tokens are checked with cannot be had from the identity provider at the moment; try again soon."""

    zh = "暂时无法从身份提供方获取用于校验令牌的密钥，请稍后重试。"
    status = 503


@dataclass(slots=True)
class KeySet:
    """The keys of one provider, in seconds: fetched anew after `refresh`, kept for `keep` while that fails.

    An unknown key id makes it look again at once, but never twice within `cooldown`: whoever invents ids costs nothing.
    """

    fetch: Fetch
    algorithms: Collection[str]
    refresh: float
    cooldown: float
    keep: float
    clock: Callable[[], float] = monotonic
    _keys: Sequence[PyJWK] = ()
    _fetched: float | None = None
    _tried: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _behind: "asyncio.Task[None] | None" = None

    async def key(self, name: str | None) -> PyJWK | None:
        """The key of this id; without one the only key there is; None: nobody knows it. Raises the problem 503."""
        if self._age() > self.keep:
            await self._look(AGAIN)
            if self._age() > self.keep:
                raise Problem(KeysUnavailable(), headers={"Retry-After": str(int(AGAIN))})
        elif self._age() > self.refresh:
            self._look_behind()
        found = self._named(name)
        if found is None:
            await self._look(self.cooldown)
            found = self._named(name)
        return found

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self.clock() - self._fetched

    def _named(self, name: str | None) -> PyJWK | None:
        fitting = [k for k in self._keys if name is None or k.key_id == name]
        return fitting[0] if fitting and (name is not None or len(fitting) == 1) else None

    def _look_behind(self) -> None:
        if self._behind is None or self._behind.done():
            self._behind = asyncio.create_task(self._look(self.cooldown), name="jwks")

    async def _look(self, pause: float) -> None:
        """Fetch, unless that was tried within `pause`; whoever comes meanwhile waits for the same answer."""
        async with self._lock:
            if self._tried is not None and self.clock() - self._tried < pause:
                return
            self._tried = self.clock()
            try:
                keys = usable(await self.fetch(), self.algorithms)
            except (OSError, httpx.HTTPError, ValueError) as error:
                LOG.warning("signing keys not fetched", error=type(error).__name__, kept=len(self._keys))
                return
            self._keys, self._fetched = keys, self.clock()


def usable(text: bytes, algorithms: Collection[str]) -> Sequence[PyJWK]:
    """The keys of a JSON Web Key Set that may check a signature of `algorithms`. Raises ValueError where none may.

    A symmetric key in it, a mistake or the bait of a forger, is none of them.
    """
    said = json.loads(text)
    listed = said.get("keys") if isinstance(said, dict) else None
    found = [key for data in (listed if isinstance(listed, list) else ()) if (key := _usable(data, algorithms))]
    if not found:
        raise ValueError("no key that could be used")
    return found


def _usable(data: object, algorithms: Collection[str]) -> PyJWK | None:
    if not isinstance(data, Mapping) or data.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(dict[str, Any](data))
    except PyJWTError:
        return None
    return key if key.algorithm_name in algorithms else None


def fetching(place: str) -> Fetch:
    """How to get the key set at `place`: a URL, or the path of a file."""
    return (lambda: _from_url(place)) if "://" in place else (lambda: asyncio.to_thread(Path(place).read_bytes))


async def _from_url(url: str) -> bytes:
    async with httpx.AsyncClient(timeout=PATIENCE) as client, client.stream("GET", url) as answer:
        if not answer.is_success:
            raise ValueError(f"answered {answer.status_code}")
        found = b""
        async for chunk in answer.aiter_bytes():
            found += chunk
            if len(found) > LARGEST:
                raise ValueError("larger than a key set can be")
        return found

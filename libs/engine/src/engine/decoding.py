"""Deliveries to events, for a reader that declared some types: the others are skipped, what cannot be read is told."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from engine.faults import Halted
from engine.personal import holds_personal
from engine.ports import Bus, Delivery
from engine.serde import CHUNK, Serde
from events.base import Event
from events.envelope import Envelope
from events.registry import UnknownVersion


@runtime_checkable
class Narrowing(Protocol):
    """A bus that can leave out the data of types nobody here reads."""

    def narrowed(self, types: Iterable[str]) -> Bus: ...


def narrowed(bus: Bus, handles: Sequence[type[Event]]) -> Bus:
    """`bus` for a reader of `handles` only, where it can be told."""
    return bus.narrowed([e.type for e in handles]) if isinstance(bus, Narrowing) else bus


@dataclass(slots=True)
class Letter:
    """A delivery and what could be made of it: an event, nothing (its type is not declared), or an error."""

    delivery: Delivery
    event: Envelope[Any] | None = None
    error: Exception | None = None

    @property
    def customer(self) -> str:
        """Whose order this belongs to; a fact about no customer belongs to its stream's."""
        return self.delivery.raw.customer or self.delivery.raw.stream


class Decoder:
    """Decodes the declared types of one reader; `shared` where others in this process read the same stretches."""

    def __init__(self, serde: Serde, handles: Iterable[type[Event]], *, shared: bool = False) -> None:
        self._serde = serde
        self._decode = serde.decode_shared if shared else serde.decode
        declared = list(handles)
        self._types = frozenset(e.type for e in declared)
        self._personal = any(map(holds_personal, declared))

    async def decode(self, deliveries: Sequence[Delivery]) -> tuple[list[Letter], Halted | None]:
        """A letter for each delivery up to the first of an unknown version, and that as the reason to halt.

        Between portions others get a turn.
        """
        if self._personal:
            await self._serde.prefetch([d.raw for d in deliveries if d.raw.type in self._types])
        letters: list[Letter] = []
        for start in range(0, len(deliveries), CHUNK):
            try:
                self._append(letters, deliveries[start : start + CHUNK])
            except UnknownVersion as newer:
                return letters, Halted(f"{newer}; update this consumer first")
            if start:
                await asyncio.sleep(0)
        return letters, None

    def _append(self, letters: list[Letter], deliveries: Sequence[Delivery]) -> None:
        types, decode = self._types, self._decode
        for delivery in deliveries:
            raw = delivery.raw
            if raw.type not in types:
                letters.append(Letter(delivery))
                continue
            try:
                letters.append(Letter(delivery, decode(raw)))
            except UnknownVersion:
                raise
            except Exception as error:
                letters.append(Letter(delivery, error=error))

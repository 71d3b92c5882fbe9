"""Folded states by stream, so that a busy stream is not read again for each command."""

from collections import OrderedDict
from typing import Any, NamedTuple


class Folded(NamedTuple):
    """The state of a stream at a version."""

    version: int
    state: Any


class StateCache:
    """The `size` streams used last. What it holds may be old: an append checks the versions, refusals included.

    Streams that have just begun are held apart, `begun` of them: most are never asked for again, the others cost
    one event. So a load of new invoices does not push out what each of them needs.
    """

    def __init__(self, size: int = 20_000, begun: int = 4_000) -> None:
        self._held: OrderedDict[str, Folded] = OrderedDict()
        self._begun: OrderedDict[str, Folded] = OrderedDict()
        self._sizes = size, begun

    def __len__(self) -> int:
        return len(self._held) + len(self._begun)

    def get(self, stream: str) -> Folded | None:
        """The state held, or None."""
        for held in (self._held, self._begun):
            found = held.get(stream)
            if found is not None:
                held.move_to_end(stream)
                return found
        return None

    def put(self, stream: str, folded: Folded, *, begun: bool = False) -> None:
        """Hold `folded`, unless a later version is held already. `begun`: it was the first that happened there."""
        known = self._held.get(stream) or self._begun.pop(stream, None)
        folded = folded if known is None or known.version <= folded.version else known
        target, size = (self._begun, self._sizes[1]) if begun and known is None else (self._held, self._sizes[0])
        target[stream] = folded
        target.move_to_end(stream)
        if len(target) > size:
            target.popitem(last=False)

    def drop(self, stream: str) -> None:
        """Forget a stream."""
        self._held.pop(stream, None)
        self._begun.pop(stream, None)

    def clear(self) -> None:
        """Forget all, after a restore."""
        self._held.clear()
        self._begun.clear()

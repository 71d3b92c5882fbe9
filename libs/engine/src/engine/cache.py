"""Folded states by stream, so that a busy stream is not read again for each command."""

from collections import OrderedDict
from typing import Any, NamedTuple


class Folded(NamedTuple):
    """The state of a stream at a version."""

    version: int
    state: Any


class StateCache:
    """The `size` streams used last. What it holds may be old: an append checks the versions, refusals included."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._held: OrderedDict[str, Folded] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, stream: str) -> Folded | None:
        """The state held, or None."""
        found = self._held.get(stream)
        if found is not None:
            self._held.move_to_end(stream)
        return found

    def put(self, stream: str, folded: Folded) -> None:
        """Hold `folded`, unless a later version is held already."""
        held = self._held.get(stream)
        if held is None or held.version <= folded.version:
            self._held[stream] = folded
            self._held.move_to_end(stream)
        if len(self._held) > self._size:
            self._held.popitem(last=False)

    def drop(self, stream: str) -> None:
        """Forget a stream."""
        self._held.pop(stream, None)

    def clear(self) -> None:
        """Forget all, after a restore."""
        self._held.clear()

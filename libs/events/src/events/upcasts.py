"""How an event written in an old shape is read in today's: pure functions from dict to dict, applied in a chain."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from events.registry import UnknownVersion, event_class

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: Mapping[tuple[str, int], Upcast] = MappingProxyType({})
"""(type, version it reads) -> function to the next version. Empty while every event is at version 1."""


def upcast(
    type_name: str, version: int, data: dict[str, Any], steps: Mapping[tuple[str, int], Upcast] = UPCASTS
) -> dict[str, Any]:
    """`data` in the current shape of `type_name`.

    Raises UnknownType, and UnknownVersion where the event is newer than this software or a step is missing.
    """
    current = event_class(type_name).version
    if version > current:
        raise UnknownVersion(f"{type_name} is known to v{current}, this one is v{version}")
    for v in range(version, current):
        if (type_name, v) not in steps:
            raise UnknownVersion(f"no upcast of {type_name} from v{v}")
        data = steps[type_name, v](data)
    return data

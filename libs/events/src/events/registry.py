"""Type names to classes, from explicit lists: renaming a class changes nothing, renaming a type is impossible."""

from collections.abc import Mapping
from types import MappingProxyType

from events import analytics, company, complaint, credit, customer, reconciling
from events.base import Event

CONTEXTS = ("company", "customer", "credit", "complaint", "analytics")
ALL: tuple[type[Event], ...] = (
    *company.EVENTS,
    *customer.EVENTS,
    *credit.EVENTS,
    *reconciling.EVENTS,
    *complaint.EVENTS,
    *analytics.EVENTS,
)


class UnknownType(LookupError):
    """No event of this type is known to this version of the software."""


class UnknownVersion(LookupError):
    """This type is known, but not in this version: a newer writer is at work; update the consumer first."""


def _by_type() -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for cls in ALL:
        if cls.type in found or cls.context() not in CONTEXTS:
            raise TypeError(f"{cls.__name__}: type {cls.type!r} is taken or names no context")
        found[cls.type] = cls
    return found


BY_TYPE: Mapping[str, type[Event]] = MappingProxyType(_by_type())


def event_class(type_name: str) -> type[Event]:
    """The class of `type_name` (without version). Raises UnknownType."""
    try:
        return BY_TYPE[type_name]
    except KeyError:
        raise UnknownType(f"no event type {type_name!r}") from None

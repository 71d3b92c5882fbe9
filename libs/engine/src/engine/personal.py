"""Which types hold personal data, and where in an event it stands. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from events.base import PersonalMark, personal_fields


@dataclass(frozen=True, slots=True)
class Spot:
    """One personal value: in `holder` (a dict of JSON values) under `field`, at `path` in the event, about `person`."""

    holder: dict[str, Any]
    field: str
    path: str
    person: str


@cache
def holds_personal(of: Any) -> bool:
    """Whether a value of type `of` (a model, a dataclass, a container of them) can hold personal data."""
    return _search(of, set())


def _search(of: Any, seen: set[Any]) -> bool:
    if get_origin(of) is Annotated and any(isinstance(mark, PersonalMark) for mark in get_args(of)[1:]):
        return True
    if isinstance(of, type) and of not in seen and (issubclass(of, BaseModel) or is_dataclass(of)):
        seen.add(of)
        return any(_search(hint, seen) for hint in get_type_hints(of, include_extras=True).values())
    return any(_search(part, seen) for part in get_args(of))


def spots(value: object, dumped: Any, path: str = "") -> Iterator[Spot]:
    """The personal values of `value`, found in `dumped`, the same value as JSON; unset ones are left out."""
    if isinstance(value, BaseModel):
        for name in personal_fields(type(value)):
            if dumped[name] is not None:
                yield Spot(dumped, name, f"{path}.{name}", str(value.__dict__["person"]))
        parts: Mapping[Any, object] = value.__dict__
    elif isinstance(value, dict):
        parts = value
    elif isinstance(value, (tuple, list)):
        parts = dict(enumerate(value))
    else:
        return
    for key, part in parts.items():
        yield from spots(part, dumped[key], f"{path}.{key}")

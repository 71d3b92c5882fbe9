"""Whether a schema still fits what was published under its name: decided by jsonschema-rs, told in words.

Of an event nothing may change. A document has to be taken as it was ever sent, so a new shape takes all that the old
one took. A receipt or a state has to be readable as it was ever described, so the old shape takes all that is sent
now. Between the versions of an event, the new one takes what the old one was, or upcasts lead there.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from jsonschema_rs import canonicalize
from jsonschema_rs.canonical import Containment

from chassis.schemas import Kind, Shape

_SAID = {"$id", "$schema", "title", "description", "examples", "default"}
_NAMED = ("properties", "$defs")
MOST_TOLD = 4


def shape(schema: Any) -> Any:
    """What a schema demands, without what it says."""
    if isinstance(schema, list):
        return [shape(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: value for key, value in schema.items() if key not in _SAID}
    return {
        key: {name: shape(part) for name, part in value.items()} if key in _NAMED else _settled(key, value)
        for key, value in found.items()
    }


def _settled(key: str, value: Any) -> Any:
    """Sets have no order."""
    return sorted(value) if key == "required" else shape(value)


def covers(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether whatever is valid for `other` is so for `one`; what cannot be proved is not so."""
    ours, theirs = (canonicalize(shape(schema), draft=20, validate_formats=True) for schema in (one, other))
    return ours.covers(theirs) is Containment.YES


def fits(kind: Kind, now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a type may be `now` what it was `before`."""
    match kind:
        case "event":
            return bool(shape(now) == shape(before))
        case "document":
            return covers(now, before)
        case "receipt" | "state":
            return covers(before, now)


_FORBIDDEN: Mapping[Kind, str] = {
    "event": "a published event never changes its shape: raise its version and add an upcast to events/upcasts.py",
    "document": "an ERP that sends what it always sent would be refused: leave old fields as they are, new ones "
    "optional, or make it a new type with the next version beside this one",
    "state": "who reads the topic as it is described would be surprised: make it a new version, in a topic of its own",
    "receipt": "who reads receipts as they are described would be surprised: add fields only, or make it a new version",
}


def complaints(
    now: Mapping[str, Shape], before: Mapping[str, Mapping[str, Any]], upcasts: Collection[tuple[str, int]]
) -> list[str]:
    """What is wrong with the shapes of today, given those that were published; each says what to do."""
    return [*_changed(now, before), *_gone(now, before), *_unread(now, before, upcasts)]


def _changed(now: Mapping[str, Shape], before: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, found in now.items():
        if name not in before:
            yield f"{name} has not been published: python -m tools.published"
        elif not fits(found.kind, found.schema, before[name]):
            yield f"{name} has changed ({where(before[name], found.schema)}): {_FORBIDDEN[found.kind]}"
        elif shape(found.schema) != shape(before[name]):
            yield f"{name} takes more than was published, which is allowed: python -m tools.published"


def _gone(now: Mapping[str, Shape], before: Iterable[str]) -> Iterator[str]:
    kinds = {_split(name)[0]: found.kind for name, found in now.items()}
    for name in before:
        if name not in now and kinds.get(_split(name)[0]) != "event":
            yield f"{name} was published and is not there any more: whoever sends or reads it would be left alone"


def _unread(
    now: Mapping[str, Shape], before: Mapping[str, Mapping[str, Any]], upcasts: Collection[tuple[str, int]]
) -> Iterator[str]:
    """Versions of events that today's reader does not understand."""
    for name, found in now.items():
        kind, version = _split(name)
        for earlier in (e for e in before if found.kind == "event" and _split(e)[0] == kind):
            steps = range(_split(earlier)[1], version)
            if steps and not covers(found.schema, before[earlier]) and not all((kind, v) in upcasts for v in steps):
                yield (
                    f"{earlier} cannot be read as {name} ({where(before[earlier], found.schema)}): "
                    f"add the upcasts from v{steps[0]} to v{version} to events/upcasts.py"
                )


def where(before: Any, now: Any) -> str:
    """The first places that differ."""
    places = list(_places(shape(before), shape(now), ""))
    more = [f"{len(places) - MOST_TOLD} more"] if len(places) > MOST_TOLD else []
    return "; ".join(places[:MOST_TOLD] + more)


def _places(before: Any, now: Any, path: str) -> Iterator[str]:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        if before != now:
            yield f"{path} was {before!r}, is {now!r}"
        return
    for key in [*before, *(key for key in now if key not in before)]:
        if key not in now:
            yield f"{path}/{key} is gone"
        elif key not in before:
            yield f"{path}/{key} is new"
        else:
            yield from _places(before[key], now[key], f"{path}/{key}")


def _split(name: str) -> tuple[str, int]:
    kind, _, version = name.rpartition(".v")
    return kind, int(version)

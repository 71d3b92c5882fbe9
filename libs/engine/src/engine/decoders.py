"""Decoders compiled for each event class: from parsed JSON straight to the model, without validating again.

Validation was done when the event was appended; repeating it costs several times more than all the rest of a read.
A decoder is written out as the source of one function and compiled, as `dataclasses` does: half the time of calls of
one converter a field. What it makes equals what pydantic makes of the same JSON (tests/test_serde.py, every class).
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

M = TypeVar("M", bound=BaseModel)

_AS_IT_IS = (str, int, bool, NoneType)
_MADE: dict[Any, Callable[[Any], Any]] = {
    Decimal: Decimal,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    UUID: UUID,
}
_SLOTS = {
    "set_dict": vars(BaseModel)["__dict__"].__set__,
    "set_fields": vars(BaseModel)["__pydantic_fields_set__"].__set__,
    "set_extra": vars(BaseModel)["__pydantic_extra__"].__set__,
    "set_private": vars(BaseModel)["__pydantic_private__"].__set__,
}
_SOURCE = """
def decode(data):
    if data.keys() != names:
        return validate(data)
    {steps}
    made = new(model)
    set_dict(made, data)
    set_fields(made, names)
    set_extra(made, None)
    set_private(made, None)
    return made
"""


@cache
def model_decoder(model: type[M]) -> Callable[[dict[str, Any]], M]:
    """A function from an object as `orjson.loads` gives it to a `model`. It keeps the dict.

    Where fields are absent or unknown pydantic is asked: absent ones get their defaults, unknown ones raise.
    """
    scope: dict[str, Any] = {
        **_SLOTS,
        "model": model,
        "new": model.__new__,
        "names": set(model.model_fields),
        "validate": model.model_validate,
    }
    steps = [
        f"v = data[{name!r}]; data[{name!r}] = {step}"
        for name, field in model.model_fields.items()
        if (step := _expression(field.annotation, "v", scope)) != "v"
    ]
    exec(_SOURCE.format(steps="\n    ".join(steps)), scope)  # noqa: S102 - field names and our own templates only
    decode: Callable[[dict[str, Any]], M] = scope["decode"]
    return decode


def _expression(of: Any, value: str, scope: dict[str, Any]) -> str:
    """Source that makes a value of type `of` from the value of JSON that the source `value` gives."""
    origin, args = get_origin(of), get_args(of)
    if origin is Annotated:
        return _expression(args[0], value, scope)
    if of in _AS_IT_IS or origin is Literal:
        return value
    if origin in (Union, UnionType):
        return _optional(of, [a for a in args if a is not NoneType], value, scope)
    if origin is tuple and args[1:] == (...,):
        return _many(_expression(args[0], "x", scope), value)
    if origin is dict and _expression(args[0], "k", scope) == "k":
        inner = _expression(args[1], "x", scope)
        return value if inner == "x" else f"{{k: {inner} for k, x in {value}.items()}}"
    return f"{_named(_maker(of), scope)}({value})"


def _maker(of: Any) -> Callable[[Any], Any]:
    if of in _MADE:
        return _MADE[of]
    if isinstance(of, type) and issubclass(of, BaseModel) and not of.__private_attributes__:
        return model_decoder(of)
    return TypeAdapter(of).validate_python


def _optional(of: Any, members: list[Any], value: str, scope: dict[str, Any]) -> str:
    if len(members) != 1:
        return f"{_named(TypeAdapter(of).validate_python, scope)}({value})"
    inner = _expression(members[0], value, scope)
    return value if inner == value else f"None if {value} is None else {inner}"


def _many(inner: str, value: str) -> str:
    return f"tuple({value})" if inner == "x" else f"tuple([{inner} for x in {value}])"


def _named(maker: Callable[[Any], Any], scope: dict[str, Any]) -> str:
    """The name under which the source of a decoder finds `maker`."""
    name = f"make{len(scope)}"
    scope[name] = maker
    return name

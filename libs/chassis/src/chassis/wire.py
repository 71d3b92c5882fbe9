"""JSON Schema (2020-12) of what is on the wire: of an event as it is published, of a document as it is taken.

Amounts and rates are decimal text; what is personal in an event is sealed; each field is described by what the source
says of it, or of the named type it has.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import core_schema

from engine.keys import SEALED
from engine.personal import spots
from events.base import personal_fields
from events.samples import sample

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DECIMAL = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
"""A decimal number as text; exponents are rare, and read by every decimal type."""
Direction = Literal["out", "in"]
"""Published by us, or taken from others."""

SEALED_TEXT: Mapping[str, Any] = {
    "title": "Sealed",
    "description": "A text about a living person, encrypted (AES-256-GCM) with a key of that person that never leaves "
    "the service. Once the person is erased nobody can open it.",
    "type": "object",
    "additionalProperties": False,
    "required": [SEALED],
    "properties": {
        SEALED: {
            "type": "object",
            "additionalProperties": False,
            "required": ["k", "n", "c"],
            "properties": {
                "k": {"type": "string", "description": "Id of the key."},
                "n": {"type": "string", "contentEncoding": "base64", "description": "Nonce."},
                "c": {"type": "string", "contentEncoding": "base64", "description": "The encrypted text."},
            },
        }
    },
}
SEALED_EXAMPLE: Mapping[str, Any] = {
    SEALED: {"k": "5f0c1e2d9a7b4c6e8d3f2a1b0c9d8e7f", "n": "AAECAwQFBgcICQoL", "c": "c2VhbGVkIGZvciBvbmUgcGVyc29u"}
}

_BOUNDS = ("gt", "ge", "lt", "le")


class _Generator(GenerateJsonSchema):
    """Pydantic's, with decimals as text, and each field required that is always there."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> dict[str, Any]:
        text = {"type": "string", "pattern": DECIMAL}
        if self.mode == "serialization":
            return text
        number = {k: v for k, v in super().float_schema(_as_float(schema)).items() if v is not None}
        return {"anyOf": [text, number]}

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def _as_float(schema: core_schema.DecimalSchema) -> core_schema.FloatSchema:
    bounds = {
        name: float(bound) for name, bound in schema.items() if name in _BOUNDS and isinstance(bound, Decimal | int)
    }
    return cast(core_schema.FloatSchema, {"type": "float", **bounds})


def schema(
    model: type[BaseModel], name: str, direction: Direction, shown: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The schema of `model`, named `name`, with an example: `shown`, else one made from its fields."""
    mode: JsonSchemaMode = "serialization" if direction == "out" else "validation"
    found = model.model_json_schema(mode=mode, schema_generator=_Generator)
    parts = found.pop("$defs", {})
    known = {part.__name__: part for part in models(model)}
    for title, part in parts.items():
        if title in known:
            _tell(part, known[title], sealed=direction == "out")
    _tell(found, model, sealed=direction == "out")
    if f"#/$defs/{SEALED_TEXT['title']}" in _references({"root": found, "parts": parts}):
        parts[SEALED_TEXT["title"]] = dict(SEALED_TEXT)
    head = {"$schema": DIALECT, "$id": f"/schemas/{name}", "title": name}
    rest = {key: found[key] for key in ("description", "type", "properties", "required") if key in found}
    closed = {"additionalProperties": False} if found.get("additionalProperties") is False else {}
    return (
        head
        | rest
        | closed
        | ({"$defs": parts} if parts else {})
        | {"examples": [shown or body(sample(model), direction)]}
    )


def body(made: BaseModel, direction: Direction) -> dict[str, Any]:
    """`made` as it goes over the wire: what is personal is sealed where it leaves us, as an example of it."""
    found: dict[str, Any] = made.model_dump(mode="json", exclude_none=direction == "in")
    if direction == "out":
        for spot in list(spots(made, found)):
            spot.holder[spot.field] = dict(SEALED_EXAMPLE)
    return found


def models(of: Any) -> Iterator[type[BaseModel]]:
    """`of` and every model that is part of it, some of them more than once."""
    if isinstance(of, type) and issubclass(of, BaseModel):
        yield of
        for field in of.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(of):
        yield from models(part)


def _tell(part: dict[str, Any], model: type[BaseModel], *, sealed: bool) -> None:
    """Describe the properties of `part`, which is of `model`."""
    said, personal = told(model), personal_fields(model)
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if sealed:
            field.pop("default", None)
        if name in personal and sealed:
            field.clear()
            field |= {"anyOf": [{"$ref": f"#/$defs/{SEALED_TEXT['title']}"}, {"type": "null"}]}
            field["description"] = "Personal data, sealed; null where nothing is known."
        elif name in personal:
            field["description"] = "Personal data of `person`; encrypted as soon as it is taken."
        elif name in said:
            field.setdefault("description", said[name])


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        return {part["$ref"]} if "$ref" in part else set[str]().union(*map(_references, part.values()))
    return set[str]().union(*map(_references, part)) if isinstance(part, list) else set()


@cache
def told(model: type[BaseModel]) -> Mapping[str, str]:
    """What the source says of each field of `model`: the text below it, else that below the named type it has."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls.__module__.startswith("events."):
            found |= _said(cls.__module__).get(cls.__name__, {})
    return found


@cache
def _said(module: str) -> Mapping[str, Mapping[str, str]]:
    """Class -> field -> text, of one module."""
    body = ast.parse(inspect.getsource(sys.modules[module])).body
    named = _named(module)
    classes = (node for node in body if isinstance(node, ast.ClassDef))
    return {node.name: dict(_fields(node, named)) for node in classes}


def _fields(node: ast.ClassDef, named: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    own = dict(_below(node.body))
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            used = [n.id for n in ast.walk(line.annotation) if isinstance(n, ast.Name) and n.id in named]
            if text := own.get(line.target.id) or (named[used[0]] if len(used) == 1 else None):
                yield line.target.id, text


@cache
def _named(module: str) -> Mapping[str, str]:
    """Names of types that `module` knows, with what is said below their definition."""
    found: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("events."):
            theirs = _named(node.module)
            found |= {n.name: theirs[n.name] for n in node.names if n.name in theirs}
    return found | dict(_below(ast.parse(inspect.getsource(sys.modules[module])).body))


def _below(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Names that are given a value or a type, with the text that follows."""
    for line, after in pairwise(body):
        text = after.value if isinstance(after, ast.Expr) else None
        if (name := _name(line)) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield name, inspect.cleandoc(text.value).replace("``", "`")


def _name(line: ast.stmt) -> str | None:
    """What a line gives a value or a type to, if it is a plain name."""
    match line:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return None

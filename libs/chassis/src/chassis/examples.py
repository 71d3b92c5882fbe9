"""Examples of operations: requests that work in the order they are told in, and the answers they were given.

Each service tells a part of one story; the numbers of the examples put the parts into a common order. The OpenAPI
documents are filled with them, and a test tells the whole story to a running Kehu.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, cast

from fastapi import FastAPI

from chassis.auth import Role

KEY = "Idempotency-Key"
ANSWERS = "answers.json"


@dataclass(frozen=True, slots=True)
class From:
    """A value known only once `operation` of the same service was answered: at `pointer` there; it is `like` this."""

    operation: str
    pointer: str
    like: str


@dataclass(frozen=True, slots=True)
class Example:
    """One request. `at` is its place in the story of all services; `operation` is ``POST /orders``, as in OpenAPI.

    `becomes` says what the answer shows, by JSON pointer, once the services have heard of what was told before.
    `shown`: OpenAPI shows its real answer, as it was recorded.
    """

    at: int
    role: Role
    operation: str
    title: str
    body: Any = None
    path: Mapping[str, str | From] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    media: str = "application/json"
    becomes: Mapping[str, Any] = field(default_factory=dict)
    shown: bool = False

    @property
    def token(self) -> str:
        """The development token of somebody who may do it, for every customer."""
        return "dev-office" if self.role == "sales" else f"dev-{self.role.replace('_', '-')}"

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return f"example-{self.at}"

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class Story:
    """The examples of one service; in `package` lie the answers they were given."""

    package: str = ""
    examples: tuple[Example, ...] = ()

    def answers(self) -> Mapping[str, Any]:
        """Operation -> answer recorded."""
        if not self.package:
            return {}
        found = resources.files(self.package) / ANSWERS
        return cast(Mapping[str, Any], json.loads(found.read_text("utf-8"))) if found.is_file() else {}


def like(value: Any) -> Any:
    """A value as OpenAPI shows it."""
    return value.like if isinstance(value, From) else value


def fill(app: FastAPI, examples: Sequence[Example], answers: Mapping[str, Any]) -> None:
    """Have the OpenAPI document of `app` show `examples` and `answers`."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            show(plain(), examples, answers)
        return cast(dict[str, Any], app.openapi_schema)

    app.openapi = openapi  # type: ignore[method-assign]


def show(document: dict[str, Any], examples: Sequence[Example], answers: Mapping[str, Any]) -> None:
    """Put examples into the operations of `document`, the first one of each as what Swagger UI tries out."""
    ordered = sorted(examples, key=lambda e: e.at)
    for name, operation in operations(document):
        told = [e for e in ordered if e.operation == name]
        if told:
            _fill_parameters(operation, told[0])
            _fill_bodies(operation, told)
        if name in answers:
            _fill_answer(operation, answers[name])


def operations(document: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each operation of an OpenAPI document with its name: ``POST /orders``."""
    for path, item in document["paths"].items():
        yield from ((f"{method.upper()} {path}", operation) for method, operation in item.items())


def _fill_parameters(operation: dict[str, Any], example: Example) -> None:
    values = {**example.path, **example.query, KEY: example.key}
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in values:
            parameter["example"] = like(values[parameter["name"]])


def _fill_bodies(operation: dict[str, Any], told: Iterable[Example]) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    for example in told:
        if example.body is not None:
            content[example.media].pop("example", None)
            shown = content[example.media].setdefault("examples", {})
            shown[example.name] = {"summary": example.title, "value": example.body}


def _fill_answer(operation: dict[str, Any], answer: Any) -> None:
    for status, response in operation["responses"].items():
        if status < "300" and "application/json" in response.get("content", {}):
            response["content"]["application/json"]["example"] = answer


__all__ = ["Example", "From", "Story", "fill", "operations", "show"]

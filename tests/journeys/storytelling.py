"""Tells the examples of all services to one running Kehu, in their common order."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs

from all_in_one.services import SERVICES
from chassis import own_examples
from chassis.app import create_app
from chassis.examples import KEY, Example, From, operations

DOCUMENTS = Path(__file__).parents[2] / "docs" / "reference" / "openapi"
PATIENCE = 30.0
STREAM = "text/event-stream"


@dataclass(frozen=True)
class Part:
    """A service (or the root) with its examples and its OpenAPI document."""

    name: str
    prefix: str
    examples: tuple[Example, ...]

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """As it is kept, which takes a hundredth of the time it takes to make it; a test compares the two."""
        if not self.name:
            return create_app([]).openapi()
        return dict(json.loads((DOCUMENTS / f"{self.name}.json").read_text(encoding="utf-8")))

    @cached_property
    def operations(self) -> Mapping[str, dict[str, Any]]:
        return dict(operations(self.document))

    def takes(self, example: Example, header: str) -> bool:
        return any(p["name"] == header for p in self.operations[example.operation].get("parameters", ()))

    def faults(self, example: Example, status: int, answer: Any) -> list[str]:
        """What of an answer is not as the document says."""
        told = self.operations[example.operation]["responses"].get(str(status))
        if told is None:
            return [f"status {status} is not documented"]
        (media,) = told["content"]
        if media == STREAM:
            return [] if answer["event"] else ["not an event"]
        schema = {**told["content"][media]["schema"], "components": self.document.get("components", {})}
        found = jsonschema_rs.validator_for(schema).iter_errors(answer)
        return [f"{list(e.instance_path)}: {e.message}" for e in found]


@cache
def parts() -> Sequence[Part]:
    """All services, then what answers at the root; the same ones for all who ask."""
    services = [Part(s.name, s.prefix, (*s.story.examples, *own_examples.of(s))) for s in SERVICES]
    return (*services, Part("", "", own_examples.ROOT))


def in_order(told: Sequence[Part]) -> list[tuple[Part, Example]]:
    """The whole story; at the same place each service in turn."""
    return sorted(((part, e) for part in told for e in part.examples), key=lambda pair: pair[1].at)


@dataclass(frozen=True)
class Told:
    """An example and what was answered."""

    part: Part
    example: Example
    url: str
    status: int
    answer: Any

    @property
    def name(self) -> str:
        return f"{self.example.at} {self.part.name} {self.example.operation} ({self.example.title})"


@dataclass
class Teller:
    """Asks as each example says; every question knows what was answered before."""

    client: httpx.Client
    heard: dict[tuple[str, str], Any] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)

    def tell(self, part: Part, example: Example) -> Told:
        """The answer to an example, once it shows what it is to become."""
        until = time.perf_counter() + PATIENCE
        while not self._done(example, told := self._ask(part, example)):
            assert time.perf_counter() < until, f"{told.name}: {told.status} {told.answer}"
            time.sleep(0.03)
        self.heard[part.name, example.operation] = told.answer
        return told

    def _done(self, example: Example, told: Told) -> bool:
        if not example.operation.startswith("GET"):
            return True
        return told.status < 300 and all(at(told.answer, p) == value for p, value in example.becomes.items())

    def _ask(self, part: Part, example: Example) -> Told:
        method, _, path = example.operation.partition(" ")
        for name, value in example.path.items():
            path = path.replace(f"{{{name}}}", quote(self.known(part, value)))
        url = str(httpx.URL(part.prefix + path, params=dict(example.query) or None))
        body = None if example.body is None else json.dumps(example.body, ensure_ascii=False).encode()
        headers = self._headers(part, example)
        if path.endswith("/stream"):
            with self.client.stream(method, url, headers=headers) as stream:
                return Told(part, example, url, stream.status_code, frame(stream.iter_lines()))
        answer = self.client.request(method, url, headers=headers, content=body)
        service, _, position = answer.headers.get("X-Kehu-Position", "").rpartition(":")
        if service:
            self.positions[service] = position
        return Told(part, example, url, answer.status_code, answer.json())

    def _headers(self, part: Part, example: Example) -> dict[str, str]:
        found = {"Authorization": f"Bearer {example.token}"}
        if example.body is not None:
            found["Content-Type"] = example.media
        if part.takes(example, KEY):
            found[KEY] = example.key
        if self.positions and part.takes(example, "X-Kehu-Position"):
            found["X-Kehu-Position"] = ",".join(f"{s}:{p}" for s, p in self.positions.items())
        return found

    def known(self, part: Part, value: str | From) -> str:
        """What stands for `value`; what was never answered is like the real thing."""
        if not isinstance(value, From):
            return value
        heard = self.heard.get((part.name, value.operation))
        return value.like if heard is None else str(at(heard, value.pointer))


def at(answer: Any, pointer: str) -> Any:
    """What is there at a JSON pointer; None where nothing is."""
    for step in pointer.split("/")[1:]:
        try:
            answer = answer[int(step) if isinstance(answer, list) else step]
        except (LookupError, TypeError):
            return None
    return answer


def frame(lines: Iterator[str]) -> dict[str, Any]:
    """The first event of a stream."""
    named = (line.partition(": ") for line in lines)
    found = dict(islice(((name, value) for name, _, value in named if name in ("id", "event", "data")), 3))
    return {**found, "data": json.loads(found["data"])}

"""The answers to the examples as they are kept: shortened, on a page to read and beside the examples for OpenAPI."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from chassis.examples import ANSWERS, KEY
from tests.journeys.storytelling import Part, Told

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "examples.md"
OWN = 900
"""From here on the examples are those every service has."""
HEAD = """# Examples

Generated: `WRITE=1 make test ARGS=tests/journeys/test_examples.py` tells the story to a new company and writes down
what it answers. Lists are cut behind their first item, long texts at 100 characters.

One story through all four services: a customer is registered, given a limit, orders, is held and let go, is invoiced,
pays, complains, is late. Every request works once those above it were made. To try it, start an empty company with
`make run DATA=story` and go from the top, here or in the API pages (`/api/customers/docs`, `/api/credit/docs`,
`/api/complaints/docs`, `/api/analytics/docs`), which are filled with the same requests. The story opens the day
2030-01-07 and goes on from there: in a company you want to keep, leave out `POST /days/...` and use dates around its
open day.
"""
OPERATING = """
## What every service has

Shown for credit; each service has the same under its own prefix.
"""
_SCALAR = re.compile(r'^(\s*(?:"[^"]*": )?)(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)(,?)$', re.MULTILINE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def shortened(answer: Any, more: str | None = None) -> Any:
    """`answer` with lists cut behind their first item, followed by `more`, and long texts cut."""
    match answer:
        case dict():
            return {name: shortened(value, more) for name, value in answer.items()}
        case list():
            rest = [more] if more is not None and len(answer) > 1 else []
            return [*(shortened(item, more) for item in answer[:1]), *rest]
        case str() if len(answer) > 100:
            return answer[:100] + "…"
        case _:
            return answer


def page(story: Iterable[Told]) -> str:
    """The page of all examples; of those every service has, the ones of credit."""
    told = [t for t in story if t.example.at < OWN or t.part.name in ("credit", "") or t.example.at >= OWN + 50]
    before = [_section(t) for t in told if t.example.at < OWN]
    after = [_section(t) for t in told if t.example.at >= OWN]
    return "\n".join([HEAD, *before, OPERATING, *after])


def _section(told: Told) -> str:
    example = told.example
    answer = json.dumps(shortened(told.answer, "..."), ensure_ascii=False, indent=2)
    place = f"`{example.operation.split()[0]} {told.part.prefix}{example.operation.split()[1]}`"
    return f"### {example.title}\n\n{place}\n\n```sh\n{_curl(told)}\n```\n\n{told.status}:\n\n```json\n{answer}\n```\n"


def _curl(told: Told) -> str:
    example, method = told.example, told.example.operation.split()[0]
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}'localhost:8000{told.url}'"]
    lines.append(f"-H 'Authorization: Bearer {example.token}'")
    if told.part.takes(example, KEY):
        lines.append(f"-H '{KEY}: {example.key}'")
    if example.body is not None:
        body = json.dumps(example.body, ensure_ascii=False, indent=2)
        lines += [f"-H 'Content-Type: {example.media}'", f"-d '{body}'"]
    return " \\\n  ".join(lines)


def answers(part: Part, story: Iterable[Told]) -> dict[str, Any]:
    """What OpenAPI shows of a service: the first answer to each operation whose example is to be shown."""
    shown = [t for t in story if t.part.name == part.name and t.example.shown]
    return {t.example.operation: shortened(t.answer) for t in reversed(shown)}


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def files(parts: Sequence[Part], story: Sequence[Told]) -> Iterator[tuple[Path, str]]:
    """Each file in which answers are kept, and what it has to say."""
    yield PAGE, page(story)
    for part in parts:
        if found := answers(part, story):
            yield Path(str(resources.files(f"{part.name}_svc") / ANSWERS)), written(found)


def shape(text: str) -> list[str]:
    """The lines of a text, whatever the values in it: the names of the fields are left."""
    return _SCALAR.sub(r"\1·\2", _UUID.sub("·", text)).splitlines()

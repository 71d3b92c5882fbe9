"""docs/reference/events.md: every event, its sentence and fields, who folds it and who answers it."""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from chassis.service import Service
from events.base import Event, personal_fields
from events.registry import ALL, CONTEXTS


def events(services: Sequence[Service]) -> str:
    """The page."""
    lines = [
        "# Events",
        "",
        "Generated. What is stored is what is published; a shape never changes, a new one is a new version. Topics,",
        "documents of an ERP and receipts: [asyncapi.json](asyncapi.json), shown at `/asyncapi`; each",
        "schema is at `/schemas/{type}`.",
        "",
    ]
    for context in CONTEXTS:
        lines += [
            f"## {context}",
            "",
            "| event | schema | meaning | fields | folded by | answered by |",
            "|---|---|---|---|---|---|",
        ]
        lines += [row(event, services) for event in ALL if event.context() == context]
        lines.append("")
    return "\n".join(lines)


def row(event: type[Event], services: Sequence[Service]) -> str:
    where = f"[`{event.qualified()}`](../../{source(event)})"
    cells = (
        where,
        f"[JSON](schemas/{event.qualified()}.json)",
        sentence(event),
        ", ".join(fields(event)),
        ", ".join(views(event, services)),
        ", ".join(reactions(event, services)),
    )
    return "| " + " | ".join(cells) + " |"


def source(event: type[Event]) -> str:
    return f"libs/events/src/events/{Path(inspect.getsourcefile(event) or '').name}"


def sentence(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split()).replace("|", "\\|")


def fields(model: type[BaseModel]) -> Iterator[str]:
    personal = personal_fields(model)
    for name, field in model.model_fields.items():
        mark = " (personal)" if name in personal else "" if field.is_required() else "?"
        yield f"`{name}`{mark}"


def views(event: type[Event], services: Sequence[Service]) -> list[str]:
    return [f"{s.name}.{v.name}" for s in services for v in s.views if event in v.handles]


def reactions(event: type[Event], services: Sequence[Service]) -> list[str]:
    answering = [f"{s.name}.{r.name}" for s in services for r in s.reactions if event in r.handles]
    return answering + [f"{s.name}.{t.name} (timer)" for s in services for t in s.timers if event in t.handles]

"""The attributes of our events as CloudEvents 1.0, the same on every way out: the HTTP feed and Kafka."""

from collections.abc import Mapping
from functools import lru_cache

import orjson

from engine.ports import RawEvent

META = ("actor", "correlation", "causation", "traceparent", "origin")
"""Who and why: extension attributes where they are known."""
SCHEMAS = "/schemas"
"""Where the JSON Schema of each type is, on every origin of ours."""


@lru_cache(maxsize=512)
def of_type(service: str, kind: str, schema: int) -> Mapping[str, str]:
    """Those that all events of a type have."""
    named = f"{kind}.v{schema}"
    return {"specversion": "1.0", "source": f"/kehu/{service}", "type": named, "dataschema": f"{SCHEMAS}/{named}"}


@lru_cache(maxsize=4096)
def of_meta(meta: str) -> Mapping[str, str]:
    """Who and why; the events of an append share one text."""
    said = orjson.loads(meta)
    return {name: said[name] for name in META if said.get(name)}


def of_event(raw: RawEvent) -> dict[str, str | int]:
    """Those that are the event's own."""
    day = raw.effective.isoformat()
    own: dict[str, str | int] = {
        "id": str(raw.id),
        "subject": raw.stream,
        "time": f"{day}T00:00:00Z",
        "partitionkey": raw.customer or raw.stream,
        "sequence": position(raw.position),
        "streamversion": raw.version,
        "company": raw.company,
        "effectivedate": day,
        "recordedtime": raw.recorded.isoformat(),
    }
    if raw.customer:
        own["customer"] = raw.customer
    return own


def attributes(raw: RawEvent, service: str) -> dict[str, str | int]:
    """All attributes of a stored event but `data`; what is personal is in the data only, sealed."""
    return {**of_type(service, raw.type, raw.schema_version), **of_event(raw), **of_meta(raw.meta)}


def position(number: int) -> str:
    """A position as `sequence` has it: texts of the same length, in the order of the numbers."""
    return f"{number:020d}"

"""The attributes of our events as CloudEvents 1.0, the same on every way out: the HTTP feed and Kafka."""

from typing import Any

import orjson

from engine.ports import RawEvent

META = ("actor", "correlation", "causation", "traceparent", "origin")
"""Who and why: extension attributes where they are known."""


def attributes(raw: RawEvent, service: str, previous: int | None = None) -> dict[str, Any]:
    """All attributes of a stored event but `data`; what is personal is in the data only, sealed.

    `previous` is the position before it in its topic and part: a reader that has another one last misses something.
    """
    meta = orjson.loads(raw.meta)
    kind = f"{raw.type}.v{raw.schema_version}"
    day = raw.effective.isoformat()
    return {
        "specversion": "1.0",
        "id": str(raw.id),
        "source": f"/kehu/{service}",
        "type": kind,
        "subject": raw.stream,
        "time": f"{day}T00:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": f"/events/{kind}",
        "partitionkey": raw.customer or raw.stream,
        "sequence": f"{raw.position:020d}",
        **({} if previous is None else {"kehuprev": f"{previous:020d}"}),
        "kehupart": raw.part,
        "streamversion": raw.version,
        **({"customer": raw.customer} if raw.customer else {}),
        "company": raw.company,
        "effectivedate": day,
        "recordedtime": raw.recorded.isoformat(),
        **{name: meta[name] for name in META if meta.get(name)},
    }

"""An event as a record of Kafka and back: CloudEvents 1.0, binary mode. The value is the event's data as it is stored.

What identifies a delivery are headers: `ce_sequence` (its position in the owner's log), `ce_kehuprev` (the position
before it in its topic and part) and `ce_kehulife` (which life of that log).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from engine.cloudevents import attributes
from engine.ports import RawEvent

Headers = Sequence[tuple[str, bytes]]
_CONTENT = ("content-type", b"application/json")
_META = ("actor", "correlation", "causation", "traceparent", "origin")


class NotOurs(ValueError):
    """A record in a topic of events that no relay of ours wrote."""


class Published(NamedTuple):
    """What a record says: an event, the life of the log it comes from, the position before it in its topic and part."""

    life: UUID
    previous: int
    raw: RawEvent


def written(raw: RawEvent, service: str, previous: int, life: UUID) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of an event; everything of a customer has the same key."""
    found = attributes(raw, service, previous)
    headers = [(f"ce_{name}", str(value).encode()) for name, value in found.items()]
    trace = found.get("traceparent")
    more = [("traceparent", trace.encode())] if trace else []
    key = (raw.customer or raw.stream).encode()
    return key, raw.data.encode(), [_CONTENT, *headers, ("ce_kehulife", str(life).encode()), *more]


def position_of(headers: Headers) -> int:
    """Which event this is, without reading the rest. Raises NotOurs."""
    for name, value in headers:
        if name == "ce_sequence":
            return int(value)
    raise NotOurs("it has no ce_sequence")


def read(part: int, value: bytes, headers: Headers) -> Published:
    """What a record says. Raises NotOurs."""
    said = dict(headers)
    try:
        kind, _, schema = said["ce_type"].decode().rpartition(".v")
        raw = RawEvent(
            int(said["ce_sequence"]),
            part,
            said["ce_subject"].decode(),
            int(said["ce_streamversion"]),
            UUID(said["ce_id"].decode()),
            kind,
            int(schema),
            _customer(said),
            said["ce_company"].decode(),
            value.decode(),
            _meta(said),
            date.fromisoformat(said["ce_effectivedate"].decode()),
            datetime.fromisoformat(said["ce_recordedtime"].decode()),
        )
        return Published(UUID(said["ce_kehulife"].decode()), int(said["ce_kehuprev"]), raw)
    except (KeyError, ValueError) as wrong:
        raise NotOurs(f"{type(wrong).__name__}: {wrong}") from None


def _customer(said: dict[str, bytes]) -> str | None:
    customer = said.get("ce_customer")
    return None if customer is None else customer.decode()


def _meta(said: dict[str, bytes]) -> str:
    """As `engine.serde.write_meta` wrote it, so that it reads the same from either bus."""
    meta: dict[str, Any] = {}
    for name in _META:
        value = said.get(f"ce_{name}")
        meta[name] = None if value is None else value.decode()
    return orjson.dumps(meta).decode()

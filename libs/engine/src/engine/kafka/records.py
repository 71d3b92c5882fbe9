"""An event as a record of Kafka and back: CloudEvents 1.0, binary mode. The value is the event's data as it is stored.

What identifies a delivery are headers: `ce_sequence` (its position in the owner's log), `ce_kehuprev` (the position
before it in its topic and part) and `ce_kehulife` (which life of that log).
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import orjson

from engine import cloudevents
from engine.ports import RawEvent

Headers = Sequence[tuple[str, bytes]]
_CONTENT = ("content-type", b"application/json")
_META = tuple(f"ce_{name}" for name in cloudevents.META)


class NotOurs(ValueError):
    """A record in a topic of events that no relay of ours wrote."""


class Published(NamedTuple):
    """What a record says: an event, the life of the log it comes from, the position before it in its topic and part."""

    life: UUID
    previous: int
    raw: RawEvent


def written(raw: RawEvent, service: str, previous: int, life: UUID) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of an event; everything of a customer has the same key."""
    headers = [
        *_of_type(service, raw.type, raw.schema_version, life),
        *[(f"ce_{name}", str(value).encode()) for name, value in cloudevents.of_event(raw).items()],
        ("ce_kehuprev", cloudevents.position(previous).encode()),
        *_of_meta(raw.meta),
    ]
    return (raw.customer or raw.stream).encode(), raw.data.encode(), headers


@lru_cache(maxsize=512)
def _of_type(service: str, kind: str, schema: int, life: UUID) -> Headers:
    found = {**cloudevents.of_type(service, kind, schema), "kehulife": str(life)}
    return [_CONTENT, *((f"ce_{name}", value.encode()) for name, value in found.items())]


@lru_cache(maxsize=4096)
def _of_meta(meta: str) -> Headers:
    """The trace stands in the protocol's own header, too, for whoever follows it without knowing CloudEvents."""
    said = cloudevents.of_meta(meta)
    trace = said.get("traceparent")
    more = [("traceparent", trace.encode())] if trace else []
    return [*((f"ce_{name}", value.encode()) for name, value in said.items()), *more]


def position_of(headers: Headers) -> int:
    """Which event this is, without reading the rest. Raises NotOurs."""
    for name, value in headers:
        if name == "ce_sequence":
            try:
                return int(value)
            except ValueError:
                raise NotOurs("its ce_sequence is no number") from None
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
        return Published(_life(said["ce_kehulife"]), int(said["ce_kehuprev"]), raw)
    except (KeyError, ValueError) as wrong:
        raise NotOurs(f"{type(wrong).__name__}: {wrong}") from None


def _customer(said: dict[str, bytes]) -> str | None:
    customer = said.get("ce_customer")
    return None if customer is None else customer.decode()


def _meta(said: dict[str, bytes]) -> str:
    return _meta_of(*map(said.get, _META))


@lru_cache(maxsize=4096)
def _meta_of(*values: bytes | None) -> str:
    """As `engine.serde.write_meta` wrote it, so that it reads the same from either bus."""
    return orjson.dumps(
        {name: None if value is None else value.decode() for name, value in zip(cloudevents.META, values, strict=True)}
    ).decode()


@lru_cache(maxsize=64)
def _life(said: bytes) -> UUID:
    return UUID(said.decode())

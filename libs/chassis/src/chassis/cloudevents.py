"""CloudEvents 1.0 over HTTP: messages of an ERP read in all three modes, events of ours written."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, get_args
from urllib.parse import unquote

import orjson
from starlette.datastructures import Headers

from chassis.numbers import parsed
from chassis.problems import Defect, InvalidMessage, Malformed, Problem
from engine.cloudevents import attributes, position
from engine.ports import RawEvent
from engine.topics import Record
from engine.tracing import TRACEPARENT
from events.envelope import Origin

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
LONGEST_KEY = 255
_NUL = b"\\u0000"
_OURS = ("content-type", "traceparent")


class NoMessage(ValueError):
    """This is no CloudEvent; the text says why."""


class Message(NamedTuple):
    """One message: `key` is its identity for ever, `recorded` the recorded time an initial load asserts.

    `digest` is the same for the same type and body, however the JSON was written. `came`: topic, part and offset of the
    record it was in, where it came in a topic. `nul`: a text in it holds the character U+0000, which no column takes.
    `origin`: what a record says of itself; over HTTP the request says it.
    `sequence`: what its sender numbers it with, where it does.
    """

    source: str
    id: str
    type: str
    data: Any
    recorded: datetime | None
    digest: bytes
    came: str | None = None
    traceparent: str | None = None
    nul: bool = False
    origin: Origin = "live"
    sequence: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.id


def is_batch(headers: Headers) -> bool:
    """Whether the request brings many messages at once."""
    return _media(headers) == BATCH


def single(headers: Headers, body: bytes) -> Message:
    """The one message of a request, structured or binary. Raises the problem of one that is none."""
    content = parsed(body)
    attributes = content if _media(headers) == STRUCTURED else {**_binary(headers), "data": content}
    try:
        return message(attributes)
    except NoMessage as error:
        raise Problem(InvalidMessage(reason=str(error))) from None


def of_record(record: Record) -> Message:
    """The message of a record, binary or structured. Raises NoMessage, and the problem of malformed JSON.

    Headers that are not CloudEvents' may hold anything: they are whatever is on the way between the ERP and us.
    """
    try:
        headers = {name: value.decode() for name, value in record.headers if name.startswith("ce_") or name in _OURS}
    except UnicodeDecodeError:
        raise NoMessage("a header is not UTF-8") from None
    structured = headers.get("content-type", "").partition(";")[0].strip().lower() == STRUCTURED
    content = parsed(record.value)
    binary = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    said = content if structured else {**binary, "data": content}
    found = message(said)
    trace = _trace(said.get("traceparent")) or _trace(headers.get("traceparent"))
    return found._replace(came=record.place, traceparent=trace, origin=_origin(said.get("origin", "live")))


def _origin(said: Any) -> Origin:
    if said not in get_args(Origin):
        raise NoMessage(f"origin must be one of {', '.join(get_args(Origin))}")
    return said  # type: ignore[no-any-return]


def batch(body: bytes, most: int) -> list[Message | NoMessage]:
    """The messages of a batch in their order; those that are none as the reason. Raises the problem of no batch."""
    content = parsed(body)
    if not isinstance(content, list) or len(content) > most:
        raise Problem(Malformed(), errors=[Defect(pointer="/body", message=f"an array of at most {most} CloudEvents")])
    return [_or_reason(item) for item in content]


def _or_reason(item: Any) -> Message | NoMessage:
    try:
        return message(item)
    except NoMessage as error:
        return error


def message(attributes: Any) -> Message:
    """The message of CloudEvents attributes with ``data``. Raises NoMessage."""
    if not isinstance(attributes, dict):
        raise NoMessage("it is not an object")
    if attributes.get("specversion") != "1.0":
        raise NoMessage("specversion is not 1.0")
    if "data_base64" in attributes or "data" not in attributes:
        raise NoMessage("data must be JSON")
    source, key, kind = (_text(attributes, name) for name in ("source", "id", "type"))
    data = attributes["data"]
    said = _written(kind, data)
    nul = _NUL in said and _NUL in said.replace(b"\\\\", b"")
    recorded = _instant(attributes.get("recordedtime"))
    return Message(source, key, kind, data, recorded, sha256(said).digest(), nul=nul, sequence=_sequence(attributes))


def _written(kind: str, data: Any) -> bytes:
    """The same for the same content."""
    try:
        return orjson.dumps([kind, data], default=str, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise NoMessage("data is nested too deeply or holds a number too large") from None


def _trace(given: Any) -> str | None:
    """A traceparent, where it is one: nothing is refused for the sake of a trace."""
    return given if isinstance(given, str) and TRACEPARENT.fullmatch(given) else None


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_KEY or "\0" in value:
        raise NoMessage(f"{name} must be a text of 1 to {LONGEST_KEY} characters")
    return value


def _sequence(attributes: Mapping[str, Any]) -> str | None:
    return _text(attributes, "sequence") if attributes.get("sequence") is not None else None


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise NoMessage("recordedtime must be an instant (RFC 3339)") from None
    if instant.tzinfo is None:
        raise NoMessage("recordedtime must name its time zone")
    return instant


def _binary(headers: Headers) -> dict[str, str]:
    return {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}


def _media(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def written(raw: RawEvent, service: str, previous: int | None = None) -> dict[str, Any]:
    """A stored event as a structured CloudEvent; what is personal in it stays sealed.

    `previous` is the position before it in its topic and part: a reader that has another one last misses something.
    """
    return {
        **attributes(raw, service),
        "datacontenttype": "application/json",
        **({} if previous is None else {"kehuprev": position(previous)}),
        "kehupart": raw.part,
        "data": orjson.loads(raw.data),
    }


def pages(items: Sequence[RawEvent], service: str) -> list[dict[str, Any]]:
    """Stored events as a CloudEvents batch."""
    return [written(raw, service) for raw in items]

"""The AsyncAPI 3.0 document: topics, what goes through them, who sends and who receives, seen from us.

Everything is taken from the list of topics, the schemas and the classes of events and documents.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from chassis.schemas import RECEIPT, Kind, Shape, present
from chassis.version import VERSION
from events.erp import DOCUMENTS
from events.registry import event_class
from events.samples import sample
from events.sentences import said, sentence
from events.states import STATES
from events.topics import BY_NAME, RECEIPTS, TOPICS, Topic

BINDING = "0.5.0"
PARKED = "dead-letter"
SECURITY: Mapping[str, Any] = {
    "scramSha512": {"type": "scramSha512", "description": "SASL/SCRAM-SHA-512: KEHU_KAFKA__USERNAME and __PASSWORD."},
    "scramSha256": {"type": "scramSha256", "description": "SASL/SCRAM-SHA-256, by KEHU_KAFKA__MECHANISM."},
    "plain": {"type": "plain", "description": "SASL/PLAIN, by KEHU_KAFKA__MECHANISM; over TLS only."},
}
ABOUT = """What Kehu publishes on Kafka and what it takes there from an ERP.

Messages are CloudEvents 1.0. We write binary mode: each attribute is a header `ce_<name>`, the value is the data.
Documents of an ERP are taken in binary and in structured mode (`content-type: application/cloudevents+json`).

The record key is the customer's id (of what concerns no customer: the stream's id), so that what happens to one
customer in one topic lies in one of its 12 partitions, in order. Between topics there is no order.

A broker's offset proves nothing: an event sent twice lies at two offsets. `ce_sequence` is its position in the owner's
log and `ce_kehuprev` the one before it in its topic and partition. Whoever keeps the last `ce_sequence` drops what is
not above it, and has missed something where `ce_kehuprev` is above it; `ce_kehulife` changes when the log was restored.

In a topic of states the newest record of a key is the state, one without a value says that there is none (any more).
Its records are written in transactions: read with `isolation.level=read_committed`; offsets have gaps.

The JSON Schema of every type, earlier versions included, is at `/schemas/{type}`; `/schemas` lists them.

Personal data in events is sealed with a key of that person and cannot be opened outside the service that owns it.
A cluster may put a namespace before all names (KEHU_KAFKA__NAMESPACE).

中文：本文档说明 Kehu 在 Kafka 上发布的事件，以及从 ERP 接收的单据。消息为 CloudEvents 1.0；键为客户编号，
同一客户在同一主题内保持先后顺序。`ce_sequence` 是事件在日志中的位置，用于去重；`ce_kehuprev` 是同一主题、
同一分区中的前一位置，用于发现遗漏。事件中的个人信息均已加密。"""
_TEXT = {"type": "string"}
_NUMBER = {"type": "string", "pattern": "^[0-9]{20}$"}
EVENT_HEADERS: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "content-type": ({"const": "application/json"}, "application/json", "Of the value."),
    "ce_specversion": ({"const": "1.0"}, "1.0", "CloudEvents."),
    "ce_id": ({"type": "string", "format": "uuid"}, "01900000-0000-7000-8000-000000000001", "The event."),
    "ce_source": (_TEXT, "/kehu/credit", "The service that states it."),
    "ce_type": (_TEXT, "credit.InvoiceIssued.v1", "Type with version."),
    "ce_dataschema": (_TEXT, "/schemas/credit.InvoiceIssued.v1", "JSON Schema of the value, on any origin of ours."),
    "ce_subject": (_TEXT, "invoice-A-17", "The stream it belongs to."),
    "ce_time": ({"type": "string", "format": "date-time"}, "2026-03-02T00:00:00Z", "The business date."),
    "ce_partitionkey": (_TEXT, "A-17", "The record key: customer, else stream."),
    "ce_customer": (_TEXT, "A-17", "The customer it concerns; left out where none."),
    "ce_company": (_TEXT, "main", "The selling legal entity."),
    "ce_sequence": (_NUMBER, "00000000000000004711", "Position in the owner's log."),
    "ce_kehuprev": (_NUMBER, "00000000000000004702", "Position before it in this topic and partition; 0: none."),
    "ce_kehulife": ({"type": "string", "format": "uuid"}, "01900000-0000-7000-8000-0000000000ff", "Life of the log."),
    "ce_streamversion": ({"type": "string", "pattern": "^[0-9]+$"}, "1", "Number of the event in its stream, from 1."),
    "ce_effectivedate": ({"type": "string", "format": "date"}, "2026-03-02", "When it happened in business."),
    "ce_recordedtime": (
        {"type": "string", "format": "date-time"},
        "2026-03-02T01:30:00.000000+00:00",
        "When we learned it (UTC).",
    ),
    "ce_actor": (_TEXT, "u-17", "Who did it."),
    "ce_correlation": (_TEXT, "01900000-0000-7000-8000-000000000002", "What it belongs to."),
    "ce_causation": (_TEXT, "01900000-0000-7000-8000-000000000003", "The event it answers, if any."),
    "ce_origin": ({"enum": ["live", "initial_load"]}, "live", "initial_load: history from before going live."),
    "ce_traceparent": (_TEXT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "W3C trace it began in."),
    "traceparent": (_TEXT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "The same, for this hop."),
}
"""Header of a published event -> its schema, an example, what it says."""
NOT_ALWAYS = ("ce_customer", "ce_causation", "ce_traceparent", "traceparent")
DOCUMENT_HEADERS: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "content-type": (_TEXT, "application/json", "Of the value; application/cloudevents+json: all is in the value."),
    "ce_specversion": ({"const": "1.0"}, "1.0", "CloudEvents."),
    "ce_id": ({"type": "string", "maxLength": 255}, "PAY-7001", "The message; sent again, it is a duplicate."),
    "ce_source": ({"type": "string", "maxLength": 255}, "erp", "The system; source and id name a message for ever."),
    "ce_type": (_TEXT, "erp.Payment.v1", "Type with version."),
    "ce_origin": ({"enum": ["live", "initial_load"]}, "live", "initial_load: history, before the company goes live."),
    "ce_recordedtime": (
        {"type": "string", "format": "date-time"},
        "2026-03-02T01:30:00Z",
        "In an initial load: when the ERP learned it.",
    ),
    "ce_traceparent": (_TEXT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "W3C trace, if there is one."),
}
REQUIRED_OF_DOCUMENTS = ("ce_specversion", "ce_id", "ce_source", "ce_type")
RECEIPT_HEADERS = {name: DOCUMENT_HEADERS[name] for name in ("content-type", *REQUIRED_OF_DOCUMENTS)}
_OF_STATES = (
    "content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_dataschema", "ce_partitionkey",
    "ce_customer", "ce_company", "ce_sequence", "ce_kehulife",
)  # fmt: skip
STATE_HEADERS = {name: EVENT_HEADERS[name] for name in _OF_STATES} | {
    "ce_id": (EVENT_HEADERS["ce_id"][0], EVENT_HEADERS["ce_id"][1], "The record; told again it is the same."),
    "ce_sequence": (_NUMBER, "00000000000000004711", "Position in the owner's log up to which all is in it."),
}
_DIGITS = {"type": "string", "pattern": "^[0-9]+$"}
LETTER_HEADERS: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "dlq_service": (_TEXT, "credit", "The service that could not deal with it."),
    "dlq_group": (_TEXT, "view:accounts", "Its view, reaction or timer."),
    "dlq_customer": (_TEXT, "A-17", "Whose later messages are parked for it as well."),
    "dlq_kind": ({"enum": ["poison", "behind"]}, "poison", "poison: failed itself; behind: waits for one that did."),
    "dlq_exception": (_TEXT, "KeyError", "What went wrong, without data; empty where nothing did."),
    "dlq_place": (_TEXT, "accounts.py:61", "Where in the code; empty where nothing went wrong."),
    "dlq_topic": (_TEXT, "kehu.credit.events.v1", "The topic it was read from, without namespace."),
    "dlq_partition": (_DIGITS, "7", "Its partition there."),
    "dlq_position": (_DIGITS, "4711", "Its position in the owner's log, as `ce_sequence` has it."),
    "dlq_attempts": (_DIGITS, "1", "How often it was tried."),
    "dlq_first_failure_at": ({"type": "string", "format": "date-time"}, "2026-03-02T01:30:00+00:00", "When (UTC)."),
    "__streams.errors.exception": (_TEXT, "KeyError", "As dlq_exception, by the name Kafka Streams has for it."),
    "__streams.errors.topic": (_TEXT, "kehu.credit.events.v1", "As dlq_topic."),
    "__streams.errors.partition": (_DIGITS, "7", "As dlq_partition."),
}
"""Headers of a dead letter, beside those of the event it is."""


@cache
def text() -> str:
    """The document as it is given out."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def document() -> dict[str, Any]:
    """The document."""
    shapes = present()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kehu 客户: events and ERP documents 事件与 ERP 单据",
            "version": VERSION,
            "description": ABOUT,
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server("kafka"), "kafka-secure": _server("kafka-secure")},
        "channels": {**{t.name: _channel(t, shapes.values()) for t in TOPICS}, "dead-letters": _dead_letters()},
        "operations": {**dict(_operations(shapes.values())), "parkMessage": _parking()},
        "components": {
            "messages": {**{shape.type: _message(shape) for shape in shapes.values()}, PARKED: _parked()},
            "schemas": dict(_schemas(shapes.values())),
            "securitySchemes": dict(SECURITY),
            "correlationIds": {
                "correlation": {"location": "$message.header#/ce_correlation", "description": "What belongs together."}
            },
        },
    }


def _server(protocol: str) -> dict[str, Any]:
    secure = protocol == "kafka-secure"
    told = "KEHU_KAFKA__SECURITY=SASL_SSL (SSL without SASL is possible)." if secure else "Within a trusted network."
    found: dict[str, Any] = {
        "host": "{bootstrap}",
        "protocol": protocol,
        "description": told,
        "variables": {"bootstrap": {"description": "KEHU_KAFKA__BOOTSTRAP: host:port of one or more brokers."}},
    }
    if secure:
        found["security"] = [_ref("components/securitySchemes", name) for name in SECURITY]
    return found


def _channel(topic: Topic, shapes: Iterable[Shape]) -> dict[str, Any]:
    own = [shape.type for shape in shapes if shape.topic == topic.name]
    reserved = ["Reserved: nothing is sent here yet. 保留：目前没有消息。"] if topic.reserved else []
    return {
        "address": topic.name,
        "summary": topic.en,
        "description": "\n\n".join([topic.en, topic.zh, _kept(topic), *reserved]),
        "servers": [_ref("servers", "kafka"), _ref("servers", "kafka-secure")],
        "tags": [{"name": topic.kind}, *({"name": f"{owner}-svc"} for owner in topic.owner.split(", "))],
        "messages": {name: _ref("components/messages", name) for name in own},
        "bindings": {"kafka": _binding(topic)},
    }


def _kept(topic: Topic) -> str:
    personal = {
        "none": "It holds no personal data.",
        "sealed": "Personal data in it is sealed.",
        "plain": "It holds readable personal data and is emptied as soon as it was read.",
    }[topic.personal]
    kept = f"kept {topic.retention.days} days by default" if topic.retention else "the newest of each key is kept"
    return f"12 partitions, key: customer; {kept}. {personal}"


def _binding(topic: Topic) -> dict[str, Any]:
    """Configuration of the topic, as the Kafka binding has it."""
    kept = {"retention.ms": int(topic.settings["retention.ms"])} if topic.retention else {}
    return {
        "topic": topic.name,
        "partitions": topic.parts,
        "topicConfiguration": {"cleanup.policy": [topic.cleanup], **kept},
        "bindingVersion": BINDING,
    }


def _dead_letters() -> dict[str, Any]:
    return {
        "address": "{topic}.{group}.dlq",
        "summary": "Messages that a group could not deal with, as they were, until a person has decided.",
        "description": "The original message with its headers, and `dlq_*` headers that say what went wrong.\n\n"
        "某消费组无法处理的消息：保留原文，并附 `dlq_*` 标头说明原因，等待人工处理。",
        "servers": [_ref("servers", "kafka"), _ref("servers", "kafka-secure")],
        "parameters": {
            "topic": {
                "description": "The topic the message was read from.",
                "enum": [t.name for t in TOPICS if t.kind == "events"],
            },
            "group": {"description": "Service and group that could not deal with it: `credit.view.accounts`."},
        },
        "messages": {PARKED: _ref("components/messages", PARKED)},
        "bindings": {"kafka": {"partitions": 12, "bindingVersion": BINDING}},
    }


def _parked() -> dict[str, Any]:
    """A message in a topic of dead letters."""
    given = {name: example for name, (_, example, _) in {**EVENT_HEADERS, **LETTER_HEADERS}.items()}
    return {
        "name": PARKED,
        "title": PARKED,
        "summary": "A message as it was.",
        "description": "A message as it was, with headers that say what went wrong.\n\n原消息，附出错原因的标头。",
        "headers": _ref("components/schemas", "dead-letter.headers"),
        "payload": {"description": "The value as it was: of type `ce_type`, its JSON Schema at `/schemas/{ce_type}`."},
        "bindings": {"kafka": {"key": {"type": "string", "description": "The customer."}, "bindingVersion": BINDING}},
        "examples": [{"name": "example", "headers": given, "payload": {}}],
    }


def _operations(shapes: Iterable[Shape]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What we do at each topic in use."""
    for topic in TOPICS:
        named = "".join(part.capitalize() for part in topic.name.split(".")[1:-1])
        own = [_ref(f"channels/{topic.name}/messages", s.type) for s in shapes if s.topic == topic.name]
        found: dict[str, Any] = {"channel": _ref("channels", topic.name), "messages": own}
        if topic.reserved:
            continue
        if topic.kind == "documents":
            yield (
                f"take{named}",
                {"action": "receive", "summary": f"{topic.owner}-svc decides: {topic.en}", **found}
                | {
                    "bindings": {
                        "kafka": {"groupId": {"enum": [f"kehu.intake:{topic.owner}"]}, "bindingVersion": BINDING}
                    },
                    "reply": {
                        "channel": _ref("channels", RECEIPTS),
                        "messages": [_ref(f"channels/{RECEIPTS}/messages", RECEIPT)],
                    },
                },
            )
        else:
            yield f"publish{named}", {"action": "send", "summary": topic.en, **found}


def _parking() -> dict[str, Any]:
    return {
        "action": "send",
        "channel": _ref("channels", "dead-letters"),
        "summary": "A message that cannot be dealt with is parked, with every later one of its customer.",
    }


def _message(shape: Shape) -> dict[str, Any]:
    headers, told, zh = _headers(shape), *_told(shape)
    left_out = NOT_ALWAYS if shape.kind == "event" else ()
    given = {name: example for name, (_, example, _) in headers.items() if name not in left_out}
    given |= {"ce_type": shape.type, "ce_source": given["ce_source"]}
    if shape.kind in ("event", "state"):
        given["ce_dataschema"] = f"/schemas/{shape.type}"
        given["ce_source"] = f"/kehu/{BY_NAME[shape.topic].owner}"
    found: dict[str, Any] = {
        "name": shape.type,
        "title": shape.type,
        "summary": told.partition("\n")[0],
        "description": f"{told}\n\n{zh}\n\nJSON Schema: `/schemas/{shape.type}`",
        "contentType": "application/json",
        "headers": _ref("components/schemas", f"{shape.kind}.headers"),
        "payload": _ref("components/schemas", shape.type),
        "bindings": {"kafka": {"key": {"type": "string", "description": "The customer."}, "bindingVersion": BINDING}},
        "examples": [{"name": "example", "headers": given, "payload": shape.schema["examples"][0]}],
    }
    return found | (
        {"correlationId": _ref("components/correlationIds", "correlation")} if shape.kind == "event" else {}
    )


def _told(shape: Shape) -> tuple[str, str]:
    """What it says in English, and something in Chinese: of an event the sentence its example makes."""
    english = str(shape.schema.get("description", shape.type))
    if shape.kind == "document":
        return english, next(document.zh for document in DOCUMENTS if document.type == shape.type)
    if shape.kind == "state":
        return english, next(state.zh for state in STATES if state.type == shape.type)
    if shape.kind == "receipt":
        return english, "单据的处理结果：accepted 接受，duplicate 重复，waiting 等待，rejected 拒绝（注明规则）。"
    event = sample(event_class(shape.type.rpartition(".v")[0]))
    values = said(event)
    told = [sentence(event.type, values, language) for language in ("en", "zh-CN")]
    return english, f"As people read it: {told[0]}\n\n中文：{told[1]}"


_HEADERS: Mapping[Kind, Mapping[str, tuple[Mapping[str, Any], str, str]]] = {
    "event": EVENT_HEADERS,
    "state": STATE_HEADERS,
    "document": DOCUMENT_HEADERS,
    "receipt": RECEIPT_HEADERS,
}


def _headers(shape: Shape) -> Mapping[str, tuple[Mapping[str, Any], str, str]]:
    return _HEADERS[shape.kind]


def _schemas(shapes: Iterable[Shape]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Component schemas: the headers of each kind, each type, each part; parts of documents are named ``erp.``."""
    yield "event.headers", _object(EVENT_HEADERS, [name for name in EVENT_HEADERS if name not in NOT_ALWAYS])
    yield "document.headers", _object(DOCUMENT_HEADERS, REQUIRED_OF_DOCUMENTS)
    yield "state.headers", _object(STATE_HEADERS, [*STATE_HEADERS])
    yield "receipt.headers", _object(RECEIPT_HEADERS, [*RECEIPT_HEADERS])
    always = [name for name in EVENT_HEADERS if name not in NOT_ALWAYS]
    yield "dead-letter.headers", _object({**EVENT_HEADERS, **LETTER_HEADERS}, [*always, *LETTER_HEADERS])
    parts: dict[str, dict[str, Any]] = {}
    for shape in shapes:
        before = "erp." if shape.kind == "document" else ""
        root = {k: v for k, v in shape.schema.items() if k not in ("$schema", "$id", "$defs", "examples")}
        for name, part in shape.schema.get("$defs", {}).items():
            moved = _moved(part, before)
            if parts.setdefault(f"{before}{name}", moved) != moved:
                raise TypeError(f"{name} is two different things: {shape.type}")
        yield shape.type, _moved(root, before)
    yield from parts.items()


def _object(headers: Mapping[str, tuple[Mapping[str, Any], str, str]], required: Iterable[str]) -> dict[str, Any]:
    properties = {name: {**kind, "description": told} for name, (kind, _, told) in headers.items()}
    return {"type": "object", "properties": properties, "required": list(required)}


def _moved(part: Any, before: str) -> Any:
    """`part` with references into the components. What stands beside one would be passed over there: it is moved."""
    if isinstance(part, list):
        return [_moved(item, before) for item in part]
    if not isinstance(part, dict):
        return part
    rest = {key: _moved(value, before) for key, value in part.items() if key != "$ref"}
    if not isinstance(part.get("$ref"), str):
        return rest
    reference = _ref("components/schemas", before + part["$ref"].rpartition("/")[2])
    return {"allOf": [reference], **rest} if rest else reference


def _ref(place: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/{place}/{name}"}

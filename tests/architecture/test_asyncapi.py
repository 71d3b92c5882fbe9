"""The AsyncAPI document says what is on the wire, and the official parser takes it."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema_rs import Draft7Validator, Draft202012Validator
from tools.parse_asyncapi import NO_NODE, CannotParse, installed, parse

from all_in_one.services import SERVICES
from chassis.asyncapi import document
from chassis.schemas import catalogue, present
from chassis.wire import DIALECT
from engine.kafka.messages import NAMED
from engine.kafka.records import written
from engine.ports import Meta, RawEvent
from engine.serde import write_meta
from events.credit import InvoiceIssued
from events.samples import sample
from events.topics import BY_NAME, TOPICS
from tests.architecture.tree import ROOT

DOCUMENT = document()
RECEIPTS, RECEIPT, OPERATION = "kehu.erp.receipts.v1", "kehu.Receipt.v1", "publishErpReceipts"
LIFE = UUID(int=7)


def resolved(part: Any) -> Any:
    """What a local reference leads to."""
    while "$ref" in part:
        found: Any = DOCUMENT
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = found
    return part


def record(customer: str | None, meta: Meta) -> dict[str, str]:
    """The headers of an event as the relay writes them."""
    raw = RawEvent(
        4711, 3, "invoice-A-17", 1, UUID(int=1), "credit.InvoiceIssued", 1, customer, "main",
        sample(InvoiceIssued).model_dump_json(), write_meta(meta), date(2026, 3, 2), datetime(2026, 3, 2, tzinfo=UTC),
    )  # fmt: skip
    return {name: value.decode() for name, value in written(raw, "credit", 4702, LIFE)[2]}


FULL = record("A-17", Meta("u-17", UUID(int=2), UUID(int=3), "00-" + "a" * 32 + "-" + "b" * 16 + "-01"))
SPARE = record(None, Meta("system", UUID(int=2)))


def header_schema(message: str) -> dict[str, Any]:
    return dict(resolved(DOCUMENT["components"]["messages"][message]["headers"]))


@pytest.mark.parametrize("headers", [FULL, SPARE], ids=["full", "spare"])
def test_the_headers_of_an_event_are_those_that_are_described(headers: dict[str, str]) -> None:
    described = header_schema("credit.InvoiceIssued.v1")
    assert set(headers) <= set(described["properties"])
    Draft7Validator(described, validate_formats=True).validate(headers)


def test_no_header_is_described_that_is_never_written_and_none_required_that_may_be_left_out() -> None:
    described = header_schema("credit.InvoiceIssued.v1")
    assert set(described["properties"]) == set(FULL)
    assert set(described["required"]) <= set(SPARE)


def test_there_is_a_channel_for_each_topic_as_the_list_of_topics_has_it() -> None:
    channels = {name: c for name, c in DOCUMENT["channels"].items() if name != "dead-letters"}
    assert {c["address"] for c in channels.values()} == set(BY_NAME) == set(channels)
    for topic in TOPICS:
        kafka = channels[topic.name]["bindings"]["kafka"]
        assert (kafka["topic"], kafka["partitions"]) == (topic.name, 12)
        assert kafka["topicConfiguration"]["cleanup.policy"] == [topic.cleanup]
        assert topic.zh in channels[topic.name]["description"]


def test_each_type_is_a_message_of_its_topic_and_no_other_of_that_kind() -> None:
    for shape in present().values():
        holding = [n for n, c in DOCUMENT["channels"].items() if shape.type in c["messages"] and n != "dead-letters"]
        assert holding == [shape.topic]


def test_each_topic_in_use_has_one_operation_seen_from_us_and_a_reserved_one_none() -> None:
    told = {o["channel"]["$ref"].rpartition("/")[2]: o["action"] for o in DOCUMENT["operations"].values()}
    used = {t.name: "receive" if t.kind == "documents" else "send" for t in TOPICS if not t.reserved}
    assert told == {**used, "dead-letters": "send"}


def test_documents_are_taken_by_the_group_of_the_one_service_that_reads_them_and_answered_by_receipts() -> None:
    taken = [o for o in DOCUMENT["operations"].values() if o["action"] == "receive"]
    assert taken
    for operation in taken:
        topic = operation["channel"]["$ref"].rpartition("/")[2]
        (reader,) = {s.name for s in SERVICES for d in s.intake if d.topic == topic}
        assert operation["bindings"]["kafka"]["groupId"] == {"enum": [NAMED.format(group=f"intake:{reader}")]}
        assert resolved(operation["reply"]["channel"])["address"] == "kehu.erp.receipts.v1"


def test_no_server_is_written_down_and_both_ways_to_get_in_are() -> None:
    assert {s["host"] for s in DOCUMENT["servers"].values()} == {"{bootstrap}"}
    assert "KEHU_KAFKA__BOOTSTRAP" in json.dumps(DOCUMENT["servers"])
    assert {s["type"] for s in DOCUMENT["components"]["securitySchemes"].values()} >= {"scramSha256", "scramSha512"}


def standing_alone(part: Any) -> Any:
    """A component's schema with the others beside it, for a validator."""
    return {**part, "components": DOCUMENT["components"]}


@pytest.mark.parametrize("name", sorted(present()))
def test_the_payload_of_a_message_says_the_same_as_the_schema_of_its_type(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    (example,) = message["examples"]
    ours = Draft202012Validator(dict(catalogue()[name].schema), validate_formats=True)
    theirs = Draft7Validator(standing_alone(DOCUMENT["components"]["schemas"][name]), validate_formats=True)
    assert ours.is_valid(example["payload"])
    assert theirs.is_valid(example["payload"])
    for field in example["payload"]:
        without = {k: v for k, v in example["payload"].items() if k != field}
        assert ours.is_valid(without) == theirs.is_valid(without), field
        other = {**example["payload"], field: ["?"]}
        assert ours.is_valid(other) == theirs.is_valid(other), field
    Draft7Validator(header_schema(name), validate_formats=True).validate(example["headers"])


def test_the_document_knows_nothing_of_a_later_dialect() -> None:
    told = json.dumps(DOCUMENT)
    assert DIALECT not in told
    assert "$defs" not in told


@pytest.fixture(scope="module")
def parser() -> Path:
    """Installed; the tests are left out, loudly, where there is no Node, and fail on a build server."""
    try:
        return installed()
    except CannotParse as reason:
        if os.environ.get("CI") == "true" or str(reason) != NO_NODE:
            raise
        pytest.skip(NO_NODE)


def small() -> dict[str, Any]:
    """The document with one topic left, that of the receipts."""
    cut, components = deepcopy(DOCUMENT), DOCUMENT["components"]
    cut["channels"] = {RECEIPTS: cut["channels"][RECEIPTS]}
    cut["operations"] = {OPERATION: cut["operations"][OPERATION]}
    cut["components"]["messages"] = {RECEIPT: components["messages"][RECEIPT]}
    cut["components"]["schemas"] = {n: components["schemas"][n] for n in (RECEIPT, "Defect", "receipt.headers")}
    return deepcopy(cut)


def broken() -> dict[str, tuple[dict[str, Any], str]]:
    """Documents the parser has to refuse, by what is wrong, and where it has to find it."""
    action, channel, schema, kind, address = (small() for _ in range(5))
    action["operations"][OPERATION]["action"] = "publish"
    channel["operations"][OPERATION]["channel"]["$ref"] = "#/channels/kehu.nothing.v1"
    schema["components"]["messages"][RECEIPT]["payload"]["$ref"] = "#/components/schemas/Nothing"
    kind["components"]["schemas"][RECEIPT]["type"] = "receipt"
    address["channels"][RECEIPTS]["address"] = 12
    return {
        "action": (action, f"/operations/{OPERATION}/action"),
        "channel": (channel, f"/operations/{OPERATION}/channel"),
        "schema": (schema, f"/components/messages/{RECEIPT}/payload"),
        "kind": (kind, f"/components/schemas/{RECEIPT}/type"),
        "address": (address, f"/channels/{RECEIPTS}/address"),
    }


@pytest.mark.slow
def test_the_official_parser_takes_the_document_and_refuses_broken_ones(parser: Path, tmp_path: Path) -> None:
    documents = {"small": small(), **{name: content for name, (content, _) in broken().items()}}
    for name, content in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    done = parse([ROOT / "docs" / "reference" / "asyncapi.json", *(tmp_path / f"{name}.json" for name in documents)])
    assert done.returncode == 1
    assert f"asyncapi.json: AsyncAPI 3.0.0, {len(DOCUMENT['channels'])} channels" in done.stdout
    assert "small.json: AsyncAPI 3.0.0, 1 channels" in done.stdout
    for name, (_, place) in broken().items():
        assert f"{name}.json: {place}" in done.stdout, done.stdout
        assert f"{name}.json: AsyncAPI" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_without_node_the_parsing_fails_on_a_build_server_and_says_elsewhere_that_it_was_left_out(
    ci: str, code: int
) -> None:
    environment = {"PATH": "/nowhere", "CI": ci, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tools.parse_asyncapi"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (code, NO_NODE)

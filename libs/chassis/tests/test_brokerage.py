"""What operations see of Kafka and do there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any

import httpx
import orjson
import pytest
from jsonschema_rs import Draft7Validator

from chassis.asyncapi import document
from chassis.settings import Settings
from engine.kafka.access import Access
from engine.kafka.admin import Topic, counts, ensure
from engine.kafka.messages import everything
from engine.topics import Message
from events.topics import TOPICS

KEYS = count()


def key() -> dict[str, str]:
    """A header no request had before."""
    return {"Idempotency-Key": f"b{next(KEYS)}"}


@pytest.fixture
async def on_kafka(
    settings: Settings, start: Callable[[Settings], AbstractAsyncContextManager[Any]], kafka: Access
) -> AsyncIterator[Any]:
    """The sample service on a real Kafka."""
    bus = settings.bus.model_copy(update={"kind": "kafka"})
    cluster = settings.kafka.model_copy(
        update={"bootstrap": kafka.bootstrap, "namespace": kafka.namespace, "session": kafka.session}
    )
    async with start(settings.model_copy(update={"bus": bus, "kafka": cluster})) as running:
        yield running


async def test_without_kafka_nothing_is_relayed_and_there_are_no_topics(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/credit/ops/relay")).json()["bus"] == "table"
    assert (await http.get("/api/credit/ops/topics")).json() == []
    asked = {"after": 0, "dry_run": True}
    assert (await http.post("/api/credit/ops/relay/resend", json=asked, headers=key())).json()["events"] == 0
    for path, body in (("relay/resend", {"after": 0}), ("topics/apply", {})):
        refused = await http.post(f"/api/credit/ops/{path}", json=body, headers=key())
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/kehu/no-broker")


@pytest.mark.slow
async def test_a_log_is_published_and_published_again_and_nothing_is_folded_twice(
    on_kafka: Any, eventually: Callable[..., Any]
) -> None:
    http = on_kafka.http
    answer = await on_kafka.open("C1")
    await http.get("/api/credit/accounts", params={"at_least": answer.json()["position"]})

    async def published() -> bool:
        state = (await http.get("/api/credit/ops/relay")).json()
        return bool(state["works"] and state["position"] == state["head"] > 0)

    await eventually(published)
    before = (await http.get("/api/credit/ops/relay")).json()
    would = await http.post("/api/credit/ops/relay/resend", json={"after": 0, "dry_run": True}, headers=key())
    assert would.json() == {"after": 0, "events": before["head"], "dry_run": True}
    assert (await http.get("/api/credit/ops/relay")).json()["sent"] == before["sent"]
    await http.post("/api/credit/ops/relay/resend", json={"after": 0}, headers=key())

    async def again() -> bool:
        return bool((await http.get("/api/credit/ops/relay")).json()["sent"] == 2 * before["sent"])

    await eventually(again)
    later = await on_kafka.open("C2")
    shown = await http.get("/api/credit/accounts", params={"at_least": later.json()["position"]})
    assert [row["customer"] for row in shown.json()["items"]] == ["C1", "C2"]


@pytest.mark.slow
async def test_topics_are_shown_and_made_as_the_list_says_and_a_wrong_one_is_refused(
    on_kafka: Any, kafka: Access
) -> None:
    http = on_kafka.http
    shown = {t["name"]: t for t in (await http.get("/api/credit/ops/topics")).json()}
    assert set(shown) == {kafka.named(topic.name) for topic in TOPICS}
    missing = kafka.named("erp.stock.v1")
    assert shown[missing]["state"] == "missing"
    would = (await http.post("/api/credit/ops/topics/apply", json={"dry_run": True}, headers=key())).json()
    assert missing in {t["name"] for t in would["topics"]}
    await http.post("/api/credit/ops/topics/apply", json={}, headers=key())
    assert {t["state"] for t in (await http.get("/api/credit/ops/topics")).json()} == {"right"}


@pytest.mark.slow
async def test_a_topic_with_too_few_partitions_is_refused_by_apply(on_kafka: Any, kafka: Access) -> None:
    await ensure(kafka, [Topic(kafka.named("erp.stock.v1"), parts=3)])
    refused = await on_kafka.http.post("/api/credit/ops/topics/apply", json={}, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/kehu/wrong-topic")
    assert "has 3 partitions, not 12" in refused.json()["title"]


async def test_a_broker_that_is_not_there_is_said_to_be_away(
    settings: Settings, start: Callable[[Settings], AbstractAsyncContextManager[Any]]
) -> None:
    bus = settings.bus.model_copy(update={"kind": "kafka"})
    cluster = settings.kafka.model_copy(update={"bootstrap": "127.0.0.1:9"})
    async with start(settings.model_copy(update={"bus": bus, "kafka": cluster})) as running:
        away = await running.http.get("/api/credit/ops/topics")
        assert (away.status_code, away.json()["type"]) == (503, "/problems/kehu/broker-away")
        assert away.headers["Retry-After"] == "5"
        assert (await running.open("C1")).status_code == 201
        assert (await running.http.get("/api/credit/ops/relay")).json()["events"] > 0


@pytest.mark.slow
async def test_what_is_parked_is_told_by_topic_with_the_message_and_replayed_from_there(
    on_kafka: Any, kafka: Access, poison: set[str], eventually: Callable[..., Any]
) -> None:
    http = on_kafka.http
    poison.add("C1")
    await on_kafka.open("C1")
    topic = "kehu.credit.events.v1.credit.view.accounts.dlq"

    async def told() -> bool:
        return len(await records(kafka, topic)) == 1

    await eventually(told)
    (record,) = await records(kafka, topic)
    said = {name: value.decode() for name, value in record.headers}
    (event,) = [e for e in (await http.get("/api/credit/events")).json()["items"] if e["id"] == said["ce_id"]]
    assert (record.key, orjson.loads(record.value)) == (b"C1", event["data"])
    assert said["ce_type"] == event["type"]
    assert (said["dlq_group"], said["dlq_kind"], said["dlq_position"]) == ("view:accounts", "poison", "1")
    assert said["dlq_exception"] == said["__streams.errors.exception"] != ""
    described = document()["components"]["schemas"]["dead-letter.headers"]
    Draft7Validator(described, validate_formats=True).validate(said)
    assert set(described["properties"]) - set(said) == {"ce_causation", "ce_traceparent", "traceparent"}
    assert set(said) <= set(described["properties"])

    asked = {"topic": topic, "dry_run": True}
    would = await http.post("/api/credit/ops/dead-letters/replay-topic", json=asked, headers=key())
    waiting = {"group": "view:accounts", "customer": "C1", "waiting": 1, "replayed": 0}
    assert would.json() == {"dry_run": True, "customers": [waiting]}
    poison.clear()
    done = await http.post("/api/credit/ops/dead-letters/replay-topic", json={"topic": topic}, headers=key())
    assert done.json()["customers"] == [{**waiting, "replayed": 1}]
    again = await http.post("/api/credit/ops/dead-letters/replay-topic", json={"topic": topic}, headers=key())
    assert again.json()["customers"] == [{**waiting, "waiting": 0}]
    assert (await http.get("/api/credit/accounts/C1")).status_code == 200


async def records(kafka: Access, topic: str) -> list[Any]:
    """All that lies in a topic, if there is one yet."""
    there = await counts(kafka, [kafka.named(topic)])
    return await everything(kafka, kafka.named(topic)) if any(there.values()) else []


@pytest.mark.slow
async def test_the_intake_put_back_reads_again_and_takes_nothing_twice_and_no_other_group_can_be(
    on_kafka: Any, kafka: Access, eventually: Callable[..., Any]
) -> None:
    http, topics = on_kafka.http, on_kafka.runtime.topics
    await on_kafka.open("C1")
    data = {"customer": "C1", "limit": {"amount": "100.00", "currency": "CNY"}, "valid_from": "2026-01-01"}
    whole = {"specversion": "1.0", "source": "erp", "id": "T1", "type": "erp.CreditTerms.v1", "data": data}
    kind = (("content-type", b"application/cloudevents+json"),)
    await topics.publish("erp.finance.v1", [Message(b"C1", orjson.dumps(whole), kind)])

    async def verdicts() -> list[str]:
        return [orjson.loads(r.value)["verdict"] for r in await records(kafka, "kehu.erp.receipts.v1")]

    async def accepted() -> bool:
        return await verdicts() == ["accepted"]

    async def read() -> bool:
        shown = (await http.get("/api/credit/ops/offsets")).json()
        return [(o["topic"], o["position"], o["lag"]) for o in shown if o["end"]] == [(finance, 1, 0)]

    finance = kafka.named("erp.finance.v1")
    await eventually(accepted)
    await eventually(read)
    since = {"group": "intake:credit", "to_time": "2020-01-01T00:00:00Z"}
    would = await http.post("/api/credit/ops/offsets/reset", json={**since, "dry_run": True}, headers=key())
    (moves,) = [m for m in would.json()["moved"] if m["before"]]
    assert (moves["topic"], moves["before"], moves["after"]) == (finance, 1, 0)
    assert await verdicts() == ["accepted"]
    head = (await http.get("/api/credit/ops/store")).json()["position"]
    done = await http.post("/api/credit/ops/offsets/reset", json=since, headers=key())
    assert moves in done.json()["moved"]
    await eventually(read)
    assert await verdicts() == ["accepted"]
    assert (await http.get("/api/credit/ops/store")).json()["position"] == head
    other = {**since, "group": "view:accounts"}
    refused = await http.post("/api/credit/ops/offsets/reset", json=other, headers=key())
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/kehu/not-resettable")
    assert "kehu rebuild" in refused.json()["title"]

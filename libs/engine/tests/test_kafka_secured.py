"""A broker that lets in over TLS only, and only who proves who it is."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.database import Database
from engine.kafka.access import Access, Unreachable
from engine.kafka.admin import Layout, counts, ready
from engine.kafka.bus import KafkaBus
from engine.kafka.messages import KafkaTopics
from engine.kafka.relay import Relay
from engine.local_kafka import Secured, start
from engine.store import PostgresStore
from engine.testing.bus_suite import drained
from engine.testing.certificates import certificate
from engine.testing.kafka import JARS
from engine.testing.sample_views import append, paid
from engine.topics import Message

pytestmark = pytest.mark.slow
USER, PASSWORD = "kehu", "a-password-nobody-may-see"


@pytest.fixture(scope="module")
def secured(kafka_cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """How to be let in. `kafka_cluster` is asked for so that this is skipped, or fails, where no Kafka can be had."""
    folder = tmp_path_factory.mktemp("secured")
    pem, key = certificate("kehu-test")
    ca = folder / "ca.pem"
    ca.write_text(pem)
    cluster = asyncio.run(start(folder / "data", JARS, secured=Secured(pem, key, {USER: PASSWORD})))
    access = Access(cluster.bootstrap, "SASL_SSL", username=USER, password=PASSWORD, ca=str(ca), session=2)
    asyncio.run(ready(access))
    yield access
    asyncio.run(cluster.stop())


async def test_who_is_let_in_publishes_reads_and_administers(
    secured: Access, store: PostgresStore, service: Database
) -> None:
    layout = Layout(secured)
    stop, relay = asyncio.Event(), Relay(store, "credit", ["credit"], layout)
    working = asyncio.create_task(relay.run(stop))
    bus = KafkaBus(layout, "credit", {"credit": service.pool}, service.pool, wakeups=store.wakeups)
    subscription = await bus.subscribe("g", ["credit"], "one")
    await append(store, paid("C1", 1))
    assert [d.position for d in await drained(subscription, 1)] == [1]
    topics = KafkaTopics(layout, "credit")
    await topics.publish("erp.orders.v1", [Message(b"C1", b"{}")])
    reading = await topics.read("intake", ["erp.orders.v1"], "one")
    async with asyncio.timeout(20):
        while not (got := await reading.fetch(10, 0.5)):
            pass
    assert [r.value for r in got] == [b"{}"]
    await reading.close()
    await topics.close()
    await subscription.close()
    stop.set()
    await working


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "another-one"}, "does not let in user kehu by SCRAM-SHA-512: look at KEHU_KAFKA__USERNAME"),
        ({"username": "nobody"}, "does not let in user nobody"),
        ({"ca": None}, "not one we trust.*KEHU_KAFKA__CA"),
        ({"security": "PLAINTEXT"}, "another security than PLAINTEXT"),
        ({"security": "SASL_PLAINTEXT"}, "another security than SASL_PLAINTEXT"),
    ],
)
async def test_who_is_not_let_in_is_told_why_in_one_sentence_without_the_password(
    secured: Access, wrong: dict[str, str | None], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    access = replace(secured, **wrong)  # type: ignore[arg-type]
    async with asyncio.timeout(60):
        with pytest.raises(Unreachable, match=says) as refused:
            await counts(access, ["any"])
    told = f"{refused.value}{caplog.text}{access!r}"
    assert PASSWORD not in told
    assert "another-one" not in told

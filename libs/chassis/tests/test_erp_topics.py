"""Documents of the ERP that come by topic: the same intake as over HTTP, answered in the topic of receipts."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from erp_messages import CUSTOMER, CUSTOMERS, FINANCE, binary, company, event, send, structured, terms

from chassis.buses import access
from chassis.erp import Answers, Feeder, told
from chassis.intake import TOO_MANY
from chassis.receipts import Receipt
from chassis.runtime import Runtime
from chassis.settings import Kafka, Settings
from chassis.workers import supervisor
from engine.decider import Command
from engine.faults import Halted
from engine.ids import part_of
from engine.kafka.access import Access
from engine.ports import PARTS
from engine.testing.running import eventually
from engine.topics import Message, Reading, Record
from events import erp
from events.topics import RECEIPTS


@dataclass
class Erp:
    """What an ERP sees: it publishes, and reads receipts."""

    running: Any
    reading: Reading

    async def says(self, topic: str, *messages: Message) -> None:
        await self.running.runtime.topics.publish(topic, messages)

    async def receipts(self, count: int, quiet: float = 0.1) -> list[dict[str, Any]]:
        """The next receipts, as many as are asked for; and a moment for one too many to come."""
        found: list[Record] = []
        async with asyncio.timeout(60):
            while len(found) < count:
                found += await self.reading.fetch(count, 0.2)
        found += await self.reading.fetch(10, quiet)
        assert {dict(r.headers)["ce_type"] for r in found} == {b"kehu.Receipt.v1"}
        return [orjson.loads(r.value) for r in found]


on_both = pytest.mark.parametrize("settings", ["table", pytest.param("kafka", marks=pytest.mark.slow)], indirect=True)
"""What depends on the bus holds on both; all else is shown on the quicker one."""


@pytest.fixture
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    bus = getattr(request, "param", "table")
    return on_kafka(settings, request.getfixturevalue("kafka")) if bus == "kafka" else settings


def on_kafka(settings: Settings, at: Access) -> Settings:
    settings.bus.kind = "kafka"
    settings.kafka = Kafka(bootstrap=at.bootstrap, namespace=at.namespace, session=at.session)
    return settings


@pytest.fixture
async def erp_side(running: Any) -> AsyncIterator[Erp]:
    reading = await running.runtime.topics.read("erp", [RECEIPTS], "erp")
    yield Erp(running, reading)
    await reading.close()


@on_both
async def test_a_document_comes_in_binary_or_structured_and_is_answered(erp_side: Erp) -> None:
    await erp_side.running.open("C1")
    await erp_side.says(FINANCE, binary("1", terms()), structured("2", terms(amount="7.00")))
    one, two = await erp_side.receipts(2)
    assert one == {
        "source": "erp", "id": "1", "verdict": "accepted", "position": 2, "errors": [], "number": 1,
        "record": f"{FINANCE}/{part_of('C1')}/0",
    }  # fmt: skip
    assert (two["id"], two["verdict"], two["position"]) == ("2", "accepted", 3)


@on_both
async def test_each_verdict_reaches_the_sender(erp_side: Erp) -> None:
    await erp_side.running.open("C1")
    await erp_side.says(FINANCE, binary("1", terms()), binary("1", terms()), binary("1", terms(amount="5.00")))
    await erp_side.says(FINANCE, binary("2", terms("C2"), key="C2"), binary("3", {"customer": "C1"}))
    told = {(r["id"], r["verdict"], r.get("rule")): r for r in await erp_side.receipts(5)}
    assert set(told) == {
        ("1", "accepted", None),
        ("1", "duplicate", None),
        ("1", "rejected", "other-body"),
        ("2", "waiting", "account-not-there"),
        ("3", "rejected", "invalid-document"),
    }
    assert told["2", "waiting", "account-not-there"]["sentence"] == "The account of C2 has not been opened yet."
    assert {e["pointer"] for e in told["3", "rejected", "invalid-document"]["errors"]} == {"/limit", "/valid_from"}
    await erp_side.running.open("C2")
    (later,) = await erp_side.receipts(1)
    assert (later["id"], later["verdict"], later["record"]) == ("2", "accepted", f"{FINANCE}/{part_of('C2')}/0")


STRANGE = (
    (Message(b"C1", b"{}", ()), "invalid-message"),
    (Message(b"C1", b"not json", binary("1", {}).headers), "malformed"),
    (Message(b"C1", b"", binary("1", {}).headers), "malformed"),
    (Message(None, b"[]", (("content-type", b"application/cloudevents+json"),)), "invalid-message"),
    (Message(b"C1", b"{}", (("ce_id", b"\xff"),)), "invalid-message"),
    (binary("1\0", terms()), "invalid-message"),
    (binary("1", terms(), origin="elsewhere"), "invalid-message"),
    (binary("1", terms(reason="x" * 1_000_001)), "too-large"),
)


@on_both
async def test_what_is_no_document_is_answered_and_holds_up_nobody(erp_side: Erp) -> None:
    await erp_side.running.open("C1")
    for n, (message, rule) in enumerate(STRANGE):
        await erp_side.says(FINANCE, message, binary(f"good-{n}", terms(amount=f"{n}.00")))
        told = {r.get("rule"): r for r in await erp_side.receipts(2, quiet=0)}
        refused = told[rule]
        assert (refused["verdict"], refused["record"].rsplit("/", 2)[0]) == ("rejected", FINANCE)
        assert told[None]["verdict"] == "accepted"


@on_both
async def test_a_document_without_a_key_and_with_headers_of_others_is_a_document(erp_side: Erp) -> None:
    """What lies between an ERP and us adds headers of its own; some are not text, some are there twice."""
    await erp_side.running.open("C1")
    others = (("span", b"\xff\x00"), ("", b""), ("ce-like", b"1"), ("span", b"again"), ("traceparent", b"no trace"))
    await erp_side.says(FINANCE, binary("1", terms(), subject="C1")._replace(key=None))
    await erp_side.says(FINANCE, binary("2", terms(amount="7.00"))._replace(headers=(*binary("2", 0).headers, *others)))
    assert {(r["id"], r["verdict"]) for r in await erp_side.receipts(2)} == {("1", "accepted"), ("2", "accepted")}


@on_both
async def test_an_initial_load_comes_by_topic_with_its_days_and_is_refused_once_the_company_lives(
    erp_side: Erp,
) -> None:
    day = "2024-03-01T00:00:00+08:00"
    load = {"origin": "initial_load", "recordedtime": day}
    await erp_side.says(CUSTOMERS, *[binary(f"{n}", company(f"C{n}"), CUSTOMER, f"C{n}", **load) for n in range(50)])
    assert {r["verdict"] for r in await erp_side.receipts(50)} == {"accepted"}
    runtime = erp_side.running.runtime
    first = (await runtime.store.read_all(0, 1))[0]
    assert (first.origin, first.recorded.isoformat()) == ("initial_load", "2024-02-29T16:00:00+00:00")
    went = await erp_side.running.http.post("/api/credit/live", headers={"Idempotency-Key": "live"})
    assert went.status_code < 300

    async def lives() -> bool:
        return bool(await runtime.went_live())

    await eventually(lives)
    late = binary("late", company("C99"), CUSTOMER, "C99", **load)
    await erp_side.says(CUSTOMERS, late, binary("live", company("C98"), CUSTOMER, "C99"))
    told = {r["id"]: (r["verdict"], r.get("rule")) for r in await erp_side.receipts(2)}
    assert told == {"late": ("rejected", "initial-load-over"), "live": ("accepted", None)}


async def test_a_text_the_database_cannot_hold_refuses_one_document_only(erp_side: Erp) -> None:
    """A NUL passes as JSON and as a text, and no column takes it."""
    await erp_side.says(CUSTOMERS, *[binary(f"{n}", company(f"C{n}"), CUSTOMER, f"C{n}") for n in range(3)])
    await erp_side.receipts(3)
    broken = binary("bad", terms("C1"), key="C1")._replace(
        value=orjson.dumps(terms("C1")).replace(b"CNY", b"CNY\\u0000")
    )
    await erp_side.says(FINANCE, binary("a", terms("C1")), broken, binary("b", terms("C2"), key="C2"))
    told = {r["id"]: r["verdict"] for r in await erp_side.receipts(3)}
    assert told == {"a": "accepted", "bad": "rejected", "b": "accepted"}


@on_both
async def test_the_documents_of_one_customer_are_decided_in_their_order(erp_side: Erp) -> None:
    customers = [f"C{n}" for n in range(20)]
    await erp_side.says(CUSTOMERS, *[binary(f"{c}-open", company(c), CUSTOMER, c) for c in customers])
    await erp_side.receipts(20)
    for n in range(1, 6):
        await erp_side.says(FINANCE, *[binary(f"{c}-{n}", terms(c, f"{n}.00"), key=c) for c in customers])
    order: defaultdict[str, list[str]] = defaultdict(list)
    for receipt in await erp_side.receipts(100):
        assert receipt["verdict"] == "accepted"
        order[receipt["id"].partition("-")[0]].append(receipt["id"].partition("-")[2])
    assert all(order[c] == ["1", "2", "3", "4", "5"] for c in customers)
    for c in customers:
        stored = await erp_side.running.runtime.store.read_stream(f"account-{c}")
        assert [str(e.event.limit.amount) for e in stored[1:]] == [f"{n}.00" for n in range(1, 6)]


@on_both
async def test_documents_are_decided_once_and_in_order_while_feeders_come_and_go(erp_side: Erp) -> None:
    """A second member takes half of the parts in the middle of it, then the first one leaves."""
    runtime, customers = erp_side.running.runtime, [f"C{n}" for n in range(12)]
    await erp_side.says(CUSTOMERS, *[binary(f"{c}-open", company(c), CUSTOMER, c) for c in customers])
    await erp_side.receipts(len(customers))
    stop, other = asyncio.Event(), replace(runtime, settings=runtime.settings.model_copy(deep=True))
    other.settings.work.member = "other"
    feeding = asyncio.create_task(Feeder(other).run(stop))
    for n in range(1, 31):
        await erp_side.says(FINANCE, *[binary(f"{c}-{n}", terms(c, f"{n}.00"), key=c) for c in customers])
        if n == 20:
            await runtime.supervisor.stop()
    answers = asyncio.create_task(Answers(runtime).run(stop))
    told = await erp_side.receipts(30 * len(customers))
    stop.set()
    await asyncio.gather(feeding, answers)
    assert {(r["verdict"]) for r in told} == {"accepted"}
    assert len({r["id"] for r in told}) == len(told) == 30 * len(customers)
    for c in customers:
        stored = await runtime.store.read_stream(f"account-{c}")
        assert [str(e.event.limit.amount) for e in stored[1:]] == [f"{n}.00" for n in range(1, 31)]


async def fed(feeder: Feeder, reading: Reading) -> None:
    """Step by step until one fails: a broker takes a moment to hand out parts."""
    async with asyncio.timeout(60):
        while True:
            await feeder.step(reading)


class Dying:
    """A reading whose process dies when it wants to commit."""

    def __init__(self, reading: Reading) -> None:
        self.fetch, self.assigned, self.close = reading.fetch, reading.assigned, reading.close

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        raise ConnectionError("gone")


@on_both
async def test_nothing_is_decided_twice_when_we_die_before_the_offset_is_committed(erp_side: Erp) -> None:
    """Accepted, waiting and rejected stay what they were; none of them becomes a duplicate of itself."""
    runtime = erp_side.running.runtime
    await runtime.supervisor.stop()
    await erp_side.running.open("C1")
    await erp_side.says(FINANCE, binary("1", terms()), binary("2", {}), binary("3", terms("C2"), key="C2"))
    feeder = Feeder(runtime)
    for _ in range(2):
        reading = await runtime.topics.read(feeder.name, [CUSTOMERS, FINANCE], "main")
        with pytest.raises(ConnectionError):
            await fed(feeder, Dying(reading))
        await reading.close()
    workers = supervisor(runtime, ["intake"])
    await workers.start()
    told = await erp_side.receipts(3, quiet=1.5)
    await workers.stop()
    assert sorted((r["id"], r["verdict"]) for r in told) == [("1", "accepted"), ("2", "rejected"), ("3", "waiting")]
    assert await runtime.store.head() == 2
    known = await runtime.inbox.known([("erp", n) for n in "123"])
    assert {e.attempt for e in known.values() if e.verdict != "waiting"} == {0}


class Watched:
    """A reading that notes how far it was committed."""

    def __init__(self, reading: Reading) -> None:
        self.fetch, self.assigned, self.close = reading.fetch, reading.assigned, reading.close
        self.committed: list[Mapping[tuple[str, int], int]] = []

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        self.committed.append(offsets)


@on_both
async def test_no_offset_is_committed_before_its_documents_are_decided(erp_side: Erp) -> None:
    runtime = erp_side.running.runtime
    await runtime.supervisor.stop()
    await erp_side.says(FINANCE, binary("1", terms()))
    feeder = Feeder(runtime)
    reading = Watched(await runtime.topics.read(feeder.name, [CUSTOMERS, FINANCE], "main"))

    async def away(messages: Any, sender: Any) -> Any:
        raise ConnectionError("the database is away")

    deciding = runtime.intake.take
    object.__setattr__(runtime.intake, "take", away)
    with pytest.raises(ConnectionError):
        await fed(feeder, reading)
    assert reading.committed == [], "the document would never come again"
    object.__setattr__(runtime.intake, "take", deciding)
    await reading.close()


async def test_a_receipt_that_was_not_noted_as_given_is_given_again_under_the_same_id(erp_side: Erp) -> None:
    again = told(erp_side.running.runtime, Receipt(source="erp", id="1", verdict="accepted"), b"C1", "erp", "1", 0)
    same = told(erp_side.running.runtime, Receipt(source="erp", id="1", verdict="accepted"), b"C1", "erp", "1", 0)
    assert again == same


@on_both
async def test_over_http_and_by_topic_it_is_the_same_message(erp_side: Erp, http: httpx.AsyncClient) -> None:
    await erp_side.running.open("C1")
    assert await send(http, event("1", terms())) == "accepted"
    await erp_side.says(FINANCE, binary("1", terms()))
    (receipt,) = await erp_side.receipts(1)
    assert (receipt["verdict"], receipt["record"]) == ("duplicate", f"{FINANCE}/{part_of('C1')}/0")
    await erp_side.says(FINANCE, binary("2", terms(amount="3.00")))
    await erp_side.receipts(1)
    assert await send(http, event("2", terms(amount="3.00"))) == "duplicate"


async def test_who_decided_is_told_apart_by_record_and_trace(erp_side: Erp) -> None:
    await erp_side.running.open("C1")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await erp_side.says(FINANCE, binary("1", terms(), traceparent=trace), binary("2", terms(amount="2.00")))
    await erp_side.receipts(2)
    one, two = await erp_side.running.runtime.store.read_all(1, 2)
    assert (one.actor, one.traceparent, two.traceparent) == ("erp", trace, None)
    assert one.correlation != two.correlation


def _bug(document: erp.CreditTerms) -> Command:
    raise KeyError("a bug of ours")


async def test_a_bug_of_ours_refuses_the_document_as_undecidable_and_many_stop_the_intake(erp_side: Erp) -> None:
    runtime = erp_side.running.runtime
    runtime.intake = replace(runtime.intake, takes={**runtime.intake.takes, erp.CreditTerms: _bug})
    await erp_side.says(FINANCE, binary("1", terms()))
    await erp_side.says(CUSTOMERS, binary("2", company("C1"), CUSTOMER))
    told = {r["id"]: (r["verdict"], r.get("rule"), r.get("type")) for r in await erp_side.receipts(2)}
    assert told["1"] == ("rejected", "undecidable", "/problems/kehu/undecidable")
    assert told["2"][0] == "accepted"
    await runtime.supervisor.stop()
    await erp_side.says(FINANCE, *[binary(f"b{n}", terms()) for n in range(TOO_MANY + 1)])
    with pytest.raises(Halted, match="cannot be decided"):
        await Feeder(runtime).run(asyncio.Event())


@on_both
async def test_documents_that_hold_data_of_persons_are_gone_once_they_are_read(settings: Settings, start: Any) -> None:
    async with start(settings) as it:
        await it.runtime.topics.publish(CUSTOMERS, [binary("1", company(), CUSTOMER)])

        async def accepted() -> bool:
            return (("erp", "1")) in await it.runtime.inbox.known([("erp", "1")])

        await eventually(accepted)
        assert await kept(it.runtime, CUSTOMERS) == 1
    async with start(settings) as it:  # it sweeps when it starts, and every minute

        async def gone() -> bool:
            return await kept(it.runtime, CUSTOMERS) == 0

        await eventually(gone)
        assert await it.runtime.topics.sweep(timedelta(days=1)) == 0


async def kept(runtime: Runtime, topic: str) -> int:
    """How many messages the topic still holds."""
    if runtime.settings.bus.kind == "table":
        return int(await runtime.database.pool.fetchval("select count(*) from messages where topic = $1", topic))
    at, name = access(runtime.settings.kafka), runtime.settings.kafka.namespace + topic
    consumer = AIOKafkaConsumer(name, **at.options())
    await consumer.start()
    parts = [TopicPartition(name, part) for part in range(PARTS)]
    first, end = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
    await consumer.stop()
    return int(sum(end.values()) - sum(first.values()))


async def test_where_topics_are_off_nobody_reads_them(settings: Settings, start: Any) -> None:
    settings.intake.topics = False
    async with start(settings) as it:
        assert {"intake"} == {n for n in it.runtime.supervisor.status() if n in ("intake", "receipts", "sweeper")}

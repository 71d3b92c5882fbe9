"""Each service does its work on Kafka as the user the deployment gives it, with these rights, and has no others.

The rights are those of deploy/k8s/overlays/prod/users.yaml, read from there, on a real broker that demands TLS, SCRAM
and a rule (ACL) for whatever is done.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr

from all_in_one.services import SERVICES
from chassis.buses import layout
from chassis.deadtopics import customers_in, topic_of
from chassis.run import connected, working
from chassis.runtime import Runtime
from chassis.settings import Auth, Bus, Intake, Settings
from chassis.settings import Kafka as At
from engine.database import migrate
from engine.kafka.access import Access, Unreachable
from engine.kafka.admin import Layout, Topic, administering, ensure, ready
from engine.kafka.messages import KafkaTopics, everything
from engine.kafka.relay import relayed
from engine.kafka.sending import Entry, Sender
from engine.kafka.upkeep import look
from engine.local_kafka import Secured, start
from engine.testing.certificates import certificate
from engine.testing.kafka import JARS
from engine.testing.plugin import MakeDatabase, TestServer
from engine.testing.running import eventually
from engine.topics import Message
from events.topics import ACCOUNT_STATE, RECEIPTS, of_context
from tests.architecture.tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kafka-rights")]
ADMINISTRATOR = "administrator"
USERS = [it for it in yaml.safe_load_all((ROOT / "deploy/k8s/overlays/prod/users.yaml").read_text()) if it]
RULES: Mapping[str, Sequence[Any]] = {it["metadata"]["name"]: it["spec"]["authorization"]["acls"] for it in USERS}
PASSWORDS = {name: secrets.token_hex(8) for name in (ADMINISTRATOR, *RULES)}
KINDS = {"topic": 2, "group": 3, "cluster": 4, "transactionalId": 5}
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8, "DescribeConfigs": 10}
ALLOW = 3
"""Numbers of Kafka's protocol."""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rights") / "ca.pem"


@pytest.fixture(scope="module")
def administrator(kafka_cluster: str, ca: Path) -> Iterator[Access]:
    """On a cluster with the topics and rights of the deployment. `kafka_cluster`: where none can be had, skipped."""
    pem, key = certificate("kehu-test")
    ca.write_text(pem)
    secured = Secured(pem, key, PASSWORDS, ADMINISTRATOR)
    cluster = asyncio.run(start(ca.parent / "data", JARS, secured=secured))
    found = Access(cluster.bootstrap, "SASL_SSL", username=ADMINISTRATOR, password=PASSWORDS[ADMINISTRATOR],
                   ca=str(ca), session=2)  # fmt: skip
    asyncio.run(_prepared(found))
    yield found
    asyncio.run(cluster.stop())


async def _prepared(administrator: Access) -> None:
    await ready(administrator)
    await ensure(administrator, list(layout(At()).topics.values()))
    async with administering(administrator) as client:
        for user, rules in RULES.items():
            for rule in rules:
                await _allowed(client, user, rule)


async def _allowed(client: Any, user: str, rule: Any) -> None:
    what = rule["resource"]
    about = KINDS[what["type"]], what["name"], PATTERNS[what["patternType"]]
    for operation in rule["operations"]:
        answer = await client._send_request(
            CreateAclsRequest(*about, f"User:{user}", "*", OPERATIONS[operation], ALLOW)
        )
        assert [code for code, *_ in answer.creation_responses] == [0], (user, rule)


def as_(administrator: Access, user: str) -> Access:
    return replace(administrator, username=user, password=PASSWORDS[user])


def user_of(service: str) -> str:
    return f"kehu-{service}-kafka"


@asynccontextmanager
async def at_work(administrator: Access, urls: Mapping[str, str]) -> AsyncIterator[dict[str, Runtime]]:
    """All services, each as its own user."""
    async with AsyncExitStack() as stack:
        found = {}
        for service in SERVICES:
            user = user_of(service.name)
            kafka = At(
                bootstrap=administrator.bootstrap, security="SASL_SSL", username=user,
                password=SecretStr(PASSWORDS[user]), ca=Path(str(administrator.ca)), session=2,
            )  # fmt: skip
            settings = Settings(
                auth=Auth(development=True), bus=Bus(kind="kafka"), kafka=kafka, intake=Intake(retry=0.1)
            )
            (runtime,) = await stack.enter_async_context(connected([service], settings, urls))
            found[service.name] = runtime
        await stack.enter_async_context(working(list(found.values())))
        yield found


@pytest.fixture
async def urls(make_database: MakeDatabase, postgres_server: TestServer) -> dict[str, str]:
    async def prepare(connection: Any) -> None:
        await migrate(postgres_server.postgres.url(await connection.fetchval("select current_database()")))

    return {service.name: await make_database(prepare, "migrated") for service in SERVICES}


def document(type_: str, id_: str, data: object) -> Message:
    event = {"specversion": "1.0", "source": "erp", "id": id_, "type": type_, "data": data}
    return Message(b"C-1", orjson.dumps(event), (("content-type", b"application/cloudevents+json"),))


DOCUMENTS = {
    "erp.customers.v1": document(
        "erp.Customer.v1", "c1", {"customer": "C-1", "basics": {"name": "A", "type": "dealer", "currency": "CNY"}}
    ),
    "erp.invoices.v1": document(
        "erp.Invoice.v1",
        "i1",
        {"customer": "C-1", "invoice": "R-1", "invoice_date": "2026-01-05", "due": "2026-02-04",
         "amount": {"amount": "600.00", "currency": "CNY"}},
    ),
}  # fmt: skip


async def test_all_services_and_the_erp_do_their_work_with_the_rights_of_the_deployment(
    administrator: Access, urls: dict[str, str]
) -> None:
    erp = as_(administrator, "erp")
    topics = KafkaTopics(Layout(erp, make=False), "erp")
    for topic, message in DOCUMENTS.items():
        await topics.publish(topic, [message])
    await topics.close()
    async with at_work(administrator, urls) as runtimes:
        async with asyncio.timeout(90):
            while not await _settled(runtimes.values()):  # noqa: ASYNC110 - not so often: it asks every reader
                await asyncio.sleep(0.3)
        failed = {f"{s}/{n}": st.error for s, r in runtimes.items() for n, st in status(r).items() if st.error}
        assert failed == {}
        verdicts = [orjson.loads(r.value)["verdict"] for r in await everything(erp, RECEIPTS)]
        assert verdicts.count("accepted") == 2
        states = await everything(as_(administrator, user_of("credit")), ACCOUNT_STATE)
        assert orjson.loads(states[-1].value)["exposure"]["amount"] == "600.00"
        for runtime in runtimes.values():
            await _letters(runtime)
        await eventually(lambda: _emptied(administrator))


def status(runtime: Runtime) -> Mapping[str, Any]:
    assert runtime.supervisor is not None
    return runtime.supervisor.status()


async def _settled(runtimes: Iterable[Runtime]) -> bool:
    """The invoice is in the books and every reader of every log has dealt with all of it."""
    for runtime in runtimes:
        log = await relayed(runtime.database.pool)
        if log.events or any(lag.events for lag in (await runtime.lags()).values()):
            return False
        if runtime.service.name == "analytics" and not await runtime.database.pool.fetchval(
            "select exists (select from consumers where topic = 'credit' and last_pos > 0)"
        ):
            return False
    return True


async def _letters(runtime: Runtime) -> None:
    """Its topics of dead letters: made, written, read, of every topic it follows."""
    for context in runtime.bus.topics:
        topic = topic_of(runtime, context, "view:tried")
        said = (("dlq_service", runtime.service.name.encode()), ("dlq_group", b"view:tried"), ("dlq_customer", b"C-1"))
        await runtime.topics.publish(topic, [Message(b"C-1", b"{}", said)])
        assert await customers_in(runtime, topic) == [("view:tried", "C-1")]


async def _emptied(administrator: Access) -> bool:
    """What was read of persons is gone."""
    return not await everything(administrator, "erp.customers.v1")


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
async def test_no_service_writes_what_another_owns_and_the_refusal_says_what_to_do(
    administrator: Access, service: Any
) -> None:
    sender = Sender(as_(administrator, user_of(service.name)), "tried")
    foreign = [other for other in SERVICES if other is not service]
    tried = [of_context(c) for other in foreign for c in other.contexts] + ["erp.invoices.v1"]
    tried += [stated.topic for other in foreign for stated in other.states]
    for topic in tried:
        with pytest.raises(Unreachable, match=rf"{topic}: the broker does not allow this to our user, KEHU_KAFKA__"):
            await sender.send({(topic, 0): [Entry(b"C-1", b"{}", ())]})
    await sender.close()


async def test_a_reader_of_a_topic_that_is_not_its_own_or_in_a_group_of_another_is_told_so(
    administrator: Access,
) -> None:
    complaint = KafkaTopics(Layout(as_(administrator, user_of("complaint"))), "complaint")
    with pytest.raises(Unreachable, match=r"does not allow this to our user.*TopicAuthorizationFailedError.*ACLs"):
        await asyncio.wait_for(_read(complaint, "complaint.x", "erp.invoices.v1"), 20)
    credit = KafkaTopics(Layout(as_(administrator, user_of("credit"))), "credit")
    with pytest.raises(Unreachable, match=r"does not allow this to our user.*GroupAuthorizationFailedError"):
        await asyncio.wait_for(_read(credit, "customer.x", "erp.invoices.v1"), 20)


async def _read(topics: KafkaTopics, group: str, topic: str) -> None:
    reading = await topics.read(group, [topic], "one")
    try:
        while True:
            await reading.fetch(1, 0.2)
    finally:
        await reading.close()


async def test_a_topic_that_may_not_be_made_and_states_that_may_not_be_sent_are_refused_with_what_to_do(
    administrator: Access,
) -> None:
    credit = as_(administrator, user_of("credit"))
    with pytest.raises(Unreachable, match=r"kehu\.other\.v1.*does not allow this to our user"):
        await ensure(credit, [Topic("kehu.other.v1")])
    fenced = Sender(as_(administrator, user_of("customer")), "tried", ACCOUNT_STATE)
    with pytest.raises(Unreachable, match=r"TransactionalIdAuthorizationFailed.*users\.yaml"):
        await fenced.ready()


async def test_what_the_topics_are_like_may_be_looked_at_as_far_as_a_service_uses_them(administrator: Access) -> None:
    credit = as_(administrator, user_of("credit"))
    mine = [t for t in layout(At()).topics.values() if t.name in (of_context("credit"), "erp.invoices.v1", RECEIPTS)]
    assert all(not found.differs and found.parts == 12 for found in await look(Layout(credit, mine)))

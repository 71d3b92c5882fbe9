"""What processes leave behind that are stopped and killed, on real Kafka and real PostgreSQL, is the fold of the log.

Nothing acknowledged is missing, nothing is applied twice, and what everybody noted fits the log.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from engine import ids
from engine.kafka.access import Access
from engine.kafka.admin import Topic, counts, ensure, remove
from engine.kafka.relay import resend
from engine.ports import PARTS
from engine.testing.forked import Fork
from tests.faults.mending import replayed, strangers
from tests.faults.roles import BAD, CONTEXTS
from tests.faults.stage import Play, PostgreSQL, opening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TIMES = {"lease": 1.5, "late": 3.0, "patience": 5.0, "session": 1.5}
RATE, FLIGHT = 300, 20
TAKEN_OVER = """
select bool_and(owners = 2) from (
    select count(distinct owner) as owners from consumers where grp like 'view:%' group by grp) each_view"""
"""Of the three projectors the one that is stopped has nothing any more."""


@pytest.fixture
async def play(postgres: PostgreSQL, fork: Fork, kafka_cluster: str, tmp_path: Path) -> AsyncIterator[Play]:
    """Everybody at work: a writer, a relay, two projectors, a reactor."""
    made = await opening(
        postgres, fork, f"t{ids.new().hex[-12:]}", tmp_path / "notes", bootstrap=kafka_cluster, **TIMES
    )
    for job, arguments in (("write", (RATE, FLIGHT)), ("relay", ()), ("project", ()), ("project", ()), ("react", ())):
        made.enlist(job, *arguments)
    await made.grown(100)
    yield made
    for name in list(made.at_work):
        await made.kill(name)


async def test_every_process_is_killed_at_any_moment_and_another_one_comes(play: Play) -> None:
    for number in range(2):
        for job, arguments in (("write", (RATE, FLIGHT)), ("relay", ()), ("project", ()), ("react", ())):
            await play.kill(play.of(job)[0])
            play.enlist(job, *arguments)
            await asyncio.sleep(0.1 + 0.07 * number)
    await play.grown(300)
    assert (await play.verdict()).clean()


async def test_every_process_is_stopped_until_others_have_its_work_and_then_goes_on(play: Play) -> None:
    stopped = [play.of(job)[0] for job in ("write", "relay", "project", "react")]
    pauses = [asyncio.create_task(play.pause(name, 2 * TIMES["session"])) for name in stopped]
    play.enlist("relay")
    play.enlist("react")
    await asyncio.gather(*pauses)
    await play.grown(200)
    assert (await play.verdict()).clean()


@pytest.mark.parametrize("stop", ["folded", "moved"])
async def test_a_projector_stopped_with_a_batch_in_hand_writes_nothing_when_it_goes_on(play: Play, stop: str) -> None:
    zombie = play.enlist("project", "", stop)
    await play.at_work[zombie].said("stopped")
    if stop == "folded":
        await play.until("home", TAKEN_OVER)
    else:  # it has locked its positions: who takes them over waits
        await asyncio.sleep(2 * TIMES["session"])
    await play.at_work[zombie].signal(signal.SIGCONT)
    if stop == "folded":
        await play.at_work[zombie].said("refused")
    await play.grown(100)
    assert (await play.verdict()).clean()


async def test_a_relay_is_killed_between_the_acknowledgement_and_the_cursor(play: Play) -> None:
    await play.kill(play.of("relay")[0])
    doomed = play.enlist("relay", "sent")
    await play.at_work[doomed].said("stopped")
    await play.kill(doomed)
    play.enlist("relay")
    verdict = await play.verdict()
    assert verdict.clean()
    assert verdict.counts["published"] > verdict.counts["in the log"], "nothing was sent twice"


async def test_two_relays_believe_that_they_are_the_only_one(play: Play) -> None:
    await play.dismiss(play.of("relay")[0])
    for _ in range(2):
        play.enlist("relay", "", True)
    await play.until("log", "select epoch > 6 from relay")
    await play.grown(200)
    verdict = await play.verdict()
    assert verdict.clean()
    assert verdict.counts["epochs"] > 4, "the cursor hardly ever changed hands"


async def test_members_join_and_leave_all_the_time(play: Play) -> None:
    for number in range(6):
        play.enlist("project")
        await asyncio.sleep(0.4)
        await (play.kill if number % 2 else play.dismiss)(play.of("project")[0])
    assert (await play.verdict()).clean()


async def test_the_database_is_stopped_at_once_and_recovers(play: Play, postgres: PostgreSQL) -> None:
    await postgres.stop_immediately()
    await asyncio.sleep(0.5)
    await postgres.start_again()
    await play.grown(200)
    assert (await play.verdict()).clean()


async def test_a_restored_older_log_gives_positions_out_again_and_everybody_ends_in_its_state(play: Play) -> None:
    await play.backup()
    await play.grown(300)
    await play.restore()
    play.enlist("write", RATE, FLIGHT)
    await play.grown(400)
    verdict = await play.verdict()
    assert verdict.clean()
    assert verdict.counts["taken back"] >= 200, "the restore took nothing back"


async def test_a_new_cluster_is_filled_by_sending_the_log_again(play: Play) -> None:
    await play.silence()
    await play.settled()
    for name in list(play.at_work):
        await play.kill(name)
    play.stage.namespace = f"new-{play.stage.namespace}"
    access = play.stage.access()
    await ensure(access, [Topic(access.topic(c)) for c in CONTEXTS])
    async with play.pools() as (log, _):
        await resend(log, 0)
    for job, arguments in (("relay", ()), ("project", ()), ("react", ()), ("write", (RATE, FLIGHT))):
        play.enlist(job, *arguments)
    await play.grown(200)
    verdict = await play.verdict()
    assert verdict.clean()
    assert await kept(access) >= verdict.counts["in the log"], "the new cluster does not hold the whole log"


async def kept(access: Access) -> int:
    """How many records the topics hold."""
    consumer = AIOKafkaConsumer(**access.options())
    await consumer.start()
    try:
        parts = [TopicPartition(access.topic(c), part) for c in CONTEXTS for part in range(PARTS)]
        oldest, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        return sum(ends[part] - oldest[part] for part in parts)
    finally:
        await consumer.stop()


@pytest.mark.parametrize("made_by", ["somebody", "who misses them"])
async def test_topics_are_deleted_and_made_again_under_load(play: Play, made_by: str) -> None:
    access = play.stage.access()
    topics = [access.topic(c) for c in CONTEXTS]
    await remove(access, topics)
    if made_by == "somebody":
        await asyncio.sleep(0.5)
        await ensure(access, [Topic(topic) for topic in topics])
    else:
        await there(access, topics, parts=0)
        await there(access, topics, parts=PARTS)
        await play.published(200)
    await play.grown(200)
    assert (await play.verdict()).clean()


async def there(access: Access, topics: list[str], parts: int) -> None:
    """Until each of these topics has so many parts."""
    async with asyncio.timeout(60):
        while set((await counts(access, topics)).values()) != {parts}:  # noqa: ASYNC110 - a broker tells nobody
            await asyncio.sleep(0.1)


async def test_records_of_strangers_in_our_topics_are_passed_over(play: Play) -> None:
    async with play.pools() as (log, _):
        await strangers(play.stage.access(), await log.fetchval("select max(pos) from events"))
    await play.grown(200)
    assert (await play.verdict()).clean()


async def test_a_poisonous_payment_parks_one_customer_and_is_dealt_with_once_the_fold_is_mended(play: Play) -> None:
    for name in play.of("project"):
        await play.kill(name)
    for _ in range(2):
        play.enlist("project", "refusing")
    play.enlist("write", 20, 2, "bad")
    await play.until("home", "select count(*) > 3 from dead_letters")
    await play.grown(100)
    assert (await play.verdict(parked=[BAD])).clean()
    for name in play.of("project"):
        await play.dismiss(name)
    play.enlist("project")
    assert await replayed(play) > 0
    play.enlist("write", RATE, FLIGHT)
    await play.grown(50)
    assert (await play.verdict()).clean()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_consumers_are_deployed_before_or_after_their_producers_new_version(play: Play, when: str) -> None:
    old = play.of("project")
    if when == "before":
        play.enlist("project", "newer")
        await play.grown(100)
    play.enlist("write", RATE, FLIGHT, "newer")
    for name in old:
        assert "update this consumer first" in (await play.at_work[name].said("halted"))["why"]
    await play.grown(100)
    if when == "after":
        play.enlist("project", "newer")
    for name in old:
        await play.kill(name)
    assert (await play.verdict()).clean()

"""What people do to a running system: strangers who write into its topics, and whoever mends what was parked."""

from aiokafka import AIOKafkaProducer

from engine import ids
from engine.database import Database
from engine.deadletters import replay
from engine.kafka.access import Access
from engine.ports import PARTS
from engine.projector import Projector
from engine.serde import Serde
from engine.tablebus import TableBus
from engine.testing.sample_views import TOTALS
from tests.faults.roles import BAD, CONTEXTS, newer
from tests.faults.stage import Play


async def strangers(access: Access, head: int) -> None:
    """Records nobody of ours wrote, in every part of our topics."""
    life = str(ids.new()).encode()
    strange = [
        (b"", []),
        (b"{}", [("ce_sequence", b"many")]),
        (b"{}", [("ce_sequence", b"%020d" % (head + 1_000_000))]),
        (b"\xff", [("ce_sequence", b"1"), ("ce_kehulife", b"none")]),
        (b"{}", [("ce_sequence", b"%020d" % (head + 5)), ("ce_kehulife", life), ("ce_kehuprev", b"0")]),
    ]
    async with AIOKafkaProducer(**access.options()) as producer:
        for topic in map(access.topic, CONTEXTS):
            for part in range(PARTS):
                for value, headers in strange:
                    await producer.send_and_wait(topic, value, partition=part, headers=headers)
                await producer.send_and_wait(topic, None, key=b"C1", partition=part)


async def replayed(play: Play, version: str = "") -> int:
    """Deal with what is parked of the bad customer, by a fold that bears it: how many letters there were."""
    home, log = await Database.open(play.stage.home), await Database.open(play.stage.log)
    try:
        bus = TableBus(dict.fromkeys(CONTEXTS, log.reader), home.pool)
        serde = newer() if version else Serde()
        done = await replay(home.pool, bus, serde, Projector(TOTALS, home, bus, serde), BAD)
        assert done is not None, "it failed again"
        return done
    finally:
        await home.close()
        await log.close()

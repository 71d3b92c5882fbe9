"""A real Kafka beside the embedded database: where a company asks for one, and by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from all_in_one.home import ROOT
from all_in_one.keeping import kept_up
from chassis.buses import access
from chassis.settings import Kafka, Settings
from engine import local_kafka
from engine.kafka import admin
from engine.local_kafka import Jars, LocalKafka, NoKafka

POM = Path("deploy") / "kafka" / "pom.xml"
BROKERS = ROOT / "kafka"
"""Where its jars lie, and the data of one that was started by itself."""


@asynccontextmanager
async def kafka(folder: Path, *, brokers: int = 1, port: int = 0) -> AsyncIterator[LocalKafka]:
    """A cluster on `folder` while the block lasts, answering and ready for groups. Raises NoKafka with what to do."""
    cluster = await local_kafka.start(folder, jars(), brokers=brokers, port=port)
    try:
        await admin.ready(access(Kafka(bootstrap=cluster.bootstrap)))
        async with kept_up(cluster.brokers):
            yield cluster
    finally:
        await cluster.stop()


def jars() -> Jars:
    """Those of the tree we run from. Raises NoKafka where that is none."""
    places = [Path.cwd(), *Path(__file__).resolve().parents]
    pom = next((place / POM for place in places if (place / POM).exists()), None)
    if pom is None:
        raise NoKafka(f"{POM} is not here: run from a clone, or name a running Kafka with KEHU_KAFKA__BOOTSTRAP")
    return Jars(pom, pom.parents[2] / BROKERS / "jars")


@asynccontextmanager
async def on_bus(settings: Settings, folder: Path) -> AsyncIterator[Settings]:
    """`settings` with a cluster to speak to: the one that is named, else one of our own. The table bus needs none."""
    if settings.bus.kind == "table" or "bootstrap" in settings.kafka.model_fields_set:
        yield settings
        return
    async with kafka(folder) as cluster:
        found = settings.kafka.model_copy(update={"bootstrap": cluster.bootstrap})
        yield settings.model_copy(update={"kafka": found})

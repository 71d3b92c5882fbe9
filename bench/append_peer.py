"""Python `eventsourcing`: its PostgreSQL recorder, a thread a writer, the expected version by its primary key."""

import threading
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any
from uuid import uuid4

import orjson
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from bench.measure import Sample


class PeerStore:
    """Its recorder, with a connection for each writer."""

    def __init__(self, place: Mapping[str, str], writers: int) -> None:
        self._datastore = PostgresDatastore(
            place["POSTGRES_DBNAME"],
            place["POSTGRES_HOST"],
            place["POSTGRES_PORT"],
            place["POSTGRES_USER"],
            place["POSTGRES_PASSWORD"],
            pool_size=writers,
            max_overflow=2,
        )
        self._recorder = PostgresApplicationRecorder(self._datastore)
        self._recorder.create_table()

    def timed(self, writers: int, seconds: float, length: int, contents: Sequence[Any]) -> Sample:
        """So many writers for so long; each turns to a new stream after `length` events."""
        latencies: list[list[float]] = [[] for _ in range(writers)]
        end = perf_counter() + seconds

        def writer(mine: list[float]) -> None:
            stream, version = uuid4(), 0
            while (began := perf_counter()) < end:
                if version == length:
                    stream, version = uuid4(), 0
                state = orjson.dumps(contents[len(mine) % len(contents)])
                self._recorder.insert_events([StoredEvent(stream, version + 1, "bench:PaymentReceived", state)])
                mine.append(perf_counter() - began)
                version += 1

        threads = [threading.Thread(target=writer, args=(mine,)) for mine in latencies]
        began = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Sample(sum(map(len, latencies)), perf_counter() - began, [x for mine in latencies for x in mine])

    def close(self) -> None:
        self._datastore.close()

"""Documents on their way to the intake: sorted on disk, so that a million of them costs no memory.

They go service by service. Within one, documents of a customer keep their order: a customer belongs to one lane.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from threading import Lock
from typing import NamedTuple, Self
from zlib import crc32

import orjson

from all_in_one.mapping import BY_TYPE, Drafted
from all_in_one.refusals import Refusals, Refused
from events.erp import Customer

LANES = 2
AT_ONCE = 1000
LARGEST = 4_000_000
"""Documents and bytes of one batch, at most."""
TABLES = """
pragma journal_mode = off;
create table drafts (
    prefix text, lane integer, sooner integer, day integer, place integer,
    file text, line integer, type text, id text, effective text, recorded text, data blob
);
create table waiting (id text primary key, file text, line integer) without rowid;
"""
INSERT = "insert into drafts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LANE = """
select file, line, type, id, effective, recorded, data from drafts where prefix = ? and lane = ?
order by sooner, day, place, rowid
"""
SUMMARY = "select type, count(*), min(effective), max(effective) from drafts group by type"


class Queued(NamedTuple):
    """A document as it lies in the spool; `data` is its JSON."""

    file: str
    line: int
    type: str
    id: str
    effective: str
    recorded: str | None
    data: bytes


class Summary(NamedTuple):
    """How many documents of a type there are, and from when to when."""

    type: str
    documents: int
    first: str
    last: str


class SpoolFull(Exception):
    """There is no room on disk for the documents on their way."""


class Spool:
    """What is to be sent, on disk; it is gone at the end. `prefixes`: type -> path of the service that takes it."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(TABLES)
        self._reading = Lock()
        """Lanes are read in threads: closed under one that reads, SQLite would end the process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._reading:
            self._db.close()

    def fill(self, drafts: Iterable[Drafted], refusals: Refusals, *, by_date: bool) -> None:
        """Take all drafts, the problems among them as refusals.

        `by_date`: sorted by effective date, customers' own records before all else; otherwise in the order given.
        Raises SpoolFull.
        """
        rows = (self._row(d, by_date) for d in drafts if not _refused(d, refusals))
        with _room():
            self._db.execute("begin")
            while some := list(islice(rows, AT_ONCE)):
                self._db.executemany(INSERT, some)
            self._db.execute("commit")

    def _row(self, draft: Drafted, by_date: bool) -> tuple[object, ...]:
        lane = crc32(str(draft.data.get("customer")).encode()) % LANES
        rank = (draft.type != Customer.type, draft.effective.toordinal(), draft.order) if by_date else (0, 0, 0)
        when = (draft.effective.isoformat(), draft.recorded and draft.recorded.isoformat())
        what = (draft.file, draft.line, draft.type, draft.id)
        return (self._prefixes[draft.type], lane, *rank, *what, *when, orjson.dumps(draft.data))

    @property
    def documents(self) -> int:
        return int(self._db.execute("select count(*) from drafts").fetchone()[0])

    def summary(self) -> list[Summary]:
        """What lies here, by type."""
        found = [Summary(*row) for row in self._db.execute(SUMMARY)]
        return sorted(found, key=lambda s: list(BY_TYPE).index(s.type))

    def lane(self, prefix: str, lane: int) -> Iterator[list[Queued]]:
        """The documents of one lane of a service in their order, in batches. Raises SpoolFull."""
        batch, size = list[Queued](), 0
        with _room():
            for queued in self._queued(prefix, lane):
                if batch and (len(batch) == AT_ONCE or size + len(queued.data) > LARGEST):
                    yield batch
                    batch, size = [], 0
                batch.append(queued)
                size += len(queued.data)
        if batch:
            yield batch

    def _queued(self, prefix: str, lane: int) -> Iterator[Queued]:
        with self._reading:
            rows = self._db.execute(LANE, (prefix, lane))
        while True:
            with self._reading:
                row = rows.fetchone()
            if row is None:
                return
            yield Queued(*row)

    # --- what waits for what it refers to -------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Documents that wait."""
        return int(self._db.execute("select count(*) from waiting").fetchone()[0])

    def waits(self, queued: Queued) -> None:
        """It was answered so."""
        self._db.execute("insert or replace into waiting values (?, ?, ?)", (queued.id, queued.file, queued.line))

    def waited(self, key: str) -> tuple[str, int] | None:
        """File and line of a document that waited and does no longer; None of one that did not."""
        return self._db.execute("delete from waiting where id = ? returning file, line", (key,)).fetchone()  # type: ignore[no-any-return]


def _refused(draft: Drafted, refusals: Refusals) -> bool:
    if draft.problem:
        where = (draft.file, draft.line, draft.id)
        refusals.add(Refused(*where, "row-does-not-fit", draft.problem, draft.column, draft.value))
    return bool(draft.problem)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        told = "there is no room left on disk for the documents on their way; name another folder with TMPDIR"
        raise SpoolFull(told) from error

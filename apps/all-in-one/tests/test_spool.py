"""Documents wait on disk for their turn: by date, by customer in order, in batches that fit; problems go elsewhere."""

import sqlite3
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from all_in_one import spool as spooling
from all_in_one.mapping import Drafted
from all_in_one.refusals import Refusals, Refused, reported
from all_in_one.spool import LANES, Spool, SpoolFull, Summary

PREFIXES = {"erp.Customer.v1": "/customers", "erp.Order.v1": "/customers", "erp.Invoice.v1": "/credit"}
DAY = date(2024, 3, 1)


def draft(kind: str, key: str, day: int = 0, *, customer: str = "C1", order: int = 0, size: int = 0) -> Drafted:
    data = {"customer": customer, "filler": "x" * size}
    return Drafted("f.csv", 2, f"erp.{kind}.v1", key, DAY + timedelta(day), data, order=order)


def filled(*drafts: Drafted, by_date: bool = True) -> Spool:
    spool = Spool(PREFIXES)
    spool.fill(drafts, Refusals(), by_date=by_date)
    return spool


def sent(spool: Spool, prefix: str) -> list[str]:
    return [q.id for lane in range(LANES) for batch in spool.lane(prefix, lane) for q in batch]


def test_documents_go_by_date_then_by_their_place_in_the_mapping_then_as_they_were_read() -> None:
    late, second, first, again = (
        draft("Order", "late", 5), draft("Order", "second", 1, order=2), draft("Order", "first", 1, order=1),
        draft("Order", "again", 1, order=2),
    )  # fmt: skip
    assert sent(filled(late, second, first, again), "/customers") == ["first", "second", "again", "late"]


def test_a_customers_own_record_goes_before_what_is_older_than_it() -> None:
    """An ERP that was replaced in 2020 says that of all its customers, and still has their orders of 2015."""
    assert sent(filled(draft("Order", "O1"), draft("Customer", "C1", 2000)), "/customers") == ["C1", "O1"]


def test_documents_go_in_the_order_given_where_that_is_asked() -> None:
    assert sent(filled(draft("Order", "O1", 9), draft("Customer", "C1"), by_date=False), "/customers") == ["O1", "C1"]


def test_all_documents_of_a_customer_are_in_one_lane_and_every_document_in_one_of_them() -> None:
    spool = filled(*(draft("Order", f"{c}-{n * 7919}", n, customer=f"C{c}") for c in range(40) for n in range(5)))
    lanes = [{q.id.partition("-")[0] for b in spool.lane("/customers", n) for q in b} for n in range(LANES)]
    assert all(lanes)
    assert not set.intersection(*lanes)
    assert len(set.union(*lanes)) == 40


def test_a_batch_holds_so_many_documents_and_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "AT_ONCE", 4)
    monkeypatch.setattr(spooling, "LARGEST", 3000)
    sizes = [10] * 6 + [1500, 1500, 1500, 9000, 10]
    spool = filled(*(draft("Order", str(n), n, size=size) for n, size in enumerate(sizes)))
    batches = [len(batch) for lane in range(LANES) for batch in spool.lane("/customers", lane)]
    assert batches == [4, 3, 1, 1, 1, 1]


def test_a_problem_is_a_refusal_and_is_not_sent() -> None:
    bad = Drafted("f.csv", 7, "", "f:7", DAY, {}, "this is no date", column="day", value="soon")
    refusals = Refusals()
    with Spool(PREFIXES) as spool:
        spool.fill([bad, draft("Order", "O1")], refusals, by_date=True)
        assert spool.documents == 1
    assert refusals.first == [Refused("f.csv", 7, "f:7", "row-does-not-fit", "this is no date", "day", "soon")]


def test_the_summary_says_how_many_of_what_and_from_when_to_when() -> None:
    spool = filled(draft("Invoice", "I1", 3), draft("Customer", "C1"), draft("Invoice", "I2", 1))
    assert spool.summary() == [
        Summary("erp.Customer.v1", 1, "2024-03-01", "2024-03-01"),
        Summary("erp.Invoice.v1", 2, "2024-03-02", "2024-03-04"),
    ]


def test_an_import_that_stops_closes_the_spool_only_when_no_lane_is_being_read() -> None:
    """SQLite ended the process: one lane had failed, another was still being read in its thread."""
    spool = filled(*(draft("Order", f"O{n}", n) for n in range(100)))
    reading, go_on = Event(), Event()

    def held() -> None:
        reading.set()
        go_on.wait()

    def read() -> None:
        with suppress(sqlite3.ProgrammingError):  # what it reads from is closed between two steps
            sent(spool, "/customers")

    spool._db.set_progress_handler(held, 1)  # called in the middle of a step
    reader, closer = Thread(target=read), Thread(target=spool.__exit__)
    reader.start()
    reading.wait()
    try:
        closer.start()
        closer.join(0.2)
        assert closer.is_alive()
    finally:
        go_on.set()
        closer.join()
        reader.join()


def test_what_waits_is_counted_until_it_is_answered_for_good() -> None:
    spool = filled(draft("Order", "O1"))
    ((queued,),) = (batch for lane in range(LANES) for batch in spool.lane("/customers", lane))
    spool.waits(queued)
    spool.waits(queued)
    assert spool.waiting == 1
    assert (spool.waited("O1"), spool.waited("O1"), spool.waiting) == (("f.csv", 2), None, 0)


def test_a_full_disk_says_so_and_what_to_do() -> None:
    spool = Spool(PREFIXES)
    spool._db.execute("pragma max_page_count = 4")
    with pytest.raises(SpoolFull, match=r"no room left on disk .* name another folder with TMPDIR"):
        spool.fill([draft("Order", "O1", size=100_000)], Refusals(), by_date=True)


def test_all_refusals_are_in_the_report_and_twenty_are_shown(tmp_path: Path) -> None:
    report = tmp_path / "refused.csv"
    with reported(report) as refusals:
        assert not report.exists()
        for n in range(50):
            refusals.add(Refused("订单.csv", n, f"D{n}", "row-does-not-fit", "this is no date", "日期", "明天"))
    lines = report.read_text("utf-8-sig").splitlines()
    assert (len(lines), len(refusals.first), refusals.count) == (51, 20, 50)
    assert lines[0] == "file,line,document,rule,sentence,column,value"
    assert lines[50] == "订单.csv,49,D49,row-does-not-fit,this is no date,日期,明天"

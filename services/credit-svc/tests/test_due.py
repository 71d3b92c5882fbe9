"""What is open by due date: as a dict of dates and amounts would say it, in a quarter of the memory."""

import sys
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from credit_svc.domain.due import OpenByDueDate

FIRST = date(2026, 1, 1)
days = st.integers(0, 12).map(lambda n: FIRST + timedelta(days=n))
amounts = st.decimals(-(10**17), 10**17, places=3) | st.integers(-5, 5).map(Decimal)
changes = st.lists(st.lists(st.tuples(days, amounts), max_size=4), max_size=8)
ADAPTER = TypeAdapter(OpenByDueDate)


@given(changes)
def test_it_says_what_sums_by_day_say_and_leaves_out_what_is_settled(rounds: list[list[tuple[date, Decimal]]]) -> None:
    due, sums = OpenByDueDate(), dict[date, Decimal]()
    for moves in rounds:
        before, said = due, dict(due)
        due = due.moved(moves)
        assert before == said
        for day, amount in moves:
            sums[day] = sums.get(day, Decimal(0)) + amount
    open_now = {day: amount for day, amount in sorted(sums.items()) if amount}
    assert due == open_now == OpenByDueDate.of(open_now)
    assert list(due) == list(open_now)
    assert due.earliest == min(open_now, default=None)
    assert [due.get(FIRST + timedelta(days=n)) for n in range(14)] == [
        open_now.get(FIRST + timedelta(days=n)) for n in range(14)
    ]
    assert ADAPTER.validate_json(ADAPTER.dump_json(due)) == due


def test_a_snapshot_of_the_time_when_it_was_a_dict_is_read() -> None:
    kept = TypeAdapter(dict[date, Decimal]).dump_json({FIRST: Decimal("10.50")})
    assert ADAPTER.validate_json(kept) == {FIRST: Decimal("10.5")}
    assert ADAPTER.dump_json(OpenByDueDate.of({FIRST: Decimal("10.50")})) == kept


def test_amounts_of_twenty_digits_are_kept_to_the_last() -> None:
    most = Decimal("99999999999999999.999")
    assert OpenByDueDate.of({FIRST: most}).moved([(FIRST, most)])[FIRST] == 2 * most


def test_the_dates_on_which_a_customer_owes_took_most_of_the_memory_of_an_import() -> None:
    hundred = {FIRST + timedelta(days=n): Decimal(1_000_000 + n) / 100 for n in range(100)}
    due = OpenByDueDate.of(hundred)
    parts = [due._days, due._units, *due._units]
    dates = [part for pair in hundred.items() for part in pair]
    assert sum(map(sys.getsizeof, parts)) * 3 < sys.getsizeof(hundred) + sum(map(sys.getsizeof, dates))
